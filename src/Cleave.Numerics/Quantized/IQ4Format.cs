using System.Buffers.Binary;

namespace Cleave.Numerics.Quantized;

/// <summary>IQ4_NL: 4-bit places in a table of 16 values that lie closer together around zero, as weights do.</summary>
internal readonly unsafe struct IQ4Format : IStoredFormat
{
    private const int Tries = 7, Lowest = -127;

    public static int Elements => SmallBlocks.Size;
    public static int Bytes => 18;
    public static (int Place, int Count) Halves => (0, 1);
    public static int Offset => 0;

    /// <summary>ggml's table.</summary>
    public static ReadOnlySpan<sbyte> Values => [Lowest, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public static void Open(byte* block, OpenBlock* open)
    {
        SmallBlocks.OpenNibbles(block + 2, open->Values);
        SmallBlocks.Fill(open, *(Half*)block, null);
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        *(Half*)block = open->Scale;
        SmallBlocks.PutNibbles(new ReadOnlySpan<byte>(open->Values, SmallBlocks.Size), new Span<byte>(block + 2, SmallBlocks.Half32));
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<float> weights = stackalloc float[SmallBlocks.Size];
        float square = 0;
        foreach (float v in x)
            square += v * v;
        if (importance.IsEmpty)
        {
            for (int i = 0; i < x.Length; i++)
                weights[i] = x[i] * x[i];
        }
        else
            SmallBlocks.Weights(x, importance, square * 2 / SmallBlocks.Size, weights);
        float scale = Search(x, weights), inverse = scale != 0 ? 1 / scale : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        Span<byte> q = stackalloc byte[SmallBlocks.Size];
        for (int i = 0; i < q.Length; i++)
            q[i] = (byte)Place(x[i] * inverse);
        SmallBlocks.PutNibbles(q, block[2..]);
    }

    private static float Search(ReadOnlySpan<float> x, ReadOnlySpan<float> weights)
    {
        float largest = ScaleSearch.Largest(x);
        if (MathF.Abs(largest) < 1e-15f)
            return 0;
        (float product, float square) = Fit(x, weights, 1 / (-largest / Lowest));
        float scale = product / square, best = scale * product;
        for (int step = -Tries; step <= Tries; step++)
        {
            (product, square) = Fit(x, weights, (step + Lowest) / largest);
            if (!(square > 0 && product * product > best * square))
                continue;
            scale = product / square;
            best = scale * product;
        }
        return scale;
    }

    private static (float Product, float Square) Fit(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, float inverse)
    {
        float product = 0, square = 0;
        for (int i = 0; i < x.Length; i++)
        {
            float value = Values[Place(inverse * x[i])];
            product += weights[i] * value * x[i];
            square += weights[i] * value * value;
        }
        return (product, square);
    }

    private static int Place(float x)
    {
        ReadOnlySpan<sbyte> values = Values;
        if (x <= values[0])
            return 0;
        int above = 1;
        while (above < values.Length - 1 && values[above] <= x)
            above++;
        if (x >= values[above])
            return above;
        return x - values[above - 1] < values[above] - x ? above - 1 : above;
    }
}
