using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cleave.Numerics.Kernels;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// The inner loops of <see cref="Q8Matrix"/> on 256-bit integers. The hardware multiplies unsigned by signed bytes, so
/// the sign of a weight is moved to the activation: w · x = |w| · (x · sign w). Pairs of products reach at most
/// 2 · 128 · 127, which fits in 16 bits.
/// </summary>
internal static unsafe class Q8Vectors
{
    /// <summary>Most rows of x in one call.</summary>
    public const int TileRows = 4;

    /// <summary>absmax / 127 of 32 floats, and the 32 values rounded to it. NaN and ∞ end up in the scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float QuantizeBlock(float* x, sbyte* values)
    {
        Vector256<float> a = Vector256.Load(x), b = Vector256.Load(x + 8), c = Vector256.Load(x + 16), d = Vector256.Load(x + 24);
        Vector256<float> eight = Vector256.Max(Vector256.Max(Vector256.Abs(a), Vector256.Abs(b)), Vector256.Max(Vector256.Abs(c), Vector256.Abs(d)));
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        float max = Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
        Vector256<float> inverse = Vector256.Create(max == 0 ? 0 : 127 / max);
        Vector256<short> ab = Avx2.PackSignedSaturate(Avx.ConvertToVector256Int32(a * inverse), Avx.ConvertToVector256Int32(b * inverse));
        Vector256<short> cd = Avx2.PackSignedSaturate(Avx.ConvertToVector256Int32(c * inverse), Avx.ConvertToVector256Int32(d * inverse));
        // Packing works within 128-bit halves; this puts the eight fours back in order.
        Vector256<int> order = Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7);
        Avx2.PermuteVar8x32(Avx2.PackSignedSaturate(ab, cd).AsInt32(), order).AsSByte().Store(values);
        return max / 127;
    }

    /// <summary>One row of x with eight rows of W: eight sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(sbyte* w, Half* scales, sbyte* x, float* xScales, int blocks, float* sums)
    {
        Vector256<float> total = default;
        int* chunks = (int*)x;
        for (int b = 0; b < blocks; b++, w += 256, chunks += 8)
        {
            // Two sums: each waits for half of the additions only.
            Vector256<int> even = default, odd = default;
            for (int c = 0; c < 8; c += 2)
            {
                Vector256<sbyte> w0 = Vector256.Load(w + 32 * c), w1 = Vector256.Load(w + 32 * c + 32);
                even = Accumulate(even, Avx2.Abs(w0), w0, chunks[c]);
                odd = Accumulate(odd, Avx2.Abs(w1), w1, chunks[c + 1]);
            }
            total = Scaled(total, even + odd, Widen(scales + b * 8), xScales[b]);
        }
        total.Store(sums);
    }

    /// <summary>Up to four rows of x, blocks · 32 bytes apart, with eight rows of W; missing rows repeat the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four(sbyte* w, Half* scales, sbyte* x, float* xScales, int blocks, int rows, float* sums)
    {
        nint step1 = blocks, step2 = rows > 2 ? 2 * step1 : step1, step3 = rows > 3 ? 3 * step1 : step2;
        int* x0 = (int*)x, x1 = x0 + 8 * step1, x2 = x0 + 8 * step2, x3 = x0 + 8 * step3;
        Vector256<float> t0 = default, t1 = default, t2 = default, t3 = default;
        for (nint b = 0; b < blocks; b++)
        {
            Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default;
            for (nint c = 8 * b; c < 8 * b + 8; c++, w += 32)
            {
                Vector256<sbyte> weights = Vector256.Load(w);
                Vector256<byte> size = Avx2.Abs(weights);
                s0 = Accumulate(s0, size, weights, x0[c]);
                s1 = Accumulate(s1, size, weights, x1[c]);
                s2 = Accumulate(s2, size, weights, x2[c]);
                s3 = Accumulate(s3, size, weights, x3[c]);
            }
            Vector256<float> scale = Widen(scales + b * 8);
            t0 = Scaled(t0, s0, scale, xScales[b]);
            t1 = Scaled(t1, s1, scale, xScales[step1 + b]);
            t2 = Scaled(t2, s2, scale, xScales[step2 + b]);
            t3 = Scaled(t3, s3, scale, xScales[step3 + b]);
        }
        t0.Store(sums);
        t1.Store(sums + 8);
        t2.Store(sums + 16);
        t3.Store(sums + 24);
    }

    /// <summary>sum += four products per 32-bit lane; the four activations are the bytes of <paramref name="x"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Accumulate(Vector256<int> sum, Vector256<byte> size, Vector256<sbyte> weights, int x)
    {
        Vector256<sbyte> signed = Avx2.Sign(Vector256.Create(x).AsSByte(), weights);
        if (AvxVnni.IsSupported)
            return AvxVnni.MultiplyWideningAndAdd(sum, size, signed);
        return sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(size, signed), Vector256<short>.One);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scaled(Vector256<float> total, Vector256<int> sum, Vector256<float> scale, float xScale) =>
        Fma.MultiplyAdd(Vector256.ConvertToSingle(sum), scale * Vector256.Create(xScale), total);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(Half* eight) => Conversion.FromHalf(Conversion.Widen((ushort*)eight));
}
