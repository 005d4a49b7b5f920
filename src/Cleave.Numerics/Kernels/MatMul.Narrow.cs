using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Products with few rows or columns, as in decoding: each element of the large operand is used a few times only,
/// so it is read once, in place, at the speed of the memory.
/// </summary>
public static unsafe partial class MatMul
{
    private const int NarrowSide = 8;
    private const int StreamElements = 32768; // elements of the large operand that one part reads

    private static bool Narrow(in Product x)
    {
        if (!x.TransposeA && x.TransposeB && (x.M <= NarrowSide || x.N <= NarrowSide))
            Dots(x);
        else if (!x.TransposeB && x.M <= NarrowSide)
            Combine(x);
        else
            return false;
        return true;
    }

    /// <summary>A · Bᵀ: every element is a dot product of a row of each; the longer side is cut into parts.</summary>
    private static void Dots(in Product x)
    {
        bool few = x.M <= x.N; // the few are rows of A
        var kernel = new DotsKernel
        {
            Few = few ? x.A : x.B,
            FewStride = few ? x.Lda : x.Ldb,
            FewCount = few ? x.M : x.N,
            Many = few ? x.B : x.A,
            ManyStride = few ? x.Ldb : x.Lda,
            ManyCount = few ? x.N : x.M,
            C = x.C,
            FewC = few ? x.Ldc : 1,
            ManyC = few ? 1 : x.Ldc,
            K = x.K,
            Accumulate = x.Accumulate,
        };
        kernel.PartRows = RoundUp(Math.Max(1, StreamElements / x.K), 4);
        int parts = (kernel.ManyCount + kernel.PartRows - 1) / kernel.PartRows;
        Dispatch.Run(ref kernel, parts, threaded: (long)kernel.ManyCount * x.K >= 2 * StreamElements);
    }

    private struct DotsKernel : IKernel
    {
        public float* Few, Many, C;
        public nint FewStride, ManyStride, FewC, ManyC;
        public int FewCount, ManyCount, K, PartRows;
        public bool Accumulate;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            int end = Math.Min(ManyCount, (part + 1) * PartRows);
            for (int j = part * PartRows; j < end; j += 4)
            {
                for (int i = 0; i < FewCount; i += 2)
                {
                    if (i + 1 < FewCount)
                        Two<TLanes>(i, j, Math.Min(4, end - j));
                    else
                        One<TLanes>(i, j, Math.Min(4, end - j));
                }
            }
        }

        /// <summary>One of the few against up to four of the many; beyond the last, it repeats.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void One<TLanes>(int i, int j, int count) where TLanes : struct, ILanes<TLanes>
        {
            float* x = Few + i * FewStride, w0 = Many + j * ManyStride;
            float* w1 = count > 1 ? w0 + ManyStride : w0, w2 = count > 2 ? w1 + ManyStride : w1, w3 = count > 3 ? w2 + ManyStride : w2;
            TLanes s0 = default, s1 = default, s2 = default, s3 = default;
            int p = 0, width = TLanes.Width;
            for (; p + width <= K; p += width)
            {
                TLanes v = TLanes.Load(x + p);
                s0 = TLanes.MultiplyAdd(v, TLanes.Load(w0 + p), s0);
                s1 = TLanes.MultiplyAdd(v, TLanes.Load(w1 + p), s1);
                s2 = TLanes.MultiplyAdd(v, TLanes.Load(w2 + p), s2);
                s3 = TLanes.MultiplyAdd(v, TLanes.Load(w3 + p), s3);
            }
            if (p < K)
            {
                int rest = K - p;
                TLanes v = TLanes.LoadPartial(x + p, rest, default);
                s0 = TLanes.MultiplyAdd(v, TLanes.LoadPartial(w0 + p, rest, default), s0);
                s1 = TLanes.MultiplyAdd(v, TLanes.LoadPartial(w1 + p, rest, default), s1);
                s2 = TLanes.MultiplyAdd(v, TLanes.LoadPartial(w2 + p, rest, default), s2);
                s3 = TLanes.MultiplyAdd(v, TLanes.LoadPartial(w3 + p, rest, default), s3);
            }
            Put(i, j, count, TLanes.SumAcross(s0), TLanes.SumAcross(s1), TLanes.SumAcross(s2), TLanes.SumAcross(s3));
        }

