using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// Q6_K: for each half of the block 64 bytes of the lower four bits (columns c and c + 64 in a byte), then for each half 32 bytes
/// of the upper two (columns c, c + 32, c + 64, c + 96), sixteen signed 8-bit scales, d.
/// </summary>
internal readonly unsafe struct Q6KFormat : IStoredFormat
{
    private const int Groups = 16, Levels = 32, High = 128, Scales = 192;

    public static int Elements => LargeBlocks.Size;
    public static int Bytes => 210;
    public static (int Place, int Count) Halves => (208, 1);
    public static int Offset => Levels;

    public static void Open(byte* block, OpenBlock* open)
    {
        Vector256<byte> mask = Vector256.Create((byte)15);
        byte* values = open->Values;
        for (int half = 0; half < 2; half++, values += 128)
        {
            Vector256<byte> a = Vector256.Load(block + half * 64), b = Vector256.Load(block + half * 64 + 32), high = Vector256.Load(block + High + half * 32);
            (a & mask | Upper(high, 0)).Store(values);
            (b & mask | Upper(high, 2)).Store(values + 32);
            ((a.AsUInt16() >>> 4).AsByte() & mask | Upper(high, 4)).Store(values + 64);
            ((b.AsUInt16() >>> 4).AsByte() & mask | Upper(high, 6)).Store(values + 96);
        }
        (open->Scale, open->Minimum) = (*(Half*)(block + 208), default);
        for (int g = 0; g < Groups; g++)
            (open->Scales[g], open->Minimums[g]) = ((sbyte)block[Scales + g], 0);
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        Put(new ReadOnlySpan<byte>(open->Values, LargeBlocks.Size), new Span<byte>(block, Bytes));
        for (int g = 0; g < Groups; g++)
            block[Scales + g] = (byte)open->Scales[g];
        *(Half*)(block + 208) = open->Scale;
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<float> scales = stackalloc float[Groups];
        Span<byte> q = stackalloc byte[LargeBlocks.Size];
        for (int g = 0; g < Groups; g++)
        {
            scales[g] = ScaleSearch.Symmetric(x.Slice(g * 16, 16), importance.IsEmpty ? [] : importance.Slice(g * 16, 16), Levels, q.Slice(g * 16, 16));
        }
        float largest = ScaleSearch.Largest(scales);
        block.Clear();
        if (MathF.Abs(largest) < 1e-15f)
            return;
        float inverse = -128 / largest, d = LargeBlocks.PutHalf(block[208..], 1 / inverse);
        for (int g = 0; g < Groups; g++)
        {
            var scale = (sbyte)Math.Min(127, ScaleSearch.Nearest(inverse * scales[g]));
            block[Scales + g] = (byte)scale;
            scales[g] = d * scale;
        }
        LargeBlocks.RoundGroups(x, scales, [], Levels, 2 * Levels - 1, q);
        Put(q, block);
    }

    private static void Put(ReadOnlySpan<byte> q, Span<byte> block)
    {
        for (int i = 0; i < 128; i++)
        {
            int c = i / 64 * 128 + i % 64;
            block[i] = (byte)(q[c] & 15 | (q[c + 64] & 15) << 4);
        }
        for (int i = 0; i < 64; i++)
        {
            int c = i / 32 * 128 + i % 32;
            block[High + i] = (byte)(q[c] >> 4 | q[c + 32] >> 4 << 2 | q[c + 64] >> 4 << 4 | q[c + 96] >> 4 << 6);
        }
    }

    private static Vector256<byte> Upper(Vector256<byte> high, int shift) => (LargeBlocks.TwoBits(high, shift).AsUInt16() << 4).AsByte();
}
