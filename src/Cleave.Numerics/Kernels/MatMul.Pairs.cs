using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Products with few rows and a transposed bfloat16 operand, as in decoding. Two neighbours are one int: shifting it gives the even one as a float, masking it the odd
/// one, so that sixteen elements cost three instructions. The few rows are parted the same way beforehand. Portable vectors of 256 bits.
/// </summary>
public static unsafe partial class MatMul
{
    private const int PairStep = 16; // elements of a row at a time

    /// <param name="x">At most <see cref="NarrowSide"/> rows, none transposed; B transposed, k a multiple of <see cref="PairStep"/>.</param>
    private static void DotsOfPairs(in Product x)
    {
        using Scratch few = Scratch.Rent((long)x.M * x.K);
        for (int i = 0; i < x.M; i++)
            PartPairs(x.A + i * x.Lda, few.Pointer + (nint)i * x.K, x.K);
        var kernel = new PairsKernel { X = x, Few = few.Pointer, PartRows = RoundUp(Math.Max(1, StreamElements / x.K), 8) };
        int parts = (x.N + kernel.PartRows - 1) / kernel.PartRows;
        Dispatch.Run(ref kernel, parts, threaded: (long)x.N * x.K >= 2 * StreamElements);
    }

    // Of every sixteen the eight even ones, then the eight odd ones.
    private static void PartPairs(float* from, float* to, int count)
    {
        for (int p = 0; p < count; p += PairStep)
        {
            for (int i = 0; i < PairStep / 2; i++)
                (to[p + i], to[p + PairStep / 2 + i]) = (from[p + 2 * i], from[p + 2 * i + 1]);
        }
    }