        /// <summary>Two of the few, so that each load of the many serves twice.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Two<TLanes>(int i, int j, int count) where TLanes : struct, ILanes<TLanes>
        {
            float* x = Few + i * FewStride, y = x + FewStride, w0 = Many + j * ManyStride;
            float* w1 = count > 1 ? w0 + ManyStride : w0, w2 = count > 2 ? w1 + ManyStride : w1, w3 = count > 3 ? w2 + ManyStride : w2;
            TLanes s0 = default, s1 = default, s2 = default, s3 = default, t0 = default, t1 = default, t2 = default, t3 = default;
            int p = 0, width = TLanes.Width;
            for (; p + width <= K; p += width)
            {
                TLanes v = TLanes.Load(x + p), u = TLanes.Load(y + p), w = TLanes.Load(w0 + p);
                s0 = TLanes.MultiplyAdd(v, w, s0);
                t0 = TLanes.MultiplyAdd(u, w, t0);
                w = TLanes.Load(w1 + p);
                s1 = TLanes.MultiplyAdd(v, w, s1);
                t1 = TLanes.MultiplyAdd(u, w, t1);
                w = TLanes.Load(w2 + p);
                s2 = TLanes.MultiplyAdd(v, w, s2);
                t2 = TLanes.MultiplyAdd(u, w, t2);
                w = TLanes.Load(w3 + p);
                s3 = TLanes.MultiplyAdd(v, w, s3);
                t3 = TLanes.MultiplyAdd(u, w, t3);
            }
            if (p < K)
            {
                int rest = K - p;
                TLanes v = TLanes.LoadPartial(x + p, rest, default), u = TLanes.LoadPartial(y + p, rest, default);
                TLanes w = TLanes.LoadPartial(w0 + p, rest, default);
                s0 = TLanes.MultiplyAdd(v, w, s0);
                t0 = TLanes.MultiplyAdd(u, w, t0);
                w = TLanes.LoadPartial(w1 + p, rest, default);
                s1 = TLanes.MultiplyAdd(v, w, s1);
                t1 = TLanes.MultiplyAdd(u, w, t1);
                w = TLanes.LoadPartial(w2 + p, rest, default);
                s2 = TLanes.MultiplyAdd(v, w, s2);
                t2 = TLanes.MultiplyAdd(u, w, t2);
                w = TLanes.LoadPartial(w3 + p, rest, default);
                s3 = TLanes.MultiplyAdd(v, w, s3);
                t3 = TLanes.MultiplyAdd(u, w, t3);
            }
            Put(i, j, count, TLanes.SumAcross(s0), TLanes.SumAcross(s1), TLanes.SumAcross(s2), TLanes.SumAcross(s3));
            Put(i + 1, j, count, TLanes.SumAcross(t0), TLanes.SumAcross(t1), TLanes.SumAcross(t2), TLanes.SumAcross(t3));
        }

        private readonly void Put(int i, int j, int count, float s0, float s1, float s2, float s3)
        {
            float* c = C + i * FewC + j * ManyC;
            Put(c, s0);
            if (count > 1)
                Put(c + ManyC, s1);
            if (count > 2)
                Put(c + 2 * ManyC, s2);
            if (count > 3)
                Put(c + 3 * ManyC, s3);
        }

