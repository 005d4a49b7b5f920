using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// Q4_0. Weights stay unsigned, 0 to 15, beside signed 8-bit activations: eight products of pairs, at most 8 · 2 · 15 · 127,
/// fit into the 16 bits of a sum, so that a block needs one widening; the offset of 8 is taken off with the block's sum of x.
/// One load holds four bytes of each of eight rows: low halves are columns 4j … 4j + 3, high halves those plus 16.
/// </summary>
internal readonly unsafe struct Q4Format : IScaledFormat
{
    private const int Size = QuantizedMatrix.BlockSize, Half32 = Size / 2, Offset = 8;

    public static int FileBytes => sizeof(ushort) + Half32;

    public static int GroupBytes => 8 * Half32;

    // 32 signed bytes, then eight times their sum.
    public static int InputBytes => Size + sizeof(int);

    public static int ScalePlace(int row) => row;

    /// <summary>d = −(the value of largest magnitude, with its sign) / 8, q = round(w / d) + 8, at most 15.</summary>
    public static void Quantize(ReadOnlySpan<float> x, Span<byte> block)
    {
        float largest = 0;
        foreach (float v in x)
        {
            if (!(MathF.Abs(v) <= MathF.Abs(largest)))
                largest = v;
        }
        float scale = largest / -Offset, inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (int i = 0; i < Half32; i++)
            block[sizeof(ushort) + i] = (byte)(Round(x[i]) | Round(x[i + Half32]) << 4);

        int Round(float v) => int.Clamp(int.CreateTruncating(v * inverse + Offset + 0.5f), 0, 15);
    }

    public static void Dequantize(ReadOnlySpan<byte> block, Span<float> weights)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (int i = 0; i < Half32; i++)
        {
            byte both = block[sizeof(ushort) + i];
            weights[i] = ((both & 15) - Offset) * scale;
            weights[i + Half32] = ((both >> 4) - Offset) * scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float QuantizeInput(float* x, byte* input) => BlockVectors.QuantizeBytes(x, input, Offset);

    public static float QuantizeInputReference(float* x, byte* input) => BlockVectors.QuantizeBytesReference(x, input, Offset);

    public static float Row(byte* w, Half* scales, int row, byte* x, float* xScales, int blocks) => BlockVectors.Row<Q4Format>(w, scales, row, x, xScales, blocks);

    public static int Dot(byte* w, int row, byte* input)
    {
        int sum = -*(int*)(input + Size);
        for (int c = 0; c < Half32; c++)
        {
            int both = w[(c / 4 * 8 + row) * 4 + c % 4];
            sum += (both & 15) * (sbyte)input[c] + (both >> 4) * (sbyte)input[c + Half32];
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(byte* w, Half* scales, byte* x, float* xScales, int blocks, float* sums, bool add)
    {
        Vector256<float> total = default;
        Vector256<byte> mask = Vector256.Create((byte)15);
        for (int b = 0; b < blocks; b++, x += Size + sizeof(int))
        {
            Vector256<short> sum = default;
            for (int j = 0; j < 4; j++, w += 32)
            {
                Vector256<byte> both = Vector256.Load(w);
                sum = Accumulate(sum, both & mask, x + 4 * j);
                sum = Accumulate(sum, (both.AsUInt16() >> 4).AsByte() & mask, x + 4 * j + Half32);
            }
            total = Scaled(total, sum, x, BlockVectors.Scales(scales + b * 8), xScales[b]);
        }
        BlockVectors.Put(total, sums, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four(byte* w, Half* scales, byte* x, float* xScales, nint xStride, int blocks, int rows, float* sums, nint stride, bool add)
    {
        nint step1 = rows > 1 ? xStride : 0, step2 = rows > 2 ? 2 * xStride : step1, step3 = rows > 3 ? 3 * xStride : step2;
        byte* x0 = x, x1 = x + InputBytes * step1, x2 = x + InputBytes * step2, x3 = x + InputBytes * step3;
        Vector256<float> total0 = default, total1 = default, total2 = default, total3 = default;
        Vector256<byte> mask = Vector256.Create((byte)15);
        for (nint b = 0; b < blocks; b++)
        {
            Vector256<short> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
            for (nint j = b * InputBytes; j < b * InputBytes + Half32; j += 4, w += 32)
            {
                Vector256<byte> both = Vector256.Load(w), low = both & mask, high = (both.AsUInt16() >> 4).AsByte() & mask;
                sum0 = Accumulate(Accumulate(sum0, low, x0 + j), high, x0 + j + Half32);
                sum1 = Accumulate(Accumulate(sum1, low, x1 + j), high, x1 + j + Half32);
                sum2 = Accumulate(Accumulate(sum2, low, x2 + j), high, x2 + j + Half32);
                sum3 = Accumulate(Accumulate(sum3, low, x3 + j), high, x3 + j + Half32);
            }
            Vector256<float> scale = BlockVectors.Scales(scales + b * 8);
            nint block = b * InputBytes;
            total0 = Scaled(total0, sum0, x0 + block, scale, xScales[b]);
            total1 = Scaled(total1, sum1, x1 + block, scale, xScales[step1 + b]);
            total2 = Scaled(total2, sum2, x2 + block, scale, xScales[step2 + b]);
            total3 = Scaled(total3, sum3, x3 + block, scale, xScales[step3 + b]);
        }
        BlockVectors.Put(total0, total1, total2, total3, rows, sums, stride, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Accumulate(Vector256<short> sum, Vector256<byte> weights, byte* fourOfX) =>
        sum + Avx2.MultiplyAddAdjacent(weights, Avx2.BroadcastScalarToVector256((int*)fourOfX).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scaled(Vector256<float> total, Vector256<short> sum, byte* x, Vector256<float> scale, float xScale)
    {
        Vector256<int> wide = Avx2.MultiplyAddAdjacent(sum, Vector256<short>.One) - Avx2.BroadcastScalarToVector256((int*)(x + Size));
        return Fma.MultiplyAdd(Vector256.ConvertToSingle(wide), scale * Vector256.Create(xScale), total);
    }
}
