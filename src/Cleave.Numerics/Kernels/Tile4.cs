using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// 128 bits: 12 × 8. Twenty-four sums, two vectors of B and one of A, from which Arm64 multiplies single lanes without
/// spreading them first, are twenty-seven of its thirty-two registers; five loads feed twenty-four multiply-adds, which are
/// more than the sixteen that four a cycle with a latency of four need in flight. On x86, which has sixteen registers without
/// AVX-512, part of the sums lives in the first-level cache; wider sets come before this one there.
/// </summary>
internal readonly unsafe struct Tile4 : ITile
{
    public static int Rows => 12;
    public static int Columns => 8;
    public static int StridedRows => 6;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Packed(float* a, float* b, int k, float* c, nint ldc, bool accumulate)
    {
        Vector128<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector128<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        Vector128<float> s60 = default, s61 = default, s70 = default, s71 = default, s80 = default, s81 = default;
        Vector128<float> s90 = default, s91 = default, s100 = default, s101 = default, s110 = default, s111 = default;
        do
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4);
            Vector128<float> x = Vector128.Load(a);
            s00 = Add(s00, b0, x, 0);
            s01 = Add(s01, b1, x, 0);
            s10 = Add(s10, b0, x, 1);
            s11 = Add(s11, b1, x, 1);
            s20 = Add(s20, b0, x, 2);
            s21 = Add(s21, b1, x, 2);
            s30 = Add(s30, b0, x, 3);
            s31 = Add(s31, b1, x, 3);
            x = Vector128.Load(a + 4);
            s40 = Add(s40, b0, x, 0);
            s41 = Add(s41, b1, x, 0);
            s50 = Add(s50, b0, x, 1);
            s51 = Add(s51, b1, x, 1);
            s60 = Add(s60, b0, x, 2);
            s61 = Add(s61, b1, x, 2);
            s70 = Add(s70, b0, x, 3);
            s71 = Add(s71, b1, x, 3);
            x = Vector128.Load(a + 8);
            s80 = Add(s80, b0, x, 0);
            s81 = Add(s81, b1, x, 0);
            s90 = Add(s90, b0, x, 1);
            s91 = Add(s91, b1, x, 1);
            s100 = Add(s100, b0, x, 2);
            s101 = Add(s101, b1, x, 2);
            s110 = Add(s110, b0, x, 3);
            s111 = Add(s111, b1, x, 3);
            a += 12;
            b += 8;
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
        Vector128<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector128<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        nint p = 0;
        do
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4);
            Vector128<float> x = Vector128.Create(r0[p]);
            s00 = Vector128.MultiplyAddEstimate(x, b0, s00);
            s01 = Vector128.MultiplyAddEstimate(x, b1, s01);
            x = Vector128.Create(r1[p]);
            s10 = Vector128.MultiplyAddEstimate(x, b0, s10);
            s11 = Vector128.MultiplyAddEstimate(x, b1, s11);
            x = Vector128.Create(r2[p]);
            s20 = Vector128.MultiplyAddEstimate(x, b0, s20);
            s21 = Vector128.MultiplyAddEstimate(x, b1, s21);
            x = Vector128.Create(r3[p]);
            s30 = Vector128.MultiplyAddEstimate(x, b0, s30);
            s31 = Vector128.MultiplyAddEstimate(x, b1, s31);
            x = Vector128.Create(r4[p]);
            s40 = Vector128.MultiplyAddEstimate(x, b0, s40);
            s41 = Vector128.MultiplyAddEstimate(x, b1, s41);
            x = Vector128.Create(r5[p]);
            s50 = Vector128.MultiplyAddEstimate(x, b0, s50);
            s51 = Vector128.MultiplyAddEstimate(x, b1, s51);
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

    /// <summary>sum + b · one lane of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Add(Vector128<float> sum, Vector128<float> b, Vector128<float> x, [ConstantExpected(Max = (byte)3)] byte lane) =>
        AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(sum, b, x, lane)
            : Vector128.MultiplyAddEstimate(b, Vector128.Shuffle(x, Vector128.Create((int)lane)), sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* c, Vector128<float> s0, Vector128<float> s1, bool accumulate)
    {
        if (accumulate)
        {
            s0 += Vector128.Load(c);
            s1 += Vector128.Load(c + 4);
        }
        s0.Store(c);
        s1.Store(c + 4);
    }
}