        private readonly void Put(float* c, float sum) => *c = Accumulate ? *c + sum : sum;
    }

    /// <summary>op(A) · B with few rows: each row of C is a combination of the rows of B; columns are cut into parts.</summary>
    private static void Combine(in Product x)
    {
        (nint row, nint column) = x.TransposeA ? ((nint)1, x.Lda) : (x.Lda, 1);
        var kernel = new CombineKernel { X = x, ARow = row, AColumn = column };
        kernel.PartColumns = Math.Clamp(RoundUp(x.N / 4, 64), 64, 1024); // wide, so that rows of B are read in long runs
        int parts = (x.N + kernel.PartColumns - 1) / kernel.PartColumns;
        Dispatch.Run(ref kernel, parts, threaded: (long)x.N * x.K >= 2 * StreamElements);
    }

    private struct CombineKernel : IKernel
    {
        public Product X;
        public nint ARow, AColumn;
        public int PartColumns;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            int first = part * PartColumns, count = Math.Min(PartColumns, X.N - first);
            float* c = X.C + first;
            for (int i = 0; i < X.M && !X.Accumulate; i++)
                new Span<float>(c + i * X.Ldc, count).Clear();
            for (int p = 0; p < X.K; p += 4)
            {
                for (int i = 0; i < X.M; i++)
                    FourRows<TLanes>(X.A + i * ARow + p * AColumn, X.B + p * X.Ldb + first, c + i * X.Ldc, count, Math.Min(4, X.K - p));
            }
        }

        /// <summary>c += up to four rows of B, each times its element of A.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void FourRows<TLanes>(float* a, float* b, float* c, int count, int rows) where TLanes : struct, ILanes<TLanes>
        {
            if (rows < 4)
            {
                for (int r = 0; r < rows; r++)
                    OneRow<TLanes>(a[r * AColumn], b + r * X.Ldb, c, count);
                return;
            }
            TLanes a0 = TLanes.Broadcast(a[0]), a1 = TLanes.Broadcast(a[AColumn]);
            TLanes a2 = TLanes.Broadcast(a[2 * AColumn]), a3 = TLanes.Broadcast(a[3 * AColumn]);
            float* b1 = b + X.Ldb, b2 = b1 + X.Ldb, b3 = b2 + X.Ldb;
            int j = 0, width = TLanes.Width;
            for (; j + width <= count; j += width)
            {
                TLanes even = TLanes.MultiplyAdd(a0, TLanes.Load(b + j), TLanes.Load(c + j));
                TLanes odd = a1 * TLanes.Load(b1 + j);
                even = TLanes.MultiplyAdd(a2, TLanes.Load(b2 + j), even);
                odd = TLanes.MultiplyAdd(a3, TLanes.Load(b3 + j), odd);
                TLanes.Store(c + j, even + odd);
            }
            if (j < count)
            {
                int rest = count - j;
                TLanes even = TLanes.MultiplyAdd(a0, TLanes.LoadPartial(b + j, rest, default), TLanes.LoadPartial(c + j, rest, default));
                TLanes odd = a1 * TLanes.LoadPartial(b1 + j, rest, default);
                even = TLanes.MultiplyAdd(a2, TLanes.LoadPartial(b2 + j, rest, default), even);
                odd = TLanes.MultiplyAdd(a3, TLanes.LoadPartial(b3 + j, rest, default), odd);
                TLanes.StorePartial(c + j, rest, even + odd);
            }
        }

        private static void OneRow<TLanes>(float a, float* b, float* c, int count) where TLanes : struct, ILanes<TLanes>
        {
            TLanes scale = TLanes.Broadcast(a);
            int j = 0, width = TLanes.Width;
            for (; j + width <= count; j += width)
                TLanes.Store(c + j, TLanes.MultiplyAdd(scale, TLanes.Load(b + j), TLanes.Load(c + j)));
            if (j < count)
            {
                int rest = count - j;
                TLanes sum = TLanes.MultiplyAdd(scale, TLanes.LoadPartial(b + j, rest, default), TLanes.LoadPartial(c + j, rest, default));
                TLanes.StorePartial(c + j, rest, sum);
            }
        }
    }
}
