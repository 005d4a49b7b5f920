using System.Numerics;
using System.Runtime.InteropServices;
using Cleave.Models.Bag;

namespace Cleave.Training.Bag;

/// <summary>
/// Adam (Kingma and Ba, 2015) for dense arrays and for tables of which a batch
/// touches few rows: moments of rows without a gradient stand still.
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − η·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε), the paper's
/// short form.
/// </summary>
internal sealed class LazyAdam(int size)
{
    private const float Beta1 = 0.9f, Beta2 = 0.999f, Epsilon = 1e-8f;

    private readonly float[] _m = new float[size];
    private readonly float[] _v = new float[size];

    /// <summary>One step of all of a dense array.</summary>
    /// <param name="step">Number of this step, from 1.</param>
    public void Step(Span<float> weights, ReadOnlySpan<float> gradient, float rate, int step)
        => Update(weights, gradient, _m, _v, Corrected(rate, step));

    /// <summary>One step of the touched rows of a table.</summary>
    /// <param name="scratch">(dim)</param>
    public void Step(NgramEmbedding table, SparseGradient gradient, Span<float> scratch, float rate, int step)
    {
        int dim = table.Dim;
        scratch = scratch[..dim];
        float corrected = Corrected(rate, step);
        ReadOnlySpan<int> rows = gradient.TouchedRows;
        for (int slot = 0; slot < rows.Length; slot++)
        {
            gradient.Form(slot, scratch);
            int at = rows[slot] * dim;
            Update(table.Table.AsSpan(at, dim), scratch, _m.AsSpan(at, dim), _v.AsSpan(at, dim), corrected);
        }
    }

    /// <summary>Both bias corrections, drawn together into the rate: η·√(1−β₂ᵗ)/(1−β₁ᵗ).</summary>
    private static float Corrected(float rate, int step)
        => (float)(rate * Math.Sqrt(1 - Math.Pow(Beta2, step)) / (1 - Math.Pow(Beta1, step)));

    private static void Update(Span<float> w, ReadOnlySpan<float> g, Span<float> m, Span<float> v, float rate)
    {
        int whole = w.Length - (w.Length % Vector<float>.Count);
        Span<Vector<float>> wv = MemoryMarshal.Cast<float, Vector<float>>(w[..whole]);
        ReadOnlySpan<Vector<float>> gv = MemoryMarshal.Cast<float, Vector<float>>(g[..whole]);
        Span<Vector<float>> mv = MemoryMarshal.Cast<float, Vector<float>>(m[..whole]);
        Span<Vector<float>> vv = MemoryMarshal.Cast<float, Vector<float>>(v[..whole]);
        var step = new Vector<float>(rate);
        var small = new Vector<float>(Epsilon);
        for (int i = 0; i < wv.Length; i++)
        {
            Vector<float> grad = gv[i];
            Vector<float> first = mv[i] + ((1 - Beta1) * (grad - mv[i]));
            Vector<float> second = vv[i] + ((1 - Beta2) * ((grad * grad) - vv[i]));
            (mv[i], vv[i]) = (first, second);
            wv[i] = wv[i] - (step * first / (Vector.SquareRoot(second) + small));
        }
        for (int i = whole; i < w.Length; i++)
        {
            m[i] += (1 - Beta1) * (g[i] - m[i]);
            v[i] += (1 - Beta2) * ((g[i] * g[i]) - v[i]);
            w[i] -= rate * m[i] / (MathF.Sqrt(v[i]) + Epsilon);
        }
    }
}
