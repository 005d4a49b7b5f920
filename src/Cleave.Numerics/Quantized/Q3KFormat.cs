using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// Q3_K: 32 bytes of third bits (bit b of byte c: column c + 32 b), 64 bytes of the lower two, 12 bytes with sixteen 6-bit scales
/// (+ 32), d.
/// </summary>
internal readonly unsafe struct Q3KFormat : IStoredFormat
{
    private const int Groups = 16, Levels = 4, ScaleLevels = 32, ScalePlace = 96;

    public static int Elements => LargeBlocks.Size;
    public static int Bytes => 110;
    public static (int Place, int Count) Halves => (108, 1);
    public static int Offset => Levels;

    public static void Open(byte* block, OpenBlock* open)
    {
        byte* values = open->Values;
        LargeBlocks.OpenTwoBits(block + 32, values);
        Vector256<byte> bits = Vector256.Load(block);
        for (int b = 0; b < 8; b++)
        {
            Vector256<byte> bit = Vector256.Create((byte)(1 << b));
            (Vector256.Load(values + 32 * b) | Vector256.Equals(bits & bit, bit) & Vector256.Create((byte)Levels)).Store(values + 32 * b);
        }
        (open->Scale, open->Minimum) = (*(Half*)(block + 108), default);
        byte* packed = block + ScalePlace;
        for (int g = 0; g < Groups; g++)
        {
            int low = g < 8 ? packed[g] & 15 : packed[g - 8] >> 4, high = packed[8 + g % 4] >> (2 * (g / 4)) & 3;
            (open->Scales[g], open->Minimums[g]) = ((sbyte)((low | high << 4) - ScaleLevels), 0);
        }
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        Span<byte> scale6 = stackalloc byte[Groups];
        for (int g = 0; g < Groups; g++)
            scale6[g] = (byte)(open->Scales[g] + ScaleLevels);
        Put(new ReadOnlySpan<byte>(open->Values, LargeBlocks.Size), scale6, new Span<byte>(block, Bytes));
        *(Half*)(block + 108) = open->Scale;
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<float> scales = stackalloc float[Groups];
        Span<byte> q = stackalloc byte[LargeBlocks.Size], scale6 = stackalloc byte[Groups];
        float d = importance.IsEmpty ? Plain(x, scales, q, scale6) : Weighted(x, importance, scales, q, scale6);
        d = LargeBlocks.PutHalf(block[108..], d);
        for (int g = 0; g < Groups; g++)
            scales[g] = d * (scale6[g] - ScaleLevels);
        LargeBlocks.RoundGroups(x, scales, [], Levels, 2 * Levels - 1, q);
        Put(q, scale6, block);
    }

    private static void Put(ReadOnlySpan<byte> q, ReadOnlySpan<byte> scale6, Span<byte> block)
    {
        block[..108].Clear();
        Span<byte> packed = block.Slice(ScalePlace, 12);
        for (int g = 0; g < Groups; g++)
        {
            packed[g % 8] |= (byte)((scale6[g] & 15) << (g < 8 ? 0 : 4));
            packed[8 + g % 4] |= (byte)(scale6[g] >> 4 << (2 * (g / 4)));
        }
        for (int i = 0; i < q.Length; i++)
            block[i % 32] |= (byte)(q[i] >> 2 << (i / 32));
        LargeBlocks.PutTwoBits(q, block.Slice(32, 64));
    }

    private static float Plain(ReadOnlySpan<float> x, Span<float> scales, Span<byte> q, Span<byte> scale6)
    {
        for (int g = 0; g < Groups; g++)
            scales[g] = ScaleSearch.SymmetricByTurns(x.Slice(g * 16, 16), Levels, q.Slice(g * 16, 16));
        float largest = ScaleSearch.Largest(scales);
        if (largest == 0)
        {
            scale6.Clear();
            return 0;
        }
        float inverse = -ScaleLevels / largest;
        for (int g = 0; g < Groups; g++)
            scale6[g] = (byte)(ScaleSearch.Nearest(inverse * scales[g], -ScaleLevels, ScaleLevels - 1) + ScaleLevels);
        return 1 / inverse;
    }

    private static float Weighted(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<float> scales, Span<byte> q, Span<byte> scale6)
    {
        Span<float> weights = stackalloc float[16], sums = stackalloc float[Groups];
        float meanSquare = 2 * LargeBlocks.SumOfSquares(x) / LargeBlocks.Size;
        for (int g = 0; g < Groups; g++)
        {
            ReadOnlySpan<float> part = x.Slice(g * 16, 16);
            SmallBlocks.Weights(part, importance.Slice(g * 16, 16), meanSquare, weights);
            sums[g] = LargeBlocks.Sum(weights);
            scales[g] = ScaleSearch.Symmetric(part, weights, Levels, q.Slice(g * 16, 16));
        }
        return ScaleSearch.Symmetric(scales, sums, ScaleLevels, scale6);
    }
}
