using Cleave.Numerics;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Bag;

/// <summary>
/// A table of one float vector a known n-gram, pooled over a text's features: p = Σ wᵢ·E[rowᵢ]. It stands in
/// front of a bag's head, or its pooled vector is added to the logits or the pooled state of another model.
/// E is (rows, dim), p is (dim).
/// </summary>
public sealed class NgramEmbedding
{
    /// <param name="table">(rows, dim), row after row; kept, not copied.</param>
    public NgramEmbedding(int rows, int dim, float[] table)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(dim, 1);
        ArgumentNullException.ThrowIfNull(table);
        if (table.LongLength != (long)rows * dim)
            throw new ArgumentException($"{table.LongLength} values for a table of {rows}×{dim}", nameof(table));
        (Rows, Dim, Table) = (rows, dim, table);
    }

    public int Rows { get; }

    public int Dim { get; }

    public float[] Table { get; }

    /// <summary>A table of normal numbers with the given standard deviation; 0 gives zeros, for a bag added to a trained model.</summary>
    public static NgramEmbedding Random(int rows, int dim, float deviation, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(rng);
        var table = new float[checked(rows * dim)];
        if (deviation != 0)
        {
            foreach (ref float value in table.AsSpan())
                value = deviation * (float)rng.NextGaussian();
        }
        return new NgramEmbedding(rows, dim, table);
    }

    public Span<float> Row(int row) => Table.AsSpan(row * Dim, Dim);

    /// <summary>pooled = Σ weights[i]·E[rows[i]]; no features give zeros.</summary>
    /// <param name="pooled">(dim), overwritten.</param>
    public void Forward(ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, Span<float> pooled)
    {
        pooled = pooled[..Dim];
        pooled.Clear();
        for (int i = 0; i < rows.Length; i++)
            VectorMath.AddScaled(pooled, Row(rows[i]), weights[i]);
    }

    /// <summary>∂E[rows[i]] += weights[i]·dPooled, kept as a sum to be formed when the optimizer asks for it.</summary>
    /// <param name="dPooled">(dim), the loss's derivative by the pooled vector; copied.</param>
    public void Backward(ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, ReadOnlySpan<float> dPooled, SparseGradient gradient)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        gradient.Add(rows, weights, dPooled[..Dim]);
    }
}
