using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>sum + four products of an unsigned and a signed byte in every 32-bit lane.</summary>
internal interface IByteDot
{
    static abstract Vector256<int> Add(Vector256<int> sum, Vector256<byte> unsigned, Vector256<sbyte> signed);
}

/// <summary>The one instruction for it (AVX-VNNI).</summary>
internal readonly struct VnniDot : IByteDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> unsigned, Vector256<sbyte> signed) =>
        AvxVnni.MultiplyWideningAndAdd(sum, unsigned, signed);
}

/// <summary>The same in AVX2, so that machines without the instruction can test what is built on it.</summary>
internal readonly struct EmulatedDot : IByteDot
{
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> unsigned, Vector256<sbyte> signed)
    {
        Vector256<short> even = (unsigned.AsUInt16() & Vector256.Create((ushort)255)).AsInt16(), odd = (unsigned.AsUInt16() >> 8).AsInt16();
        return sum + Avx2.MultiplyAddAdjacent(even, signed.AsInt16() << 8 >> 8) + Avx2.MultiplyAddAdjacent(odd, signed.AsInt16() >> 8);
    }
}

/// <summary>
/// Q8_0 for processors that multiply bytes and add them up in one instruction: weights are packed with 128 added, to be
/// unsigned, which the block's sum of x takes off again. 32 products an instruction, four times as many as
/// <see cref="Q8Format"/> has for each of its own.
/// </summary>
internal readonly unsafe struct Q8DotFormat<TDot> : IBlockFormat where TDot : struct, IByteDot
{
    private const int Size = QuantizedMatrix.BlockSize, Offset = 128;

    public static int FileBytes => Q8Format.FileBytes;

    // 32 signed bytes, then 128 times their sum.
    public static int InputBytes => Size + sizeof(int);

    public static int ScalePlace(int row) => row;

    public static void Quantize(ReadOnlySpan<float> x, Span<byte> block) => Q8Format.Quantize(x, block);

    public static void Dequantize(ReadOnlySpan<byte> block, Span<float> weights) => Q8Format.Dequantize(block, weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float QuantizeInput(float* x, byte* input) => BlockVectors.QuantizeBytes(x, input, Offset);

    public static float QuantizeInputReference(float* x, byte* input) => BlockVectors.QuantizeBytesReference(x, input, Offset);

    public static int Dot(byte* w, int row, byte* input)
    {
        int sum = -*(int*)(input + Size);
        for (int c = 0; c < Size; c++)
            sum += w[(c / 4 * 8 + row) * 4 + c % 4] * (sbyte)input[c];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(byte* w, Half* scales, byte* x, float* xScales, int blocks, float* sums, bool add)
    {
        Vector256<float> total = default;
        for (int b = 0; b < blocks; b++, w += 8 * Size, x += Size + sizeof(int))
        {
            Vector256<int> even = -Avx2.BroadcastScalarToVector256((int*)(x + Size)), odd = default;
            for (int c = 0; c < Size; c += 8)
            {
                even = TDot.Add(even, Vector256.Load(w + 8 * c), Spread(x + c));
                odd = TDot.Add(odd, Vector256.Load(w + 8 * c + 32), Spread(x + c + 4));
            }
            total = Scaled(total, even + odd, BlockVectors.Scales(scales + b * 8), xScales[b]);
        }
        BlockVectors.Put(total, sums, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four(byte* w, Half* scales, byte* x, float* xScales, nint xStride, int blocks, int rows, float* sums, nint stride, bool add)
    {
        nint step1 = rows > 1 ? xStride : 0, step2 = rows > 2 ? 2 * xStride : step1, step3 = rows > 3 ? 3 * xStride : step2;
        byte* x0 = x, x1 = x + InputBytes * step1, x2 = x + InputBytes * step2, x3 = x + InputBytes * step3;
        Vector256<float> total0 = default, total1 = default, total2 = default, total3 = default;
        for (nint b = 0; b < blocks; b++)
        {
            nint at = b * InputBytes;
            Vector256<int> sum0 = -Avx2.BroadcastScalarToVector256((int*)(x0 + at + Size)), sum1 = -Avx2.BroadcastScalarToVector256((int*)(x1 + at + Size));
            Vector256<int> sum2 = -Avx2.BroadcastScalarToVector256((int*)(x2 + at + Size)), sum3 = -Avx2.BroadcastScalarToVector256((int*)(x3 + at + Size));
            for (nint c = at; c < at + Size; c += 4, w += 32)
            {
                Vector256<byte> weights = Vector256.Load(w);
                sum0 = TDot.Add(sum0, weights, Spread(x0 + c));
                sum1 = TDot.Add(sum1, weights, Spread(x1 + c));
                sum2 = TDot.Add(sum2, weights, Spread(x2 + c));
                sum3 = TDot.Add(sum3, weights, Spread(x3 + c));
            }
            Vector256<float> scale = BlockVectors.Scales(scales + b * 8);
            total0 = Scaled(total0, sum0, scale, xScales[b]);
            total1 = Scaled(total1, sum1, scale, xScales[step1 + b]);
            total2 = Scaled(total2, sum2, scale, xScales[step2 + b]);
            total3 = Scaled(total3, sum3, scale, xScales[step3 + b]);
        }
        BlockVectors.Put(total0, sums, add);
        if (rows > 1)
            BlockVectors.Put(total1, sums + stride, add);
        if (rows > 2)
            BlockVectors.Put(total2, sums + 2 * stride, add);
        if (rows > 3)
            BlockVectors.Put(total3, sums + 3 * stride, add);
    }

    /// <summary>Four activations, to every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Spread(byte* four) => Avx2.BroadcastScalarToVector256((int*)four).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scaled(Vector256<float> total, Vector256<int> sum, Vector256<float> scale, float xScale) =>
        Fma.MultiplyAdd(Vector256.ConvertToSingle(sum), scale * Vector256.Create(xScale), total);
}
