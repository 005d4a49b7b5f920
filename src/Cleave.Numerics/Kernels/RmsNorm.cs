using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Root-mean-square normalisation (Zhang and Sennrich, 2019): y = w · x / √(mean(x²) + ε).</summary>
public static class RmsNorm
{
    /// <summary>y = weight · x · inverseRms, row by row.</summary>
    /// <param name="x">(rows, columns)</param>
    /// <param name="weight">(columns)</param>
    /// <param name="y">(rows, columns); may be x.</param>
    /// <param name="inverseRms">(rows): 1 / √(mean(x²) + ε), kept for the backward pass.</param>
    public static void Forward(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y, Span<float> inverseRms,
        int rows, int columns)
    {
        Check(x.Length, weight.Length, inverseRms.Length, rows, columns);
        Guard.Length(y.Length, x.Length, nameof(y));
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> row = x.Slice(r * columns, columns);
            double squares = 0;
            foreach (float v in row)
                squares += (double)v * v;
            float scale = inverseRms[r] = (float)(1 / Math.Sqrt(squares / columns + epsilon));
            for (int i = 0; i < columns; i++)
                y[r * columns + i] = row[i] * scale * weight[i];
        }
    }

    /// <summary>
    /// With g = dy · weight: dx += inverseRms · (g − x · inverseRms² · mean(g · x)), dWeight += Σ rows dy · x · inverseRms.
    /// </summary>
    /// <param name="dx">(rows, columns), added to.</param>
    /// <param name="dWeight">(columns), added to; empty where the weight is frozen.</param>
    public static void Backward(ReadOnlySpan<float> dy, ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> inverseRms,
        Span<float> dx, Span<float> dWeight, int rows, int columns)
    {
        Check(x.Length, weight.Length, inverseRms.Length, rows, columns);
        Guard.Length(dy.Length, x.Length, nameof(dy));
        Guard.Length(dx.Length, x.Length, nameof(dx));
        if (dWeight.Length != 0)
            Guard.Length(dWeight.Length, columns, nameof(dWeight));
        for (int r = 0; r < rows; r++)
        {
            int at = r * columns;
            float scale = inverseRms[r];
            double dot = 0;
            for (int i = 0; i < columns; i++)
                dot += (double)dy[at + i] * weight[i] * x[at + i];
            float pull = (float)(dot / columns * scale * scale);
            for (int i = 0; i < columns; i++)
                dx[at + i] += scale * (dy[at + i] * weight[i] - x[at + i] * pull);
            for (int i = 0; i < dWeight.Length; i++)
                dWeight[i] += dy[at + i] * x[at + i] * scale;
        }
    }

    private static void Check(int x, int weight, int inverseRms, int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        Guard.NotNegative(columns, nameof(columns));
        Guard.Length(x, (long)rows * columns, nameof(x));
        Guard.Length(weight, columns, nameof(weight));
        Guard.Length(inverseRms, rows, nameof(inverseRms));
    }
}
