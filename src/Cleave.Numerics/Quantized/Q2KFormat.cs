namespace Cleave.Numerics.Quantized;

/// <summary>Q2_K: 16 bytes with a scale (low) and a minimum (high) of four bits for each group of 16, 64 bytes of q, d, dmin.</summary>
internal readonly unsafe struct Q2KFormat : IStoredFormat
{
    private const int Groups = 16, Most = 3, MostScale = 15;

    public static int Elements => LargeBlocks.Size;
    public static int Bytes => 84;
    public static (int Place, int Count) Halves => (80, 2);
    public static int Offset => 0;

    public static void Open(byte* block, OpenBlock* open)
    {
        (open->Scale, open->Minimum) = (*(Half*)(block + 80), *(Half*)(block + 82));
        LargeBlocks.OpenTwoBits(block + Groups, open->Values);
        for (int g = 0; g < Groups; g++)
            (open->Scales[g], open->Minimums[g]) = ((sbyte)(block[g] & 15), (byte)(block[g] >> 4));
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        for (int g = 0; g < Groups; g++)
            block[g] = (byte)((byte)open->Scales[g] | open->Minimums[g] << 4);
        LargeBlocks.PutTwoBits(new ReadOnlySpan<byte>(open->Values, LargeBlocks.Size), new Span<byte>(block + Groups, 64));
        (*(Half*)(block + 80), *(Half*)(block + 82)) = (open->Scale, open->Minimum);
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<float> scales = stackalloc float[Groups], minimums = stackalloc float[Groups], sums = stackalloc float[Groups], weights = stackalloc float[16];
        Span<byte> q = stackalloc byte[LargeBlocks.Size], scale4 = stackalloc byte[Groups], minimum4 = stackalloc byte[Groups];
        float meanSquare = LargeBlocks.SumOfSquares(x) / LargeBlocks.Size;
        for (int g = 0; g < Groups; g++)
        {
            ReadOnlySpan<float> part = x.Slice(g * 16, 16);
            if (importance.IsEmpty)
            {
                for (int i = 0; i < 16; i++)
                    weights[i] = MathF.Abs(part[i]);
                scales[g] = ScaleSearch.Affine(part, weights, Most, -0.5f, 0.1f, 15, absolute: true, q.Slice(g * 16, 16), out minimums[g]);
            }
            else
            {
                SmallBlocks.Weights(part, importance.Slice(g * 16, 16), meanSquare, weights);
                sums[g] = LargeBlocks.Sum(weights);
                scales[g] = ScaleSearch.Affine(part, weights, Most, -0.9f, 0.05f, 36, absolute: false, q.Slice(g * 16, 16), out minimums[g]);
            }
        }
        float d, dmin;
        if (importance.IsEmpty)
        {
            d = LargeBlocks.RoundAll(scales, MostScale, scale4);
            dmin = LargeBlocks.RoundAll(minimums, MostScale, minimum4);
        }
        else
        {
            d = ScaleSearch.Positive(scales, sums, MostScale, scale4);
            dmin = ScaleSearch.Positive(minimums, sums, MostScale, minimum4);
        }
        d = LargeBlocks.PutHalf(block[80..], d);
        dmin = LargeBlocks.PutHalf(block[82..], dmin);
        for (int g = 0; g < Groups; g++)
        {
            block[g] = (byte)(scale4[g] | minimum4[g] << 4);
            scales[g] = d * scale4[g];
            minimums[g] = dmin * minimum4[g];
        }
        LargeBlocks.RoundGroups(x, scales, minimums, 0, Most, q);
        LargeBlocks.PutTwoBits(q, block.Slice(Groups, 64));
    }
}
