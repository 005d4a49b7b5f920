using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// Every block format but Q8_0 and Q4_0, packed in groups of eight rows: halves of the rows, their whole scales, then for each 32
/// columns the bits of <typeparamref name="TBits"/>. The sums of 16 columns of a row stay in two lanes of 16 bits, which an offset
/// taken off beforehand keeps in range; the multiplication by the whole scale is the one that adds the two lanes, so that scales
/// cost nothing.
/// </summary>
internal readonly unsafe partial struct PackedFormat<TStored, TBits, TScales, TPairs> : IBlockFormat
    where TStored : struct, IStoredFormat where TBits : struct, IPackedBits where TScales : struct, IPackedScales where TPairs : struct, IPairs
{
    private const int Size = QuantizedMatrix.BlockSize, Rows = 8;

    // Behind the 32 bytes of x: for columns 0 to 15, 16 to 31 and all the sums that go into the two lanes, 16 bits each, and the sum in floats.
    private const int Lanes = Size, Sums = Lanes + 3 * sizeof(int);

    public static int InputBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Sums + 3 * sizeof(float);
    }

    public static int GroupBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (BitsPlace + TScales.SubBlocks * TBits.Bytes) / TScales.SubBlocks;
    }

    private static int HalvesBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Rows * sizeof(ushort) * (TScales.Minimums ? 2 : 1);
    }

    private static int BitsPlace
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => HalvesBytes + TScales.SubBlocks * TScales.Bytes;
    }

    // Inlined by order, as all that follows from the types: a call in a kernel's loop spills every vector.
    // One sum of 32 columns in 16 bits: 16 products a lane, of at most 127 times q less its offset.
    private static bool Merged
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TScales.Shared && (TBits.IsTable || 16 * 127 * (TStored.Offset == 0 ? TBits.Most : TStored.Offset) <= short.MaxValue);
    }

    public static void Pack(byte* block, byte* group, int row)
    {
        OpenBlock open;
        TStored.Open(block, &open);
        ((Half*)group)[row] = open.Scale;
        if (TScales.Minimums)
            ((Half*)group)[Rows + row] = open.Minimum;
        for (int s = 0; s < TScales.SubBlocks; s++)
        {
            TScales.Put(group + HalvesBytes + s * TScales.Bytes, row, open.Scales + 2 * s, open.Minimums + 2 * s);
            TBits.Put(group + BitsPlace + s * TBits.Bytes, row, open.Values + s * Size);
        }
    }

    public static void Unpack(byte* group, int row, OpenBlock* open)
    {
        open->Scale = ((Half*)group)[row];
        open->Minimum = TScales.Minimums ? ((Half*)group)[Rows + row] : default;
        for (int s = 0; s < TScales.SubBlocks; s++)
        {
            TScales.Get(group + HalvesBytes + s * TScales.Bytes, row, open->Scales + 2 * s, open->Minimums + 2 * s);
            TBits.Get(group + BitsPlace + s * TBits.Bytes, row, open->Values + s * Size);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float QuantizeInput(float* x, byte* input)
    {
        if (!Avx2.IsSupported)
        {
            float portable = BlockVectors.QuantizeBytes(x, input, 0);
            PutSums(input, portable);
            return portable;
        }
        Vector256<sbyte> bytes = BlockVectors.RoundToBytes(x, out float scale);
        bytes.Store((sbyte*)input);
        Vector256<short> pairs = Avx2.MultiplyAddAdjacent(Vector256<byte>.One, bytes);
        PutSums(input, LaneSums(pairs.GetLower()), LaneSums(pairs.GetUpper()), scale);
        return scale;
    }

    public static float QuantizeInputReference(float* x, byte* input)
    {
        float scale = BlockVectors.QuantizeBytesReference(x, input, 0);
        PutSums(input, scale);
        return scale;
    }

    public static float Row(byte* w, Half* scales, int row, byte* x, float* xScales, int blocks)
    {
        float total = 0;
        OpenBlock open;
        for (int b = 0; b < blocks; b += TScales.SubBlocks, w += GroupBytes * TScales.SubBlocks)
        {
            Unpack(w, row, &open);
            float products = 0, minimums = 0;
            for (int g = 0; g < 2 * TScales.SubBlocks; g++)
            {
                byte* input = x + (b + g / 2) * InputBytes;
                int dot = 0;
                for (int i = 0; i < IStoredFormat.Group; i++)
                    dot += StoredValues.Of<TStored, TBits>(open.Values[g * IStoredFormat.Group + i]) * (sbyte)input[g % 2 * IStoredFormat.Group + i];
                products += dot * open.Scales[g] * xScales[b + g / 2];
                minimums += open.Minimums[g] * ((float*)(input + Sums))[g % 2];
            }
            total += products * (float)open.Scale - minimums * (float)open.Minimum;
        }
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(byte* w, Half* scales, byte* x, float* xScales, int blocks, float* sums, bool add)
    {
        Vector256<float> total = default;
        for (int b = 0; b < blocks; b += TScales.SubBlocks)
        {
            byte* halves = w, whole = w + HalvesBytes;
            w += BitsPlace;
            Vector256<float> products = default, minimums = default;
            for (int s = 0; s < TScales.SubBlocks; s++, whole += TScales.Bytes, w += TBits.Bytes, x += InputBytes, xScales++)
            {
                Vector256<byte> plane0 = TBits.Plane(w, 0), plane1 = TBits.Plane(w, 1), both = TBits.Plane(w, 2);
                Vector256<short> a = Start(x, Merged ? 2 : 0), second = Merged ? default : Start(x, 1);
                for (nint c = 0; c < BitPlanes.Steps; c++)
                {
                    Vector256<byte> loaded = TBits.Load(w, c);
                    a = Accumulate(a, TBits.First(loaded, plane0, both), x + 4 * c);
                    if (Merged)
                        a = Accumulate(a, TBits.Second(loaded, plane1, both), x + 4 * c + 16);
                    else
                        second = Accumulate(second, TBits.Second(loaded, plane1, both), x + 4 * c + 16);
                    plane0 = BitPlanes.Down(plane0, 2);
                    plane1 = BitPlanes.Down(plane1, 2);
                    both = BitPlanes.Down(both, 1);
                }
                Vector256<int> scale0 = TPairs.Prepare(TScales.Scale<TPairs>(whole, 0)), scale1 = TScales.Shared ? scale0 : TPairs.Prepare(TScales.Scale<TPairs>(whole, 1));
                products = Times(products, Whole(a, second, scale0, scale1), *xScales);
                if (TScales.Minimums)
                    minimums = AddMinimums(minimums, Vector256.ConvertToSingle(TScales.Minimum<TPairs>(whole, 0)), Vector256.ConvertToSingle(TScales.Minimum<TPairs>(whole, 1)), x);
            }
            total = Finished(total, products, minimums, (Half*)halves);
        }
        BlockVectors.Put(total, sums, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four(byte* w, Half* scales, byte* x, float* xScales, nint xStride, int blocks, int rows, float* sums, nint stride, bool add)
    {
        nint step1 = rows > 1 ? xStride : 0, step2 = rows > 2 ? 2 * xStride : step1, step3 = rows > 3 ? 3 * xStride : step2;
        byte* x0 = x, x1 = x + InputBytes * step1, x2 = x + InputBytes * step2, x3 = x + InputBytes * step3;
        Vector256<float> total0 = default, total1 = default, total2 = default, total3 = default;
        for (nint b = 0; b < blocks;)
        {
            byte* halves = w, whole = w + HalvesBytes;
            w += BitsPlace;
            Vector256<float> products0 = default, products1 = default, products2 = default, products3 = default;
            Vector256<float> minimums0 = default, minimums1 = default, minimums2 = default, minimums3 = default;
            for (nint s = 0; s < TScales.SubBlocks; s++, b++, whole += TScales.Bytes, w += TBits.Bytes)
            {
                nint at = b * InputBytes;
                Vector256<byte> plane0 = TBits.Plane(w, 0), plane1 = TBits.Plane(w, 1), both = TBits.Plane(w, 2);
                int start = Merged ? 2 : 0;
                Vector256<short> a0 = Start(x0 + at, start), a1 = Start(x1 + at, start), a2 = Start(x2 + at, start), a3 = Start(x3 + at, start);
                Vector256<short> b0 = default, b1 = default, b2 = default, b3 = default;
                if (!Merged)
                    (b0, b1, b2, b3) = (Start(x0 + at, 1), Start(x1 + at, 1), Start(x2 + at, 1), Start(x3 + at, 1));
                for (nint c = 0; c < BitPlanes.Steps; c++, at += 4)
                {
                    Vector256<byte> loaded = TBits.Load(w, c), first = TBits.First(loaded, plane0, both), second = TBits.Second(loaded, plane1, both);
                    a0 = Accumulate(a0, first, x0 + at);
                    a1 = Accumulate(a1, first, x1 + at);
                    a2 = Accumulate(a2, first, x2 + at);
                    a3 = Accumulate(a3, first, x3 + at);
                    if (Merged)
                    {
                        a0 = Accumulate(a0, second, x0 + at + 16);
                        a1 = Accumulate(a1, second, x1 + at + 16);
                        a2 = Accumulate(a2, second, x2 + at + 16);
                        a3 = Accumulate(a3, second, x3 + at + 16);
                    }
                    else
                    {
                        b0 = Accumulate(b0, second, x0 + at + 16);
                        b1 = Accumulate(b1, second, x1 + at + 16);
                        b2 = Accumulate(b2, second, x2 + at + 16);
                        b3 = Accumulate(b3, second, x3 + at + 16);
                    }
                    plane0 = BitPlanes.Down(plane0, 2);
                    plane1 = BitPlanes.Down(plane1, 2);
                    both = BitPlanes.Down(both, 1);
                }
                at -= 4 * BitPlanes.Steps;
                Vector256<int> scale0 = TPairs.Prepare(TScales.Scale<TPairs>(whole, 0)), scale1 = TScales.Shared ? scale0 : TPairs.Prepare(TScales.Scale<TPairs>(whole, 1));
                products0 = Times(products0, Whole(a0, b0, scale0, scale1), xScales[b]);
                products1 = Times(products1, Whole(a1, b1, scale0, scale1), xScales[step1 + b]);
                products2 = Times(products2, Whole(a2, b2, scale0, scale1), xScales[step2 + b]);
                products3 = Times(products3, Whole(a3, b3, scale0, scale1), xScales[step3 + b]);
                if (TScales.Minimums)
                {
                    Vector256<float> m0 = Vector256.ConvertToSingle(TScales.Minimum<TPairs>(whole, 0)), m1 = Vector256.ConvertToSingle(TScales.Minimum<TPairs>(whole, 1));
                    minimums0 = AddMinimums(minimums0, m0, m1, x0 + at);
                    minimums1 = AddMinimums(minimums1, m0, m1, x1 + at);
                    minimums2 = AddMinimums(minimums2, m0, m1, x2 + at);
                    minimums3 = AddMinimums(minimums3, m0, m1, x3 + at);
                }
            }
            total0 = Finished(total0, products0, minimums0, (Half*)halves);
            total1 = Finished(total1, products1, minimums1, (Half*)halves);
            total2 = Finished(total2, products2, minimums2, (Half*)halves);
            total3 = Finished(total3, products3, minimums3, (Half*)halves);
        }
        BlockVectors.Put(total0, total1, total2, total3, rows, sums, stride, add);
    }

    /// <summary>The sums of 16 columns (or of all 32) before their products: less what the offset will add.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Start(byte* x, int which) => TStored.Offset == 0 ? default
        : BlockVectors.Spread(x + Lanes + which * sizeof(int)).AsInt16() * Vector256.Create((short)-TStored.Offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Accumulate(Vector256<short> sums, Vector256<byte> w, byte* x) => TBits.IsTable
        ? TPairs.AddSigned(sums.AsInt32(), w.AsSByte(), BlockVectors.Spread(x)).AsInt16() : TPairs.Add(sums, w, BlockVectors.Spread(x));

    /// <summary>The sums of 32 columns times their scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Whole(Vector256<short> a, Vector256<short> b, Vector256<int> scale0, Vector256<int> scale1) =>
        TBits.IsTable ? a.AsInt32() : Merged ? TPairs.Scaled(a, scale0) : TPairs.Scaled(a, scale0) + TPairs.Scaled(b, scale1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Times(Vector256<float> products, Vector256<int> sums, float xScale) =>
        Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(sums), Vector256.Create(xScale), products);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddMinimums(Vector256<float> minimums, Vector256<float> m0, Vector256<float> m1, byte* x)
    {
        float* xSums = (float*)(x + Sums);
        return TScales.Shared ? Vector256.MultiplyAddEstimate(m0, Vector256.Create(xSums[2]), minimums)
            : Vector256.MultiplyAddEstimate(m1, Vector256.Create(xSums[1]), Vector256.MultiplyAddEstimate(m0, Vector256.Create(xSums[0]), minimums));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Finished(Vector256<float> total, Vector256<float> products, Vector256<float> minimums, Half* halves)
    {
        total = Vector256.MultiplyAddEstimate(products, BlockVectors.Scales(halves), total);
        return TScales.Minimums ? total - minimums * BlockVectors.Scales(halves + Rows) : total;
    }

    // Of eight sums of pairs: those at even and those at odd places, in 16 bits each.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LaneSums(Vector128<short> pairs)
    {
        Vector128<short> four = pairs + Vector128.Shuffle(pairs.AsInt32(), Vector128.Create(2, 3, 0, 1)).AsInt16();
        return (four + Vector128.Shuffle(four.AsInt32(), Vector128.Create(1, 0, 3, 2)).AsInt16()).AsInt32().ToScalar();
    }

    private static void PutSums(byte* input, float scale)
    {
        int* lanes = stackalloc int[2];
        for (int half = 0; half < 2; half++)
        {
            int even = 0, odd = 0;
            for (int i = half * 16; i < half * 16 + 16; i += 4)
            {
                even += (sbyte)input[i] + (sbyte)input[i + 1];
                odd += (sbyte)input[i + 2] + (sbyte)input[i + 3];
            }
            lanes[half] = even & 0xFFFF | odd << 16;
        }
        PutSums(input, lanes[0], lanes[1], scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutSums(byte* input, int first, int second, float scale)
    {
        int firstSum = (short)first + (first >> 16), secondSum = (short)second + (second >> 16);
        int* lanes = (int*)(input + Lanes);
        float* sums = (float*)(input + Sums);
        lanes[0] = first;
        lanes[1] = second;
        lanes[2] = (first + second) & 0xFFFF | ((first >> 16) + (second >> 16)) << 16;
        sums[0] = scale * firstSum;
        sums[1] = scale * secondSum;
        sums[2] = scale * (firstSum + secondSum);
    }
}

/// <summary>What a q stands for, before its scale.</summary>
internal static class StoredValues
{
    public static int Of<TStored, TBits>(byte q) where TStored : struct, IStoredFormat where TBits : struct, IPackedBits =>
        TBits.IsTable ? IQ4Format.Values[q] : q - TStored.Offset;
}
