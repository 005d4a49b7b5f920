using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>What Q4_K and Q5_K share: d, dmin, and 12 bytes with eight 6-bit scales and minimums, for groups of 32.</summary>
internal static unsafe class SixBitScales
{
    public const int Groups = 8, Place = 4, End = 16;
    private const int Size = 32, MostScale = 63;

    public static void Open(byte* block, OpenBlock* open)
    {
        (open->Scale, open->Minimum) = (*(Half*)block, *(Half*)(block + 2));
        byte* p = block + Place;
        for (int g = 0; g < Groups; g++)
        {
            int scale = g < 4 ? p[g] & 63 : p[g + 4] & 15 | p[g - 4] >> 6 << 4;
            int minimum = g < 4 ? p[g + 4] & 63 : p[g + 4] >> 4 | p[g] >> 6 << 4;
            open->Scales[2 * g] = open->Scales[2 * g + 1] = (sbyte)scale;
            open->Minimums[2 * g] = open->Minimums[2 * g + 1] = (byte)minimum;
        }
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        (*(Half*)block, *(Half*)(block + 2)) = (open->Scale, open->Minimum);
        Span<byte> scales = stackalloc byte[Groups], minimums = stackalloc byte[Groups];
        for (int g = 0; g < Groups; g++)
            (scales[g], minimums[g]) = ((byte)open->Scales[2 * g], open->Minimums[2 * g]);
        Pack(scales, minimums, new Span<byte>(block + Place, End - Place));
    }

    /// <summary>The lower four bits of q, those of columns c and c + 32 of 64 in a byte.</summary>
    public static void PutHalves(ReadOnlySpan<byte> q, Span<byte> packed)
    {
        for (int i = 0; i < packed.Length; i++)
        {
            int c = i / 32 * 64 + i % 32;
            packed[i] = (byte)(q[c] & 15 | (q[c + 32] & 15) << 4);
        }
    }

    /// <summary>Finds scales and minimums, writes them, and gives the q from 0 to <paramref name="most"/>.</summary>
    /// <param name="first">Where the search begins without importance.</param>
    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, int most, float first, int steps, Span<byte> q, Span<byte> block)
    {
        Span<float> scales = stackalloc float[Groups], minimums = stackalloc float[Groups], sums = stackalloc float[Groups], weights = stackalloc float[Size];
        Span<byte> scale6 = stackalloc byte[Groups], minimum6 = stackalloc byte[Groups];
        float meanSquare = 2 * LargeBlocks.SumOfSquares(x) / LargeBlocks.Size;
        for (int g = 0; g < Groups; g++)
        {
            ReadOnlySpan<float> part = x.Slice(g * Size, Size);
            if (importance.IsEmpty)
            {
                float typical = MathF.Sqrt(LargeBlocks.SumOfSquares(part) / Size);
                for (int i = 0; i < Size; i++)
                    weights[i] = typical + MathF.Abs(part[i]);
                scales[g] = ScaleSearch.Affine(part, weights, most, first, 0.1f, steps, absolute: false, q.Slice(g * Size, Size), out minimums[g]);
            }
            else
            {
                SmallBlocks.Weights(part, importance.Slice(g * Size, Size), meanSquare, weights);
                sums[g] = LargeBlocks.Sum(weights);
                scales[g] = ScaleSearch.Affine(part, weights, most, -0.9f, 0.05f, 36, absolute: false, q.Slice(g * Size, Size), out minimums[g]);
            }
        }
        float d, dmin;
        if (importance.IsEmpty)
        {
            d = LargeBlocks.RoundAll(scales, MostScale, scale6);
            dmin = LargeBlocks.RoundAll(minimums, MostScale, minimum6);
        }
        else
        {
            d = ScaleSearch.Positive(scales, sums, MostScale, scale6);
            dmin = ScaleSearch.Positive(minimums, sums, MostScale, minimum6);
        }
        d = LargeBlocks.PutHalf(block, d);
        dmin = LargeBlocks.PutHalf(block[2..], dmin);
        Pack(scale6, minimum6, block.Slice(Place, End - Place));
        for (int g = 0; g < Groups; g++)
        {
            scales[g] = d * scale6[g];
            minimums[g] = dmin * minimum6[g];
        }
        LargeBlocks.RoundGroups(x, scales, minimums, 0, most, q);
    }

    private static void Pack(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> packed)
    {
        for (int g = 0; g < 4; g++)
        {
            packed[g] = (byte)(scales[g] | scales[g + 4] >> 4 << 6);
            packed[g + 4] = (byte)(minimums[g] | minimums[g + 4] >> 4 << 6);
            packed[g + 8] = (byte)(scales[g + 4] & 15 | (minimums[g + 4] & 15) << 4);
        }
    }
}

