using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>What the vectors of all block formats share.</summary>
internal static unsafe class BlockVectors
{
    /// <summary>Most rows of x in one call of <see cref="ITileFormat.Four"/>.</summary>
    public const int TileRows = 4;

    /// <summary>The largest absolute value of 32 floats; NaN if one is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LargestAbsolute(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        Vector256<float> eight = Vector256.Max(Vector256.Max(Vector256.Abs(a), Vector256.Abs(b)), Vector256.Max(Vector256.Abs(c), Vector256.Abs(d)));
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>
    /// Eight finite halves to float: exponent and fraction moved into place below the sign, and multiplied by 2¹¹²
    /// for the difference of the exponents' biases.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scales(Half* eight) =>
        ((Vector256.WidenLower(Vector128.Load((short*)eight).ToVector256Unsafe()) << 13) & Vector256.Create(unchecked((int)0x8FFFE000))).AsSingle()
            * Vector256.Create(5.192296858534828e33f);

    /// <summary>Quantizes 32 floats to signed bytes, behind which it writes <paramref name="offset"/> times their sum; returns absmax / 127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float QuantizeBytes(float* x, byte* input, int offset)
    {
        if (!Avx2.IsSupported)
        {
            float max = LargestAbsolute(Vector256.Load(x), Vector256.Load(x + 8), Vector256.Load(x + 16), Vector256.Load(x + 24));
            QuantizeBytes(x, max == 0 ? 0 : 127 / max, (sbyte*)input, offset);
            return max / 127;
        }
        Vector256<sbyte> bytes = RoundToBytes(x, out float scale);
        bytes.Store((sbyte*)input);
        *(int*)(input + QuantizedMatrix.BlockSize) = offset * Vector256.Sum(SumsOfFour(bytes));
        return scale;
    }

    /// <summary>Eight sums of four neighbours, with AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> SumsOfFour(Vector256<sbyte> bytes) =>
        Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256<byte>.One, bytes), Vector256<short>.One);

    /// <summary>32 floats as multiples of absmax / 127, which is the scale, with AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> RoundToBytes(float* x, out float scale)
    {
        Vector256<float> a = Vector256.Load(x), b = Vector256.Load(x + 8), c = Vector256.Load(x + 16), d = Vector256.Load(x + 24);
        float max = LargestAbsolute(a, b, c, d);
        Vector256<float> inverse = Vector256.Create(max == 0 ? 0 : 127 / max);
        // Packing works within 128-bit halves: fours of values come out in the order a0 b0 c0 d0 | a1 b1 c1 d1.
        Vector256<short> ab = Avx2.PackSignedSaturate(Avx.ConvertToVector256Int32(a * inverse), Avx.ConvertToVector256Int32(b * inverse));
        Vector256<short> cd = Avx2.PackSignedSaturate(Avx.ConvertToVector256Int32(c * inverse), Avx.ConvertToVector256Int32(d * inverse));
        scale = max / 127;
        return Avx2.PermuteVar8x32(Avx2.PackSignedSaturate(ab, cd).AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte();
    }

    private static void QuantizeBytes(float* x, float inverse, sbyte* input, int offset)
    {
        Vector128<int> sum = default;
        for (int i = 0; i < QuantizedMatrix.BlockSize; i += 16)
        {
            Vector128<int> a = Rounded(x + i, inverse), b = Rounded(x + i + 4, inverse);
            Vector128<int> c = Rounded(x + i + 8, inverse), d = Rounded(x + i + 12, inverse);
            sum += a + b + (c + d);
            Vector128.Narrow(Vector128.Narrow(a, b), Vector128.Narrow(c, d)).Store(input + i);
        }
        *(int*)(input + QuantizedMatrix.BlockSize) = offset * Vector128.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Rounded(float* four, float scale) =>
        Vector128.ConvertToInt32Native(Vector128.Round(Vector128.Load(four) * scale));

    /// <summary>The reference for that.</summary>
    public static float QuantizeBytesReference(float* x, byte* input, int offset)
    {
        float max = 0;
        for (int i = 0; i < QuantizedMatrix.BlockSize; i++)
            max = MathF.Max(max, MathF.Abs(x[i]));
        float inverse = max == 0 ? 0 : 127 / max;
        int sum = 0;
        for (int i = 0; i < QuantizedMatrix.BlockSize; i++)
        {
            sbyte value = sbyte.CreateTruncating(MathF.Round(x[i] * inverse));
            input[i] = (byte)value;
            sum += value;
        }
        *(int*)(input + QuantizedMatrix.BlockSize) = offset * sum;
        return max / 127;
    }

    /// <summary>The plain form of a row times a row.</summary>
    public static float Row<TFormat>(byte* w, Half* scales, int row, byte* x, float* xScales, int blocks) where TFormat : struct, IScaledFormat
    {
        float total = 0;
        for (int b = 0; b < blocks; b++)
            total += TFormat.Dot(w + (nint)b * TFormat.GroupBytes, row, x + (nint)b * TFormat.InputBytes) * (xScales[b] * (float)scales[b * 8 + TFormat.ScalePlace(row)]);
        return total;
    }

    /// <summary>Four activations, to every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Spread(byte* four)
    {
        if (AdvSimd.IsSupported)
        {
            Vector128<sbyte> rows = AdvSimd.LoadAndReplicateToVector128((int*)four).AsSByte();
            return Vector256.Create(rows, rows);
        }
        return Vector256.Create(*(int*)four).AsSByte();
    }

    /// <summary>total + sum · scale · xScale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scaled(Vector256<float> total, Vector256<int> sum, Vector256<float> scale, float xScale) =>
        Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(sum), scale * Vector256.Create(xScale), total);

    /// <summary>Stores eight totals, or adds them to what is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Vector256<float> total, float* sums, bool add) => (add ? total + Vector256.Load(sums) : total).Store(sums);

    /// <summary>The same of the first <paramref name="rows"/> of four rows, <paramref name="stride"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Vector256<float> total0, Vector256<float> total1, Vector256<float> total2, Vector256<float> total3,
        int rows, float* sums, nint stride, bool add)
    {
        Put(total0, sums, add);
        if (rows > 1)
            Put(total1, sums + stride, add);
        if (rows > 2)
            Put(total2, sums + 2 * stride, add);
        if (rows > 3)
            Put(total3, sums + 3 * stride, add);
    }
}