    /// <summary>Blocks of eight sums, so that eight multiply-adds are under way whatever the number of few rows; each sum has the same order in all of them.</summary>
    private struct PairsKernel : IKernel
    {
        public Product X;
        public float* Few;
        public int PartRows;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            int first = part * PartRows, end = Math.Min(X.N, first + PartRows);
            for (int i = 0; i < X.M;)
            {
                int rows = Math.Min(4, X.M - i), width = rows > 2 ? 2 : rows == 2 ? 4 : 8;
                for (int j = first; j < end; j += width)
                {
                    int columns = Math.Min(width, end - j);
                    if (width == 2)
                        FourByTwo(i, rows, j, columns);
                    else if (width == 4)
                        TwoByFour(i, j, columns);
                    else
                        OneByEight(i, j, columns);
                }
                i += rows;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void OneByEight(int i, int j, int columns)
        {
            float* x = Few + (nint)i * X.K;
            ushort* w0 = Row(j, 0, columns), w1 = Row(j, 1, columns), w2 = Row(j, 2, columns), w3 = Row(j, 3, columns);
            ushort* w4 = Row(j, 4, columns), w5 = Row(j, 5, columns), w6 = Row(j, 6, columns), w7 = Row(j, 7, columns);
            Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
            for (nint p = 0; p < X.K; p += PairStep)
            {
                Vector256<float> even = Vector256.Load(x + p), odd = Vector256.Load(x + p + 8);
                s0 = Add(even, odd, w0 + p, s0);
                s1 = Add(even, odd, w1 + p, s1);
                s2 = Add(even, odd, w2 + p, s2);
                s3 = Add(even, odd, w3 + p, s3);
                s4 = Add(even, odd, w4 + p, s4);
                s5 = Add(even, odd, w5 + p, s5);
                s6 = Add(even, odd, w6 + p, s6);
                s7 = Add(even, odd, w7 + p, s7);
            }
            Put(i, j, 0, columns, s0);
            Put(i, j, 1, columns, s1);
            Put(i, j, 2, columns, s2);
            Put(i, j, 3, columns, s3);
            Put(i, j, 4, columns, s4);
            Put(i, j, 5, columns, s5);
            Put(i, j, 6, columns, s6);
            Put(i, j, 7, columns, s7);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void TwoByFour(int i, int j, int columns)
        {
            float* x = Few + (nint)i * X.K, y = x + X.K;
            ushort* w0 = Row(j, 0, columns), w1 = Row(j, 1, columns), w2 = Row(j, 2, columns), w3 = Row(j, 3, columns);
            Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, t0 = default, t1 = default, t2 = default, t3 = default;
            for (nint p = 0; p < X.K; p += PairStep)
            {
                Vector256<float> xe = Vector256.Load(x + p), xo = Vector256.Load(x + p + 8), ye = Vector256.Load(y + p), yo = Vector256.Load(y + p + 8);
                Vector256<int> w = Vector256.Load((int*)(w0 + p));
                Vector256<float> even = Even(w), odd = Odd(w);
                s0 = Add(xe, xo, even, odd, s0);
                t0 = Add(ye, yo, even, odd, t0);
                w = Vector256.Load((int*)(w1 + p));
                (even, odd) = (Even(w), Odd(w));
                s1 = Add(xe, xo, even, odd, s1);
                t1 = Add(ye, yo, even, odd, t1);
                w = Vector256.Load((int*)(w2 + p));
                (even, odd) = (Even(w), Odd(w));
                s2 = Add(xe, xo, even, odd, s2);
                t2 = Add(ye, yo, even, odd, t2);
                w = Vector256.Load((int*)(w3 + p));
                (even, odd) = (Even(w), Odd(w));
                s3 = Add(xe, xo, even, odd, s3);
                t3 = Add(ye, yo, even, odd, t3);
            }
            Put(i, j, 0, columns, s0);
            Put(i, j, 1, columns, s1);
            Put(i, j, 2, columns, s2);
            Put(i, j, 3, columns, s3);
            Put(i + 1, j, 0, columns, t0);
            Put(i + 1, j, 1, columns, t1);
            Put(i + 1, j, 2, columns, t2);
            Put(i + 1, j, 3, columns, t3);
        }

        /// <param name="rows">3 or 4; the third is read twice where there is no fourth.</param>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void FourByTwo(int i, int rows, int j, int columns)
        {
            float* x0 = Few + (nint)i * X.K, x1 = x0 + X.K, x2 = x1 + X.K, x3 = rows > 3 ? x2 + X.K : x2;
            ushort* w0 = Row(j, 0, columns), w1 = Row(j, 1, columns);
            Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            for (nint p = 0; p < X.K; p += PairStep)
            {
                Vector256<int> w = Vector256.Load((int*)(w0 + p)), v = Vector256.Load((int*)(w1 + p));
                Vector256<float> we = Even(w), wo = Odd(w), ve = Even(v), vo = Odd(v);
                Vector256<float> even = Vector256.Load(x0 + p), odd = Vector256.Load(x0 + p + 8);
                a0 = Add(even, odd, we, wo, a0);
                a1 = Add(even, odd, ve, vo, a1);
                (even, odd) = (Vector256.Load(x1 + p), Vector256.Load(x1 + p + 8));
                b0 = Add(even, odd, we, wo, b0);
                b1 = Add(even, odd, ve, vo, b1);
                (even, odd) = (Vector256.Load(x2 + p), Vector256.Load(x2 + p + 8));
                c0 = Add(even, odd, we, wo, c0);
                c1 = Add(even, odd, ve, vo, c1);
                (even, odd) = (Vector256.Load(x3 + p), Vector256.Load(x3 + p + 8));
                d0 = Add(even, odd, we, wo, d0);
                d1 = Add(even, odd, ve, vo, d1);
            }
            Put(i, j, 0, columns, a0);
            Put(i, j, 1, columns, a1);
            Put(i + 1, j, 0, columns, b0);
            Put(i + 1, j, 1, columns, b1);
            Put(i + 2, j, 0, columns, c0);
            Put(i + 2, j, 1, columns, c1);
            if (rows > 3)
            {
                Put(i + 3, j, 0, columns, d0);
                Put(i + 3, j, 1, columns, d1);
            }
        }

        // Beyond the last row of B, the last one again.
        private readonly ushort* Row(int j, int ahead, int columns) => (ushort*)X.B + (j + Math.Min(ahead, columns - 1)) * X.Ldb;

        private readonly void Put(int i, int j, int ahead, int columns, Vector256<float> sums)
        {
            if (ahead >= columns)
                return;
            float* c = X.C + i * X.Ldc + j + ahead;
            float sum = Vector256.Sum(sums);
            *c = X.Accumulate ? *c + sum : sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Add(Vector256<float> even, Vector256<float> odd, ushort* pairs, Vector256<float> sum)
        {
            Vector256<int> w = Vector256.Load((int*)pairs);
            return Add(even, odd, Even(w), Odd(w), sum);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Add(Vector256<float> even, Vector256<float> odd, Vector256<float> we, Vector256<float> wo, Vector256<float> sum) =>
            Vector256.MultiplyAddEstimate(odd, wo, Vector256.MultiplyAddEstimate(even, we, sum));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Even(Vector256<int> pairs) => (pairs << 16).AsSingle();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Odd(Vector256<int> pairs) => (pairs & Vector256.Create(unchecked((int)0xFFFF0000))).AsSingle();
    }
}
