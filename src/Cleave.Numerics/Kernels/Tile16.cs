using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// AVX-512: 12 × 32, twenty-four sums of the thirty-two registers. Portable vectors, so that it can be tested
/// anywhere; on hardware without 512-bit vectors it is emulated and slow.
/// </summary>
internal readonly unsafe struct Tile16 : ITile
{
    public static int Rows => 12;
    public static int Columns => 32;
    public static int StridedRows => 6;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Packed(float* a, float* b, int k, float* c, nint ldc, bool accumulate)
    {
        Vector512<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector512<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        Vector512<float> s60 = default, s61 = default, s70 = default, s71 = default, s80 = default, s81 = default;
        Vector512<float> s90 = default, s91 = default, s100 = default, s101 = default, s110 = default, s111 = default;
        // C is fetched while the sums are made.
        for (int i = 0; i < Rows; i++)
            Sse.Prefetch0(c + i * ldc);
        do
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(a[0]);
            s00 = Vector512.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(x, b1, s01);
            x = Vector512.Create(a[1]);
            s10 = Vector512.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(x, b1, s11);
            x = Vector512.Create(a[2]);
            s20 = Vector512.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(x, b1, s21);
            x = Vector512.Create(a[3]);
            s30 = Vector512.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(x, b1, s31);
            x = Vector512.Create(a[4]);
            s40 = Vector512.FusedMultiplyAdd(x, b0, s40);
            s41 = Vector512.FusedMultiplyAdd(x, b1, s41);
            x = Vector512.Create(a[5]);
            s50 = Vector512.FusedMultiplyAdd(x, b0, s50);
            s51 = Vector512.FusedMultiplyAdd(x, b1, s51);
            x = Vector512.Create(a[6]);
            s60 = Vector512.FusedMultiplyAdd(x, b0, s60);
            s61 = Vector512.FusedMultiplyAdd(x, b1, s61);
            x = Vector512.Create(a[7]);
            s70 = Vector512.FusedMultiplyAdd(x, b0, s70);
            s71 = Vector512.FusedMultiplyAdd(x, b1, s71);
            x = Vector512.Create(a[8]);
            s80 = Vector512.FusedMultiplyAdd(x, b0, s80);
            s81 = Vector512.FusedMultiplyAdd(x, b1, s81);
            x = Vector512.Create(a[9]);
            s90 = Vector512.FusedMultiplyAdd(x, b0, s90);
            s91 = Vector512.FusedMultiplyAdd(x, b1, s91);
            x = Vector512.Create(a[10]);
            s100 = Vector512.FusedMultiplyAdd(x, b0, s100);
            s101 = Vector512.FusedMultiplyAdd(x, b1, s101);
            x = Vector512.Create(a[11]);
            s110 = Vector512.FusedMultiplyAdd(x, b0, s110);
            s111 = Vector512.FusedMultiplyAdd(x, b1, s111);
            a += 12;
            b += 32;
        }
        while (--k > 0);
        Put(c, s00, s01, accumulate);
        Put(c + ldc, s10, s11, accumulate);
        Put(c + 2 * ldc, s20, s21, accumulate);
        Put(c + 3 * ldc, s30, s31, accumulate);
        Put(c + 4 * ldc, s40, s41, accumulate);
        Put(c + 5 * ldc, s50, s51, accumulate);
        Put(c + 6 * ldc, s60, s61, accumulate);
        Put(c + 7 * ldc, s70, s71, accumulate);
        Put(c + 8 * ldc, s80, s81, accumulate);
        Put(c + 9 * ldc, s90, s91, accumulate);
        Put(c + 10 * ldc, s100, s101, accumulate);
        Put(c + 11 * ldc, s110, s111, accumulate);
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
        Vector512<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector512<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        nint p = 0;
        do
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(r0[p]);
            s00 = Vector512.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(x, b1, s01);
            x = Vector512.Create(r1[p]);
            s10 = Vector512.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(x, b1, s11);
            x = Vector512.Create(r2[p]);
            s20 = Vector512.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(x, b1, s21);
            x = Vector512.Create(r3[p]);
            s30 = Vector512.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(x, b1, s31);
            x = Vector512.Create(r4[p]);
            s40 = Vector512.FusedMultiplyAdd(x, b0, s40);
            s41 = Vector512.FusedMultiplyAdd(x, b1, s41);
            x = Vector512.Create(r5[p]);
            s50 = Vector512.FusedMultiplyAdd(x, b0, s50);
            s51 = Vector512.FusedMultiplyAdd(x, b1, s51);
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
    private static void Put(float* c, Vector512<float> s0, Vector512<float> s1, bool accumulate)
    {
        if (accumulate)
        {
            s0 += Vector512.Load(c);
            s1 += Vector512.Load(c + 16);
        }
        s0.Store(c);
        s1.Store(c + 16);
    }
}
