using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// Q8_0. Weights are widened to 16 bits as they are loaded and multiplied with 16-bit activations by the instruction that
/// adds pairs: one multiplication fewer than with bytes, which need a second one to leave 16 bits, and nothing can
/// saturate. Lanes of a sum while a block runs:
/// <code>
/// low:  r0 r0 r1 r1 | r2 r2 r3 r3      high:  r4 r4 r5 r5 | r6 r6 r7 r7      pairs added:  r0 r1 r4 r5 | r2 r3 r6 r7
/// </code>
/// The scales are kept in that last order, and the totals brought back from it once at the end.
/// </summary>
internal readonly unsafe struct Q8Format : IScaledFormat
{
    private const int Size = QuantizedMatrix.BlockSize;

    public static int FileBytes => sizeof(ushort) + Size;

    public static int GroupBytes => 8 * Size;

    // 8-bit values in 16 bits, as the multiplication wants them.
    public static int InputBytes => Size * sizeof(short);

    /// <summary>2, 3 and 4, 5 are exchanged.</summary>
    public static int ScalePlace(int row) => row is >= 2 and <= 5 ? row ^ 6 : row;

    /// <summary>d = absmax / 127, q = round(w / d).</summary>
    public static void Quantize(ReadOnlySpan<float> x, Span<byte> block)
    {
        float max = 0;
        foreach (float v in x)
            max = MathF.Max(max, MathF.Abs(v));
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)(max / 127));
        float inverse = max == 0 ? 0 : 127 / max;
        Span<sbyte> values = MemoryMarshal.Cast<byte, sbyte>(block[sizeof(ushort)..]);
        for (int i = 0; i < values.Length; i++)
            values[i] = (sbyte)int.CreateTruncating(MathF.Round(x[i] * inverse));
    }

    public static void Dequantize(ReadOnlySpan<byte> block, Span<float> weights)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        ReadOnlySpan<sbyte> values = MemoryMarshal.Cast<byte, sbyte>(block[sizeof(ushort)..]);
        for (int i = 0; i < values.Length; i++)
            weights[i] = values[i] * scale;
    }

    public static float QuantizeInputReference(float* x, byte* input)
    {
        float max = 0;
        for (int i = 0; i < Size; i++)
            max = MathF.Max(max, MathF.Abs(x[i]));
        float inverse = max == 0 ? 0 : 127 / max;
        for (int i = 0; i < Size; i++)
            ((short*)input)[i] = short.CreateTruncating(MathF.Round(x[i] * inverse));
        return max / 127;
    }

    public static float Row(byte* w, Half* scales, int row, byte* x, float* xScales, int blocks) => BlockVectors.Row<Q8Format>(w, scales, row, x, xScales, blocks);

    public static int Dot(byte* w, int row, byte* input)
    {
        int sum = 0;
        for (int c = 0; c < Size; c++)
            sum += ((short*)input)[c] * (sbyte)w[(c / 4 * 8 + row) * 4 + c % 4];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float QuantizeInput(float* x, byte* input)
    {
        short* values = (short*)input;
        Vector256<float> a = Vector256.Load(x), b = Vector256.Load(x + 8), c = Vector256.Load(x + 16), d = Vector256.Load(x + 24);
        float max = BlockVectors.LargestAbsolute(a, b, c, d);
        Vector256<float> inverse = Vector256.Create(max == 0 ? 0 : 127 / max);
        Narrow(a * inverse, b * inverse).Store(values);
        Narrow(c * inverse, d * inverse).Store(values + 16);
        return max / 127;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(byte* w, Half* scales, byte* x, float* xScales, int blocks, float* sums, bool add)
    {
        Vector256<float> total = default;
        long* fours = (long*)x;
        for (int b = 0; b < blocks; b++)
        {
            Vector256<int> low = default, high = default;
            for (int c = 0; c < 2; c++, w += 128, fours += 4)
            {
                Vector256<short> v = Spread(fours);
                low = Accumulate(low, Widen(w), v);
                high = Accumulate(high, Widen(w + 16), v);
                v = Spread(fours + 1);
                low = Accumulate(low, Widen(w + 32), v);
                high = Accumulate(high, Widen(w + 48), v);
                v = Spread(fours + 2);
                low = Accumulate(low, Widen(w + 64), v);
                high = Accumulate(high, Widen(w + 80), v);
                v = Spread(fours + 3);
                low = Accumulate(low, Widen(w + 96), v);
                high = Accumulate(high, Widen(w + 112), v);
            }
            total = Scaled(total, low, high, BlockVectors.Scales(scales + b * 8), xScales[b]);
        }
        Put(total, sums, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four(byte* w, Half* scales, byte* x, float* xScales, nint xStride, int blocks, int rows, float* sums, nint stride, bool add)
    {
        nint step1 = rows > 1 ? xStride : 0, step2 = rows > 2 ? 2 * xStride : step1, step3 = rows > 3 ? 3 * xStride : step2;
        long* x0 = (long*)x, x1 = x0 + 8 * step1, x2 = x0 + 8 * step2, x3 = x0 + 8 * step3;
        // The totals stay in memory: eight sums of integers and the operands fill the registers.
        byte* memory = stackalloc byte[5 * 32];
        var totals = (Vector256<float>*)(((nint)memory + 31) & -32); // a store across cache lines is slow to read back
        for (int i = 0; i < 4; i++)
            totals[i] = default;
        for (nint b = 0; b < blocks; b++)
        {
            Vector256<int> low0 = default, low1 = default, low2 = default, low3 = default;
            Vector256<int> high0 = default, high1 = default, high2 = default, high3 = default;
            for (nint c = 8 * b; c < 8 * b + 8; c += 2, w += 64)
            {
                Vector256<short> low = Widen(w), high = Widen(w + 16), v = Spread(x0 + c);
                low0 = Accumulate(low0, low, v);
                high0 = Accumulate(high0, high, v);
                v = Spread(x1 + c);
                low1 = Accumulate(low1, low, v);
                high1 = Accumulate(high1, high, v);
                v = Spread(x2 + c);
                low2 = Accumulate(low2, low, v);
                high2 = Accumulate(high2, high, v);
                v = Spread(x3 + c);
                low3 = Accumulate(low3, low, v);
                high3 = Accumulate(high3, high, v);

                low = Widen(w + 32);
                high = Widen(w + 48);
                v = Spread(x0 + c + 1);
                low0 = Accumulate(low0, low, v);
                high0 = Accumulate(high0, high, v);
                v = Spread(x1 + c + 1);
                low1 = Accumulate(low1, low, v);
                high1 = Accumulate(high1, high, v);
                v = Spread(x2 + c + 1);
                low2 = Accumulate(low2, low, v);
                high2 = Accumulate(high2, high, v);
                v = Spread(x3 + c + 1);
                low3 = Accumulate(low3, low, v);
                high3 = Accumulate(high3, high, v);
            }
            Vector256<float> scale = BlockVectors.Scales(scales + b * 8);
            totals[0] = Scaled(totals[0], low0, high0, scale, xScales[b]);
            totals[1] = Scaled(totals[1], low1, high1, scale, xScales[step1 + b]);
            totals[2] = Scaled(totals[2], low2, high2, scale, xScales[step2 + b]);
            totals[3] = Scaled(totals[3], low3, high3, scale, xScales[step3 + b]);
        }
        for (int i = 0; i < rows; i++)
            Put(totals[i], sums + i * stride, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Narrow(Vector256<float> a, Vector256<float> b)
    {
        Vector256<short> packed = Avx2.PackSignedSaturate(Avx.ConvertToVector256Int32(a), Avx.ConvertToVector256Int32(b));
        return Avx2.Permute4x64(packed.AsInt64(), 0b_11_01_10_00).AsInt16(); // packing works within 128-bit halves
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Widen(byte* sixteen) => Avx2.ConvertToVector256Int16((sbyte*)sixteen);

    /// <summary>Four activations, to every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Spread(long* four) => Avx2.BroadcastScalarToVector256(four).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Accumulate(Vector256<int> sum, Vector256<short> weights, Vector256<short> x) =>
        AvxVnni.IsSupported ? AvxVnni.MultiplyWideningAndAdd(sum, weights, x) : sum + Avx2.MultiplyAddAdjacent(weights, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scaled(Vector256<float> total, Vector256<int> low, Vector256<int> high, Vector256<float> scale, float xScale)
    {
        // The even and the odd ones of both; an addition of pairs would take the same shuffles and two more cycles.
        Vector256<int> even = Avx.Shuffle(low.AsSingle(), high.AsSingle(), 0b_10_00_10_00).AsInt32();
        Vector256<int> odd = Avx.Shuffle(low.AsSingle(), high.AsSingle(), 0b_11_01_11_01).AsInt32();
        return Fma.MultiplyAdd(Vector256.ConvertToSingle(even + odd), scale * Vector256.Create(xScale), total);
    }

    /// <summary>Exchanges the middle quarters, which puts the totals in the order of the rows, and stores them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<float> total, float* sums, bool add)
    {
        Vector256<float> ordered = Avx2.Permute4x64(total.AsDouble(), 0b_11_01_10_00).AsSingle();
        (add ? ordered + Vector256.Load(sums) : ordered).Store(sums);
    }
}
