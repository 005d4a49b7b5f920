using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>softmax(x)ᵢ = exp(xᵢ − max x) / Σⱼ exp(xⱼ − max x).</summary>
public static class Softmax
{
    /// <summary>Replaces each row of x (rows, columns) by its softmax. A row of −∞ only gives NaN.</summary>
    public static void Rows(Span<float> x, int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        Guard.NotNegative(columns, nameof(columns));
        Guard.Length(x.Length, (long)rows * columns, nameof(x));
        if (columns == 0)
            return;
        for (int r = 0; r < rows; r++)
            Scalar(x.Slice(r * columns, columns));
    }

    private static void Scalar(Span<float> row)
    {
        float max = VectorMath.Max(row), sum = 0;
        for (int i = 0; i < row.Length; i++)
            sum += row[i] = MathF.Exp(row[i] - max);
        float scale = 1 / sum;
        for (int i = 0; i < row.Length; i++)
            row[i] *= scale;
    }
}
