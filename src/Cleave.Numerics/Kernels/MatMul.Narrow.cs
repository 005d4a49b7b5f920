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

    private static bool Narrow<TB>(in Product x) where TB : struct, IElement
    {
        if (typeof(TB) == typeof(BFloat16Element) && !x.TransposeA && x.TransposeB && x.M <= NarrowSide && x.M <= x.N && x.K % PairStep == 0)
            DotsOfPairs(x);
        else if (!x.TransposeA && x.TransposeB && x.M <= NarrowSide && x.M <= x.N)
            Dots<TB>(x, x.A, x.Lda, x.M, x.Ldc, x.B, x.Ldb, x.N, 1);
        else if (!x.TransposeA && x.TransposeB && x.N <= NarrowSide && typeof(TB) == typeof(Float32Element))
            Dots<TB>(x, (float*)x.B, x.Ldb, x.N, 1, x.A, x.Lda, x.M, x.Ldc);
        else if (!x.TransposeB && x.M <= NarrowSide)
            Combine<TB>(x);
        else
            return false;
        return true;
    }

    /// <summary>A · Bᵀ: every element is a dot product of a row of each; the longer side is cut into parts.</summary>
    private static void Dots<TMany>(in Product x, float* few, nint fewStride, int fewCount, nint fewC, void* many, nint manyStride, int manyCount, nint manyC)
        where TMany : struct, IElement
    {
        var kernel = new DotsKernel<TMany>
        {
            Few = few,
            FewStride = fewStride,
            FewCount = fewCount,
            FewC = fewC,
            Many = many,
            ManyStride = manyStride,
            ManyCount = manyCount,
            ManyC = manyC,
            C = x.C,
            K = x.K,
            Accumulate = x.Accumulate,
            PartRows = RoundUp(Math.Max(1, StreamElements / x.K), 4),
        };
        int parts = (manyCount + kernel.PartRows - 1) / kernel.PartRows;
        Dispatch.Run(ref kernel, parts, threaded: (long)manyCount * x.K >= 2 * StreamElements);
    }

    private struct DotsKernel<TMany> : IKernel where TMany : struct, IElement
    {
        public float* Few, C;
        public void* Many;
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
            float* x = Few + i * FewStride;
            nint w0 = j * ManyStride;
            nint w1 = count > 1 ? w0 + ManyStride : w0, w2 = count > 2 ? w1 + ManyStride : w1, w3 = count > 3 ? w2 + ManyStride : w2;
            TLanes s0 = default, s1 = default, s2 = default, s3 = default;
            int p = 0, width = TLanes.Width;
            for (; p + width <= K; p += width)
            {
                TLanes v = TLanes.Load(x + p);
                s0 = TLanes.MultiplyAdd(v, TMany.Load<TLanes>(Many, w0 + p), s0);
                s1 = TLanes.MultiplyAdd(v, TMany.Load<TLanes>(Many, w1 + p), s1);
                s2 = TLanes.MultiplyAdd(v, TMany.Load<TLanes>(Many, w2 + p), s2);
                s3 = TLanes.MultiplyAdd(v, TMany.Load<TLanes>(Many, w3 + p), s3);
            }
            if (p < K)
            {
                int rest = K - p;
                TLanes v = TLanes.LoadPartial(x + p, rest, default);
                s0 = TLanes.MultiplyAdd(v, Partial<TMany, TLanes>(Many, w0 + p, rest), s0);
                s1 = TLanes.MultiplyAdd(v, Partial<TMany, TLanes>(Many, w1 + p, rest), s1);
                s2 = TLanes.MultiplyAdd(v, Partial<TMany, TLanes>(Many, w2 + p, rest), s2);
                s3 = TLanes.MultiplyAdd(v, Partial<TMany, TLanes>(Many, w3 + p, rest), s3);
            }
            Put(i, j, count, TLanes.SumAcross(s0), TLanes.SumAcross(s1), TLanes.SumAcross(s2), TLanes.SumAcross(s3));
        }

        /// <summary>Two of the few, so that each load of the many serves twice.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Two<TLanes>(int i, int j, int count) where TLanes : struct, ILanes<TLanes>
        {
            float* x = Few + i * FewStride, y = x + FewStride;
            nint w0 = j * ManyStride;
            nint w1 = count > 1 ? w0 + ManyStride : w0, w2 = count > 2 ? w1 + ManyStride : w1, w3 = count > 3 ? w2 + ManyStride : w2;
            TLanes s0 = default, s1 = default, s2 = default, s3 = default, t0 = default, t1 = default, t2 = default, t3 = default;
            int p = 0, width = TLanes.Width;
            for (; p + width <= K; p += width)
            {
                TLanes v = TLanes.Load(x + p), u = TLanes.Load(y + p), w = TMany.Load<TLanes>(Many, w0 + p);
                s0 = TLanes.MultiplyAdd(v, w, s0);
                t0 = TLanes.MultiplyAdd(u, w, t0);
                w = TMany.Load<TLanes>(Many, w1 + p);
                s1 = TLanes.MultiplyAdd(v, w, s1);
                t1 = TLanes.MultiplyAdd(u, w, t1);
                w = TMany.Load<TLanes>(Many, w2 + p);
                s2 = TLanes.MultiplyAdd(v, w, s2);
                t2 = TLanes.MultiplyAdd(u, w, t2);
                w = TMany.Load<TLanes>(Many, w3 + p);
                s3 = TLanes.MultiplyAdd(v, w, s3);
                t3 = TLanes.MultiplyAdd(u, w, t3);
            }
            if (p < K)
            {
                int rest = K - p;
                TLanes v = TLanes.LoadPartial(x + p, rest, default), u = TLanes.LoadPartial(y + p, rest, default);
                TLanes w = Partial<TMany, TLanes>(Many, w0 + p, rest);
                s0 = TLanes.MultiplyAdd(v, w, s0);
                t0 = TLanes.MultiplyAdd(u, w, t0);
                w = Partial<TMany, TLanes>(Many, w1 + p, rest);
                s1 = TLanes.MultiplyAdd(v, w, s1);
                t1 = TLanes.MultiplyAdd(u, w, t1);
                w = Partial<TMany, TLanes>(Many, w2 + p, rest);
                s2 = TLanes.MultiplyAdd(v, w, s2);
                t2 = TLanes.MultiplyAdd(u, w, t2);
                w = Partial<TMany, TLanes>(Many, w3 + p, rest);
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
    private static void Combine<TB>(in Product x) where TB : struct, IElement
    {
        (nint row, nint column) = x.TransposeA ? ((nint)1, x.Lda) : (x.Lda, 1);
        var kernel = new CombineKernel<TB> { X = x, ARow = row, AColumn = column };
        kernel.PartColumns = Math.Clamp(RoundUp(x.N / 4, 64), 64, 1024); // wide, so that rows of B are read in long runs
        int parts = (x.N + kernel.PartColumns - 1) / kernel.PartColumns;
        Dispatch.Run(ref kernel, parts, threaded: (long)x.N * x.K >= 2 * StreamElements);
    }

    private struct CombineKernel<TB> : IKernel where TB : struct, IElement
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
                    FourRows<TLanes>(X.A + i * ARow + p * AColumn, p * X.Ldb + first, c + i * X.Ldc, count, Math.Min(4, X.K - p));
            }
        }

        /// <summary>c += up to four rows of B, each times its element of A.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void FourRows<TLanes>(float* a, nint b, float* c, int count, int rows) where TLanes : struct, ILanes<TLanes>
        {
            if (rows < 4)
            {
                for (int r = 0; r < rows; r++)
                    OneRow<TLanes>(a[r * AColumn], b + r * X.Ldb, c, count);
                return;
            }
            TLanes a0 = TLanes.Broadcast(a[0]), a1 = TLanes.Broadcast(a[AColumn]);
            TLanes a2 = TLanes.Broadcast(a[2 * AColumn]), a3 = TLanes.Broadcast(a[3 * AColumn]);
            nint b1 = b + X.Ldb, b2 = b1 + X.Ldb, b3 = b2 + X.Ldb;
            int j = 0, width = TLanes.Width;
            for (; j + width <= count; j += width)
            {
                TLanes even = TLanes.MultiplyAdd(a0, TB.Load<TLanes>(X.B, b + j), TLanes.Load(c + j));
                TLanes odd = a1 * TB.Load<TLanes>(X.B, b1 + j);
                even = TLanes.MultiplyAdd(a2, TB.Load<TLanes>(X.B, b2 + j), even);
                odd = TLanes.MultiplyAdd(a3, TB.Load<TLanes>(X.B, b3 + j), odd);
                TLanes.Store(c + j, even + odd);
            }
            if (j < count)
            {
                int rest = count - j;
                TLanes even = TLanes.MultiplyAdd(a0, Partial<TB, TLanes>(X.B, b + j, rest), TLanes.LoadPartial(c + j, rest, default));
                TLanes odd = a1 * Partial<TB, TLanes>(X.B, b1 + j, rest);
                even = TLanes.MultiplyAdd(a2, Partial<TB, TLanes>(X.B, b2 + j, rest), even);
                odd = TLanes.MultiplyAdd(a3, Partial<TB, TLanes>(X.B, b3 + j, rest), odd);
                TLanes.StorePartial(c + j, rest, even + odd);
            }
        }

        private readonly void OneRow<TLanes>(float a, nint b, float* c, int count) where TLanes : struct, ILanes<TLanes>
        {
            TLanes scale = TLanes.Broadcast(a);
            int j = 0, width = TLanes.Width;
            for (; j + width <= count; j += width)
                TLanes.Store(c + j, TLanes.MultiplyAdd(scale, TB.Load<TLanes>(X.B, b + j), TLanes.Load(c + j)));
            if (j < count)
            {
                int rest = count - j;
                TLanes sum = TLanes.MultiplyAdd(scale, Partial<TB, TLanes>(X.B, b + j, rest), TLanes.LoadPartial(c + j, rest, default));
                TLanes.StorePartial(c + j, rest, sum);
            }
        }
    }

    /// <summary>The last elements of a row, fewer than a vector, and zeros.</summary>
    private static TLanes Partial<TElement, TLanes>(void* elements, nint at, int count) where TElement : struct, IElement where TLanes : struct, ILanes<TLanes>
    {
        if (typeof(TElement) == typeof(Float32Element))
            return TLanes.LoadPartial((float*)elements + at, count, default);
        float* lanes = stackalloc float[TLanes.Width];
        for (int i = 0; i < TLanes.Width; i++)
            lanes[i] = i < count ? TElement.One(elements, at + i) : 0;
        return TLanes.Load(lanes);
    }
}
