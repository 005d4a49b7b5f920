using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Layer normalisation (Ba et al., 2016): y = w · (x − mean) / √(variance + ε) + b, row by row.</summary>
public static unsafe class LayerNorm
{
    /// <param name="x">(rows, columns)</param>
    /// <param name="weight">(columns)</param>
    /// <param name="bias">(columns), or empty for none</param>
    /// <param name="y">(rows, columns); not x</param>
    /// <param name="moments">(rows, 2): the mean and 1 / √(variance + ε), kept for the backward pass.</param>
    public static void Forward(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float epsilon,
        Span<float> y, Span<float> moments, int rows, int columns)
    {
        Check(x.Length, weight.Length, bias.Length, moments.Length, rows, columns);
        Guard.Length(y.Length, x.Length, nameof(y));
        fixed (float* px = x, pw = weight, pb = bias, py = y, pm = moments)
        {
            var blocks = new RowBlocks(rows, columns);
            var kernel = new ForwardKernel { X = px, Weight = pw, Bias = bias.IsEmpty ? null : pb, Y = py, Moments = pm, Epsilon = epsilon, Columns = columns, Blocks = blocks };
            Dispatch.Run(ref kernel, blocks.Count, blocks.Threaded);
        }
    }

    private struct ForwardKernel : IKernel
    {
        public float* X, Weight, Bias, Y, Moments;
        public float Epsilon;
        public int Columns;
        public RowBlocks Blocks;

        public readonly void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            for (int r = Blocks.Start(part); r < Blocks.End(part); r++)
            {
                float* x = X + (nint)r * Columns, y = Y + (nint)r * Columns;
                double sum = 0;
                for (int i = 0; i < Columns; i++)
                    sum += x[i];
                float mean = (float)(sum / Columns);
                for (int i = 0; i < Columns; i++)
                    y[i] = x[i] - mean;
                float inverse = (float)(1 / Math.Sqrt(LaneReduce.SumOfSquares<TLanes>(y, Columns) / Columns + Epsilon));
                (Moments[2 * r], Moments[2 * r + 1]) = (mean, inverse);
                for (int i = 0; i < Columns; i++)
                    y[i] = y[i] * inverse * Weight[i] + (Bias == null ? 0 : Bias[i]);
            }
        }
    }

    /// <summary>
    /// With n = (x − mean)·inverse and g = dy · weight: dx += inverse · (g − mean(g) − n · mean(g · n)),
    /// dWeight += Σ rows dy · n, dBias += Σ rows dy.
    /// </summary>
    /// <param name="dx">(rows, columns), added to; empty where x is frozen.</param>
    /// <param name="dWeight">(columns), added to; empty where the weight is frozen.</param>
    /// <param name="dBias">(columns), added to; empty where there is none or it is frozen.</param>
    public static void Backward(ReadOnlySpan<float> dy, ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> moments,
        Span<float> dx, Span<float> dWeight, Span<float> dBias, int rows, int columns)
    {
        Check(x.Length, weight.Length, dBias.Length, moments.Length, rows, columns);
        Guard.Length(dy.Length, x.Length, nameof(dy));
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> d = dy.Slice(r * columns, columns), v = x.Slice(r * columns, columns);
            float mean = moments[2 * r], inverse = moments[2 * r + 1];
            double sum = 0, along = 0;
            for (int i = 0; i < columns; i++)
            {
                float g = d[i] * weight[i];
                sum += g;
                along += g * (v[i] - mean);
            }
            float meanG = (float)(sum / columns), pull = (float)(along / columns * inverse * inverse);
            Span<float> to = dx.IsEmpty ? default : dx.Slice(r * columns, columns);
            for (int i = 0; i < to.Length; i++)
                to[i] += inverse * (d[i] * weight[i] - meanG - (v[i] - mean) * pull);
            for (int i = 0; i < dWeight.Length; i++)
                dWeight[i] += d[i] * (v[i] - mean) * inverse;
            if (!dBias.IsEmpty)
                VectorMath.AddInPlace(dBias, d);
        }
    }

    private static void Check(int x, int weight, int bias, int moments, int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        Guard.NotNegative(columns, nameof(columns));
        Guard.Length(x, (long)rows * columns, nameof(x));
        Guard.Length(weight, columns, nameof(weight));
        if (bias != 0)
            Guard.Length(bias, columns, nameof(bias));
        Guard.Length(moments, 2L * rows, nameof(moments));
    }
}
