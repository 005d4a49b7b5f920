using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>Weights of a packed block as bytes that an <see cref="IByteDot"/> multiplies.</summary>
internal unsafe interface IDotWeights
{
    /// <summary>Bytes of one quantized row's block in a file: the scale, then the values.</summary>
    static abstract int FileBytes { get; }

    /// <summary>What packed weights are larger by than what they stand for.</summary>
    static abstract int Offset<TDot>() where TDot : struct, IByteDot;

    /// <summary>Whether a byte holds two weights, sixteen columns apart.</summary>
    static abstract bool Two { get; }

    /// <summary>The weights of the first columns, a byte each.</summary>
    static abstract Vector256<byte> First(Vector256<byte> packed);

    /// <summary>The others, where there are two.</summary>
    static abstract Vector256<byte> Second(Vector256<byte> packed);

    /// <summary>The products of one byte of one row with the activations that belong to it.</summary>
    static abstract int One<TDot>(byte packed, byte* x) where TDot : struct, IByteDot;
}

/// <summary>Q8_0: one weight a byte.</summary>
internal readonly unsafe struct Q8Weights : IDotWeights
{
    public static int FileBytes => Q8Format.FileBytes;

    public static int Offset<TDot>() where TDot : struct, IByteDot => TDot.Offset;

    public static bool Two => false;

    public static Vector256<byte> First(Vector256<byte> packed) => packed;

    public static Vector256<byte> Second(Vector256<byte> packed) => default;

    public static int One<TDot>(byte packed, byte* x) where TDot : struct, IByteDot =>
        (TDot.Offset == 0 ? (sbyte)packed : packed) * (sbyte)*x;
}

/// <summary>Q4_0: two weights a byte, 0 to 15, sixteen columns apart.</summary>
internal readonly unsafe struct Q4Weights : IDotWeights
{
    public static int FileBytes => Q4Format.FileBytes;

    public static int Offset<TDot>() where TDot : struct, IByteDot => 8;

    public static bool Two => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> First(Vector256<byte> packed) => packed & Vector256.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Second(Vector256<byte> packed) => packed >>> 4;

    public static int One<TDot>(byte packed, byte* x) where TDot : struct, IByteDot =>
        (packed & 15) * (sbyte)*x + (packed >> 4) * (sbyte)x[QuantizedMatrix.BlockSize / 2];
}

/// <summary>
/// Blocks for processors that multiply bytes and add them up in one instruction, and for those without 256-bit vectors.
/// Where packed weights carry an offset, the block's sum of x takes it off again.
/// </summary>
internal readonly unsafe struct DotFormat<TWeights, TDot> : IScaledFormat
    where TWeights : struct, IDotWeights where TDot : struct, IByteDot
{
    private const int Size = QuantizedMatrix.BlockSize;

    public static int GroupBytes => 8 * RowBytes;

    // 32 signed bytes, then the offset times their sum.
    public static int InputBytes => Size + sizeof(int);

    // Of a packed block, each row's.
    private static int RowBytes => TWeights.FileBytes - sizeof(ushort);

    public static int ScalePlace(int row) => row;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float QuantizeInput(float* x, byte* input) => BlockVectors.QuantizeBytes(x, input, TWeights.Offset<TDot>());

    public static float QuantizeInputReference(float* x, byte* input) =>
        BlockVectors.QuantizeBytesReference(x, input, TWeights.Offset<TDot>());

    public static float Row(byte* w, Half* scales, int row, byte* x, float* xScales, int blocks) => BlockVectors.Row<DotFormat<TWeights, TDot>>(w, scales, row, x, xScales, blocks);

    public static int Dot(byte* w, int row, byte* input)
    {
        int sum = -*(int*)(input + Size);
        for (int c = 0; c < RowBytes; c++)
            sum += TWeights.One<TDot>(w[(c / 4 * 8 + row) * 4 + c % 4], input + c);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(byte* w, Half* scales, byte* x, float* xScales, int blocks, float* sums, bool add)
    {
        Vector256<float> total = default;
        for (int b = 0; b < blocks; b++, w += 8 * RowBytes, x += InputBytes)
        {
            Vector256<int> even = Start(x), odd = default;
            for (int c = 0; c < RowBytes; c += 8)
            {
                Vector256<byte> weights = Vector256.Load(w + 8 * c), next = Vector256.Load(w + 8 * c + 32);
                even = Add(even, TWeights.First(weights), TWeights.Second(weights), x + c);
                odd = Add(odd, TWeights.First(next), TWeights.Second(next), x + c + 4);
            }
            total = BlockVectors.Scaled(total, even + odd, BlockVectors.Scales(scales + b * 8), xScales[b]);
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
            Vector256<int> sum0 = Start(x0 + at), sum1 = Start(x1 + at), sum2 = Start(x2 + at), sum3 = Start(x3 + at);
            for (nint c = at; c < at + RowBytes; c += 4, w += 32)
            {
                Vector256<byte> weights = Vector256.Load(w), first = TWeights.First(weights), second = TWeights.Second(weights);
                sum0 = Add(sum0, first, second, x0 + c);
                sum1 = Add(sum1, first, second, x1 + c);
                sum2 = Add(sum2, first, second, x2 + c);
                sum3 = Add(sum3, first, second, x3 + c);
            }
            Vector256<float> scale = BlockVectors.Scales(scales + b * 8);
            total0 = BlockVectors.Scaled(total0, sum0, scale, xScales[b]);
            total1 = BlockVectors.Scaled(total1, sum1, scale, xScales[step1 + b]);
            total2 = BlockVectors.Scaled(total2, sum2, scale, xScales[step2 + b]);
            total3 = BlockVectors.Scaled(total3, sum3, scale, xScales[step3 + b]);
        }
        BlockVectors.Put(total0, total1, total2, total3, rows, sums, stride, add);
    }

    /// <summary>A block's sums before its products: less what the offset will add.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Start(byte* x) =>
        TWeights.Offset<TDot>() == 0 ? default : -BlockVectors.Spread(x + Size).AsInt32();

    /// <summary>Adds the products of four columns of each of eight rows, or of twice four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sum, Vector256<byte> first, Vector256<byte> second, byte* x)
    {
        sum = TDot.Add(sum, first, BlockVectors.Spread(x));
        return TWeights.Two ? TDot.Add(sum, second, BlockVectors.Spread(x + Size / 2)) : sum;
    }
}
