using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Root-mean-square normalisation (Zhang and Sennrich, 2019): y = w · x / √(mean(x²) + ε).</summary>
public static unsafe class RmsNorm
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
        fixed (float* px = x, pw = weight, py = y, pr = inverseRms)
        {
            var blocks = new RowBlocks(rows, columns);
            var kernel = new ForwardKernel { X = px, Weight = pw, Y = py, Inverse = pr, Epsilon = epsilon, Columns = columns, Blocks = blocks };
            Dispatch.Run(ref kernel, blocks.Count, blocks.Threaded);
        }
    }

    private struct ForwardKernel : IKernel
    {
        public float* X, Weight, Y, Inverse;
        public float Epsilon;
        public int Columns;
        public RowBlocks Blocks;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            int w = TLanes.Width, columns = Columns, end = Blocks.End(part);
            float* weight = Weight;
            for (int r = Blocks.Start(part); r < end; r++)
            {
                float* x = X + (nint)r * columns, y = Y + (nint)r * columns;
                double mean = LaneReduce.SumOfSquares<TLanes>(x, columns) / columns;
                float inverse = Inverse[r] = (float)(1 / Math.Sqrt(mean + Epsilon));
                TLanes scale = TLanes.Broadcast(inverse);
                int i = 0;
                for (; i + w <= columns; i += w)
                    TLanes.Store(y + i, TLanes.Load(x + i) * scale * TLanes.Load(weight + i));
                if (i < columns)
                {
                    int rest = columns - i;
                    TLanes.StorePartial(y + i, rest,
                        TLanes.LoadPartial(x + i, rest, default) * scale * TLanes.LoadPartial(weight + i, rest, default));
                }
            }
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
        var blocks = new RowBlocks(rows, columns);
        // Every block sums its own share of dWeight; the shares are added in order, whoever computed them.
        using Scratch shares = Scratch.Rent((long)blocks.Count * dWeight.Length);
        fixed (float* pdy = dy, px = x, pw = weight, pr = inverseRms, pdx = dx, pdw = dWeight)
        {
            var kernel = new BackwardKernel
            {
                Dy = pdy,
                X = px,
                Weight = pw,
                Inverse = pr,
                Dx = pdx,
                Shares = dWeight.Length == 0 ? null : shares.Pointer,
                Columns = columns,
                Blocks = blocks,
            };
            Dispatch.Run(ref kernel, blocks.Count, blocks.Threaded);
            for (int b = 0; b < blocks.Count && dWeight.Length != 0; b++)
                VectorMath.AddInPlace(dWeight, new ReadOnlySpan<float>(shares.Pointer + (nint)b * columns, columns));
        }
    }

    private struct BackwardKernel : IKernel
    {
        public float* Dy, X, Weight, Inverse, Dx, Shares;
        public int Columns;
        public RowBlocks Blocks;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            float* share = Shares == null ? null : Shares + (nint)part * Columns;
            if (share != null)
                new Span<float>(share, Columns).Clear();
            for (int r = Blocks.Start(part); r < Blocks.End(part); r++)
            {
                nint at = (nint)r * Columns;
                Row<TLanes>(Dy + at, X + at, Inverse[r], Dx + at, share);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Row<TLanes>(float* dy, float* x, float inverse, float* dx, float* share) where TLanes : struct, ILanes<TLanes>
        {
            int w = TLanes.Width, columns = Columns, i = 0;
            float* weight = Weight;
            TLanes s0 = default, s1 = default, scale = TLanes.Broadcast(inverse);
            for (; i + 2 * w <= columns; i += 2 * w)
            {
                s0 = TLanes.MultiplyAdd(TLanes.Load(dy + i) * TLanes.Load(weight + i), TLanes.Load(x + i), s0);
                s1 = TLanes.MultiplyAdd(TLanes.Load(dy + i + w) * TLanes.Load(weight + i + w), TLanes.Load(x + i + w), s1);
            }
            for (; i < columns; i += w)
            {
                int count = Math.Min(w, columns - i);
                s0 = TLanes.MultiplyAdd(Load<TLanes>(dy + i, count) * Load<TLanes>(weight + i, count), Load<TLanes>(x + i, count), s0);
            }
            TLanes pull = TLanes.Broadcast(-TLanes.SumAcross(s0 + s1) / columns * inverse * inverse);
            for (i = 0; i < columns; i += w)
            {
                int count = Math.Min(w, columns - i);
                TLanes d = Load<TLanes>(dy + i, count), v = Load<TLanes>(x + i, count);
                TLanes g = TLanes.MultiplyAdd(v, pull, d * Load<TLanes>(weight + i, count));
                Store(dx + i, count, TLanes.MultiplyAdd(g, scale, Load<TLanes>(dx + i, count)));
                if (share != null)
                    Store(share + i, count, TLanes.MultiplyAdd(d * v, scale, Load<TLanes>(share + i, count)));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TLanes Load<TLanes>(float* from, int count) where TLanes : struct, ILanes<TLanes> =>
            count == TLanes.Width ? TLanes.Load(from) : TLanes.LoadPartial(from, count, default);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store<TLanes>(float* to, int count, TLanes value) where TLanes : struct, ILanes<TLanes>
        {
            if (count == TLanes.Width)
                TLanes.Store(to, value);
            else
                TLanes.StorePartial(to, count, value);
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
