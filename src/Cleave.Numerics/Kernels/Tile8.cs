using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// AVX2: 6 × 16. Twelve sums, two vectors of B and one broadcast of A fill fifteen of the sixteen registers, and
/// twelve sums are more than the eight that two multiply-adds a cycle with a latency of four need in flight.
/// </summary>
internal readonly unsafe struct Tile8 : ITile
{
    public static int Rows => 6;
    public static int Columns => 16;
    public static int StridedRows => 6;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Packed(float* a, float* b, int k, float* c, nint ldc, bool accumulate)
    {
        Vector256<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector256<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        // C is fetched while the sums are made.
        for (int i = 0; i < Rows; i++)
            Sse.Prefetch0(c + i * ldc);
        do
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            Vector256<float> x = Vector256.Create(a[0]);
            s00 = Fma.MultiplyAdd(x, b0, s00);
            s01 = Fma.MultiplyAdd(x, b1, s01);
            x = Vector256.Create(a[1]);
            s10 = Fma.MultiplyAdd(x, b0, s10);
            s11 = Fma.MultiplyAdd(x, b1, s11);
            x = Vector256.Create(a[2]);
            s20 = Fma.MultiplyAdd(x, b0, s20);
            s21 = Fma.MultiplyAdd(x, b1, s21);
            x = Vector256.Create(a[3]);
            s30 = Fma.MultiplyAdd(x, b0, s30);
            s31 = Fma.MultiplyAdd(x, b1, s31);
            x = Vector256.Create(a[4]);
            s40 = Fma.MultiplyAdd(x, b0, s40);
            s41 = Fma.MultiplyAdd(x, b1, s41);
            x = Vector256.Create(a[5]);
            s50 = Fma.MultiplyAdd(x, b0, s50);
            s51 = Fma.MultiplyAdd(x, b1, s51);
            a += 6;
            b += 16;
        }
        while (--k > 0);
        Put(c, s00, s01, accumulate);
        Put(c + ldc, s10, s11, accumulate);
        Put(c + 2 * ldc, s20, s21, accumulate);
        Put(c + 3 * ldc, s30, s31, accumulate);
        Put(c + 4 * ldc, s40, s41, accumulate);
        Put(c + 5 * ldc, s50, s51, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Strided(float* a, nint rowStride, nint columnStride, float* b, nint ldb, int k, float* c, nint ldc, int rows,
        bool accumulate)
    {
        // Rows beyond the last repeat it: their sums are computed and dropped, which costs less than a kernel per count.
        float* r0 = a;
        float* r1 = rows > 1 ? r0 + rowStride : r0;
        float* r2 = rows > 2 ? r1 + rowStride : r1;
        float* r3 = rows > 3 ? r2 + rowStride : r2;
        float* r4 = rows > 4 ? r3 + rowStride : r3;
        float* r5 = rows > 5 ? r4 + rowStride : r4;
        Vector256<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector256<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        nint p = 0;
        do
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            Vector256<float> x = Vector256.Create(r0[p]);
            s00 = Fma.MultiplyAdd(x, b0, s00);
            s01 = Fma.MultiplyAdd(x, b1, s01);
            x = Vector256.Create(r1[p]);
            s10 = Fma.MultiplyAdd(x, b0, s10);
            s11 = Fma.MultiplyAdd(x, b1, s11);
            x = Vector256.Create(r2[p]);
            s20 = Fma.MultiplyAdd(x, b0, s20);
            s21 = Fma.MultiplyAdd(x, b1, s21);
            x = Vector256.Create(r3[p]);
            s30 = Fma.MultiplyAdd(x, b0, s30);
            s31 = Fma.MultiplyAdd(x, b1, s31);
            x = Vector256.Create(r4[p]);
            s40 = Fma.MultiplyAdd(x, b0, s40);
            s41 = Fma.MultiplyAdd(x, b1, s41);
            x = Vector256.Create(r5[p]);
            s50 = Fma.MultiplyAdd(x, b0, s50);
            s51 = Fma.MultiplyAdd(x, b1, s51);
            p += columnStride;
            b += ldb;
        }
        while (--k > 0);
        Put(c, s00, s01, accumulate);
        if (rows == 1)
            return;
        Put(c + ldc, s10, s11, accumulate);
        if (rows == 2)
            return;
        Put(c + 2 * ldc, s20, s21, accumulate);
        if (rows == 3)
            return;
        Put(c + 3 * ldc, s30, s31, accumulate);
        if (rows == 4)
            return;
        Put(c + 4 * ldc, s40, s41, accumulate);
        if (rows == 5)
            return;
        Put(c + 5 * ldc, s50, s51, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* c, Vector256<float> s0, Vector256<float> s1, bool accumulate)
    {
        if (accumulate)
        {
            s0 += Vector256.Load(c);
            s1 += Vector256.Load(c + 8);
        }
        s0.Store(c);
        s1.Store(c + 8);
    }
}
