using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Adafactor: second moments kept as one number a row and one a column (Shazeer and Stern, 2018).</summary>
public static unsafe partial class OptimizerSteps
{
    private const int ColumnsAtOnce = 256;

    /// <summary>
    /// The direction of a matrix as PyTorch computes it: with β = 1 − <paramref name="share"/>, R = βR + (1 − β)·mean of each row of g²,
    /// C = βC + (1 − β)·mean of each column; the gradient becomes g / max(√(R·C / max(mean R, ε)), ε).
    /// </summary>
    /// <param name="gradient">(rows, columns): in the gradient, out the direction.</param>
    /// <param name="rowMoments">R (rows)</param>
    /// <param name="columnMoments">C (columns)</param>
    /// <param name="gradientScale">Multiplies the gradient before use.</param>
    public static void FactoredDirection(Span<float> gradient, Span<float> rowMoments, Span<float> columnMoments, float share, float epsilon, float gradientScale)
    {
        int rows = rowMoments.Length, columns = columnMoments.Length;
        Guard.Length(gradient.Length, (long)rows * columns, nameof(gradient));
        if (gradient.IsEmpty)
            return;
        fixed (float* g = gradient, r = rowMoments, c = columnMoments)
        {
            var blocks = new RowBlocks(rows, columns);
            float squared = gradientScale * gradientScale;
            var rowKernel = new RowMomentKernel { Gradient = g, Moments = r, Columns = columns, Share = share, Scale = squared / columns, Blocks = blocks };
            Dispatch.Run(ref rowKernel, blocks.Count, blocks.Threaded);
            var columnKernel = new ColumnMomentKernel { Gradient = g, Moments = c, Rows = rows, Columns = columns, Share = share, Scale = squared / rows };
            Dispatch.Run(ref columnKernel, (columns + ColumnsAtOnce - 1) / ColumnsAtOnce, blocks.Threaded);
            double sum = 0;
            foreach (float moment in rowMoments)
                sum += moment;
            var direction = new FactoredKernel
            {
                Gradient = g,
                RowMoments = r,
                ColumnMoments = c,
                Columns = columns,
                Scale = gradientScale,
                InverseMean = (float)(1 / Math.Max(sum / rows, epsilon)),
                LeastSquare = epsilon * epsilon,
                Blocks = blocks,
            };
            Dispatch.Run(ref direction, blocks.Count, blocks.Threaded);
        }
    }

    private struct RowMomentKernel : IKernel
    {
        public float* Gradient, Moments;
        public int Columns;
        public float Share, Scale;
        public RowBlocks Blocks;

        public readonly void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            for (int r = Blocks.Start(part); r < Blocks.End(part); r++)
            {
                float mean = (float)(LaneReduce.SumOfSquares<TLanes>(Gradient + (nint)r * Columns, Columns) * Scale);
                Moments[r] += Share * (mean - Moments[r]);
            }
        }
    }

    private struct ColumnMomentKernel : IKernel
    {
        public float* Gradient, Moments;
        public int Rows, Columns;
        public float Share, Scale;

        public readonly void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            int first = part * ColumnsAtOnce, count = Math.Min(ColumnsAtOnce, Columns - first), i;
            float* sums = stackalloc float[ColumnsAtOnce];
            new Span<float>(sums, count).Clear();
            for (int r = 0; r < Rows; r++)
            {
                float* g = Gradient + (nint)r * Columns + first;
                for (i = 0; i + TLanes.Width <= count; i += TLanes.Width)
                {
                    TLanes x = TLanes.Load(g + i);
                    TLanes.Store(sums + i, TLanes.MultiplyAdd(x, x, TLanes.Load(sums + i)));
                }
                for (; i < count; i++)
                    sums[i] += g[i] * g[i];
            }
            for (i = 0; i < count; i++)
                Moments[first + i] += Share * (sums[i] * Scale - Moments[first + i]);
        }
    }

    private struct FactoredKernel : IKernel
    {
        public float* Gradient, RowMoments, ColumnMoments;
        public int Columns;
        public float Scale, InverseMean, LeastSquare;
        public RowBlocks Blocks;

        public readonly void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            TLanes least = TLanes.Broadcast(LeastSquare), scale = TLanes.Broadcast(Scale);
            for (int r = Blocks.Start(part); r < Blocks.End(part); r++)
            {
                float* g = Gradient + (nint)r * Columns;
                TLanes row = TLanes.Broadcast(RowMoments[r] * InverseMean);
                int i = 0;
                for (; i + TLanes.Width <= Columns; i += TLanes.Width)
                    TLanes.Store(g + i, TLanes.Load(g + i) * scale / TLanes.Sqrt(TLanes.Max(row * TLanes.Load(ColumnMoments + i), least)));
                if (i < Columns)
                {
                    int rest = Columns - i;
                    TLanes root = TLanes.Sqrt(TLanes.Max(row * TLanes.LoadPartial(ColumnMoments + i, rest, default), least));
                    TLanes.StorePartial(g + i, rest, TLanes.LoadPartial(g + i, rest, default) * scale / root);
                }
            }
        }
    }

    /// <summary>As <see cref="FactoredDirection"/> for a vector, whose second moments are kept whole: v = βv + (1 − β)g²; the gradient becomes g / max(√v, ε).</summary>
    public static void UnfactoredDirection(Span<float> gradient, Span<float> moments, float share, float epsilon, float gradientScale)
    {
        Guard.Length(moments.Length, gradient.Length, nameof(moments));
        fixed (float* g = gradient, v = moments)
        {
            ElementWise.Run(new UnfactoredOperation { Gradient = g, Moments = v, Share = share, Scale = gradientScale, LeastSquare = epsilon * epsilon }, gradient.Length);
        }
    }

    private struct UnfactoredOperation : IElementWise
    {
        public float* Gradient, Moments;
        public float Share, Scale, LeastSquare;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes g = place.Load(Gradient) * TLanes.Broadcast(Scale), v = place.Load(Moments);
            v = TLanes.MultiplyAdd(TLanes.Broadcast(Share), g * g - v, v);
            place.Store(Moments, v);
            place.Store(Gradient, g / TLanes.Sqrt(TLanes.Max(v, TLanes.Broadcast(LeastSquare))));
        }
    }
}