/// <summary>Q4_K: 128 bytes of q behind the scales, those of columns c and c + 32 of 64 in a byte.</summary>
internal readonly unsafe struct Q4KFormat : IStoredFormat
{
    public static int Elements => LargeBlocks.Size;
    public static int Bytes => 144;
    public static (int Place, int Count) Halves => (0, 2);
    public static int Offset => 0;

    public static void Open(byte* block, OpenBlock* open)
    {
        SixBitScales.Open(block, open);
        byte* q = block + SixBitScales.End, values = open->Values;
        for (int i = 0; i < 4; i++, q += 32, values += 64)
        {
            Vector256<byte> both = Vector256.Load(q);
            BitPlanes.Low(both).Store(values);
            BitPlanes.High(both).Store(values + 32);
        }
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        SixBitScales.Close(open, block);
        SixBitScales.PutHalves(new ReadOnlySpan<byte>(open->Values, LargeBlocks.Size), new Span<byte>(block + SixBitScales.End, 128));
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<byte> q = stackalloc byte[LargeBlocks.Size];
        SixBitScales.Quantize(x, importance, 15, -1, 20, q, block);
        SixBitScales.PutHalves(q, block.Slice(SixBitScales.End, 128));
    }
}

/// <summary>Q5_K: 32 bytes of fifth bits (bit b of byte c: column c + 32 b) before the others.</summary>
internal readonly unsafe struct Q5KFormat : IStoredFormat
{
    private const int Low = SixBitScales.End + 32;

    public static int Elements => LargeBlocks.Size;
    public static int Bytes => 176;
    public static (int Place, int Count) Halves => (0, 2);
    public static int Offset => 0;

    public static void Open(byte* block, OpenBlock* open)
    {
        SixBitScales.Open(block, open);
        Vector256<byte> bits = Vector256.Load(block + SixBitScales.End);
        byte* q = block + Low, values = open->Values;
        for (int i = 0; i < 4; i++, q += 32, values += 64)
        {
            Vector256<byte> both = Vector256.Load(q);
            (BitPlanes.Low(both) | Fifth(bits, 2 * i)).Store(values);
            (BitPlanes.High(both) | Fifth(bits, 2 * i + 1)).Store(values + 32);
        }
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        SixBitScales.Close(open, block);
        Put(new ReadOnlySpan<byte>(open->Values, LargeBlocks.Size), new Span<byte>(block, Bytes));
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<byte> q = stackalloc byte[LargeBlocks.Size];
        SixBitScales.Quantize(x, importance, 31, -0.5f, 15, q, block);
        Put(q, block);
    }

    private static void Put(ReadOnlySpan<byte> q, Span<byte> block)
    {
        block[SixBitScales.End..Low].Clear();
        for (int i = 0; i < q.Length; i++)
            block[SixBitScales.End + i % 32] |= (byte)(q[i] >> 4 << (i / 32));
        SixBitScales.PutHalves(q, block.Slice(Low, 128));
    }

    private static Vector256<byte> Fifth(Vector256<byte> bits, int b)
    {
        Vector256<byte> bit = Vector256.Create((byte)(1 << b));
        return Vector256.Equals(bits & bit, bit) & Vector256.Create((byte)16);
    }
}
