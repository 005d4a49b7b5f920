using Cleave.Numerics.Quantized;

namespace Cleave.Compression.Quantization;

/// <summary>
/// Where the codes of the weights lie inside a block of one of GGUF's formats, so that single codes can be chosen while the
/// block's scales stay. What a code is worth is asked of <see cref="BlockFormats.Dequantize"/>.
/// </summary>
internal sealed class BlockCodes
{
    private readonly record struct Bits(int Byte, int Shift, int Width, int From);

    private readonly Bits[][] _places;
    private readonly double[] _values; // of the codes, 0 for the first and 1 for the second

    private BlockCodes(BlockFormat format, int codes, int least, Func<int, Bits[]> places)
    {
        (Format, Elements, Bytes, Least, Count) = (format, BlockFormats.Elements(format), BlockFormats.Bytes(format), least, codes);
        _places = [.. Enumerable.Range(0, Elements).Select(places)];
        _values = Worth();
    }

    public static BlockCodes Of(BlockFormat format) => format switch
    {
        // Two's complement with the sign turned round is a code from 0 on; -128 is never written.
        BlockFormat.Q8_0 => new(format, 256, 1, c => [new(2 + c, 0, 8, 0)]),
        BlockFormat.Q4_0 or BlockFormat.IQ4_NL => new(format, 16, 0, c => [Nibble(2, c)]),
        BlockFormat.Q4_1 => new(format, 16, 0, c => [Nibble(4, c)]),
        BlockFormat.Q5_0 => new(format, 32, 0, c => [Nibble(6, c), new(2 + c / 8, c % 8, 1, 4)]),
        BlockFormat.Q5_1 => new(format, 32, 0, c => [Nibble(8, c), new(4 + c / 8, c % 8, 1, 4)]),
        BlockFormat.Q2_K => new(format, 4, 0, c => [Pair(16, c)]),
        BlockFormat.Q3_K => new(format, 8, 0, c => [Pair(32, c), new(c % 32, c / 32, 1, 2)]),
        BlockFormat.Q4_K => new(format, 16, 0, c => [Half(16, c)]),
        BlockFormat.Q5_K => new(format, 32, 0, c => [Half(48, c), new(16 + c % 32, c / 32, 1, 4)]),
        BlockFormat.Q6_K => new(format, 64, 0, c => [new(c / 128 * 64 + c % 64, c % 128 / 64 * 4, 4, 0), new(128 + c / 128 * 32 + c % 32, c % 128 / 32 * 2, 2, 4)]),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "not a block format"),
    };

    public BlockFormat Format { get; }

    /// <summary>Weights of a block, and its bytes.</summary>
    public int Elements { get; }
    public int Bytes { get; }

    /// <summary>How many codes there are, and the lowest that is used.</summary>
    public int Count { get; }
    public int Least { get; }

    public void Put(Span<byte> block, int column, int code)
    {
        foreach (Bits bits in _places[column])
        {
            int mask = (1 << bits.Width) - 1, value = Stored(code) >> bits.From & mask;
            block[bits.Byte] = (byte)(block[bits.Byte] & ~(mask << bits.Shift) | value << bits.Shift);
        }
    }

    /// <summary>What each column of a block is worth at code 0, and how much more at code 1: its scale where codes are evenly spaced.</summary>
    /// <param name="block">Its scales count, its codes do not.</param>
    public void Levels(ReadOnlySpan<byte> block, Span<double> bases, Span<double> steps)
    {
        Span<byte> copy = stackalloc byte[Bytes];
        Span<float> low = stackalloc float[Elements], high = stackalloc float[Elements];
        block.CopyTo(copy);
        Fill(copy, Least);
        BlockFormats.Dequantize(Format, copy, low);
        Fill(copy, Count - 1);
        BlockFormats.Dequantize(Format, copy, high);
        double range = _values[^1] - _values[Least];
        for (int c = 0; c < Elements; c++)
        {
            steps[c] = ((double)high[c] - low[c]) / range;
            bases[c] = low[c] - steps[c] * _values[Least];
        }
    }

    /// <summary>The code whose worth is nearest to a weight.</summary>
    public int Nearest(double weight, double start, double step)
    {
        if (step == 0)
            return Math.Max(Least, Zero());
        double at = (weight - start) / step;
        if (Format != BlockFormat.IQ4_NL)
            return (int)Math.Clamp(Math.Round(at), Least, Count - 1);
        int best = 0;
        for (int code = 1; code < Count; code++)
            best = Math.Abs(_values[code] - at) < Math.Abs(_values[best] - at) ? code : best;
        return best;
    }

    /// <summary>What a code is worth.</summary>
    public double Worth(int code, double start, double step) => start + step * _values[code];

    private int Zero() => Format switch
    {
        BlockFormat.Q8_0 => 128,
        BlockFormat.Q4_0 or BlockFormat.IQ4_NL => 8,
        BlockFormat.Q5_0 => 16,
        BlockFormat.Q3_K => 4,
        BlockFormat.Q6_K => 32,
        _ => 0,
    };

    private int Stored(int code) => Format == BlockFormat.Q8_0 ? code ^ 128 : code;

    private void Fill(Span<byte> block, int code)
    {
        for (int c = 0; c < Elements; c++)
            Put(block, c, code);
    }

    // Evenly spaced codes are worth their number; those of a table are asked one by one.
    private double[] Worth()
    {
        double[] even = [.. Enumerable.Range(0, Count).Select(c => (double)c)];
        if (Format != BlockFormat.IQ4_NL)
            return even;
        var block = new byte[Bytes];
        var row = new float[Elements];
        for (int c = 0; c < Elements; c++)
            row[c] = c - Elements / 2;
        BlockFormats.Quantize(Format, row, [], block);
        double[] values = [.. even.Select(code =>
        {
            Fill(block, (int)code);
            BlockFormats.Dequantize(Format, block, row);
            return (double)row[0];
        })];
        return [.. values.Select(v => (v - values[0]) / (values[1] - values[0]))];
    }

    private static Bits Nibble(int first, int c) => new(first + c % 16, c / 16 * 4, 4, 0);

    private static Bits Half(int first, int c) => new(first + c / 64 * 32 + c % 32, c % 64 / 32 * 4, 4, 0);

    private static Bits Pair(int first, int c) => new(first + c / 128 * 32 + c % 32, c % 128 / 32 * 2, 2, 0);
}
