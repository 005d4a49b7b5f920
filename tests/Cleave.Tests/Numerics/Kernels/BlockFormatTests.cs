using System.Runtime.InteropServices;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;

namespace Cleave.Tests.Numerics.Kernels;

/// <summary>Every block format against ggml's own bytes (Golden/ggml, made by make.py there).</summary>
public class BlockFormatTests
{
    private const int Rows = 2, Columns = 768;

    public static TheoryData<BlockFormat> All => [.. Enum.GetValues<BlockFormat>()];

    public static TheoryData<BlockFormat> Stored => [.. Enum.GetValues<BlockFormat>().Where(f => StoredRows.Of(f) is not null)];

    [Theory]
    [MemberData(nameof(All))]
    public void Blocks_say_the_weights_that_ggml_reads_from_them(BlockFormat format)
    {
        var weights = new float[Rows * Columns];
        BlockFormats.Dequantize(format, Golden($"{Name(format)}.bin"), weights);
        Assert.Equal(Floats($"{Name(format)}_f32.bin"), weights);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Rows_become_the_blocks_that_ggml_writes(BlockFormat format) => Same(format, Golden($"{Name(format)}.bin"), []);

    [Theory]
    [MemberData(nameof(All))]
    public void So_they_do_with_importance(BlockFormat format) => Same(format, Golden($"{Name(format)}_im.bin"), Floats("importance.bin"));

    [SharedTheory]
    [InlineData(BlockFormat.Q5_1, 64, true)]
    [InlineData(BlockFormat.Q4_K, 512, false)]
    [InlineData(BlockFormat.Q6_K, 512, false)]
    public void Another_processor_s_llama_cpp_agrees(BlockFormat format, int columns, bool exact)
    {
        // Made on another processor, whose searches round otherwise: k-quants are held to its error.
        (float[] x, byte[] expected) = QuantizedChecks.LlamaCpp(format, columns);
        byte[] blocks = Quantize(format, x, columns, []);
        if (exact)
            Assert.Equal(expected, blocks);
        double ours = Error(format, x, blocks), theirs = Error(format, x, expected);
        Assert.InRange(ours, 0.999 * theirs, 1.001 * theirs);
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void Any_bytes_come_back_from_a_packed_matrix(BlockFormat format)
    {
        foreach (int rows in new[] { 1, 8, 21 })
        {
            byte[] file = AnyBlocks(format, rows, 3 * BlockFormats.Elements(format), seed: rows);
            byte[] again = QuantizedChecks.Blocks(QuantizedChecks.Pack(format, rows, 3 * BlockFormats.Elements(format), file));
            Assert.Equal(file, again);
        }
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void Products_match_the_quantized_arithmetic_exactly_but_for_float_sums(BlockFormat format)
    {
        int size = BlockFormats.Elements(format);
        foreach (int columns in size == 256 ? new[] { 256, 1280 } : [32, 64, 1056])
        {
            foreach (int rows in new[] { 0, 1, 8, 9, 130 })
            {
                // Values as quantizers make them, and any that a file may hold, where terms may cancel.
                QuantizedMatrix made = QuantizedMatrix.Quantize(format, Reference.Random(rows * columns, 1), rows, columns);
                QuantizedMatrix any = QuantizedChecks.Pack(format, rows, columns, AnyBlocks(format, rows, columns, seed: 7));
                foreach (int m in new[] { 0, 1, 2, 3, 4, 7, 33 })
                {
                    QuantizedChecks.Product(() => made, Reference.Random(m * columns, 2), m, cancels: false);
                    QuantizedChecks.Product(() => any, Reference.Random(m * columns, 2), m, cancels: true);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void Extreme_bytes_and_activations_do_not_saturate(BlockFormat format)
    {
        int columns = Math.Max(64, BlockFormats.Elements(format));
        foreach (byte each in new byte[] { 0x00, 0xFF, 0x55, 0xAA, 0x0F, 0x80 })
        {
            byte[] file = AnyBlocks(format, 9, columns, seed: 1, fill: each);
            QuantizedMatrix matrix = QuantizedChecks.Pack(format, 9, columns, file);
            foreach (Func<int, float> x in (Func<int, float>[])[_ => 1, _ => -1, i => i % 2 == 0 ? 1 : -1, i => i % 32 < 16 ? 1 : -1])
                QuantizedChecks.Product(() => matrix, [.. Enumerable.Range(0, 2 * columns).Select(x)], 2, cancels: true);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void NaN_and_infinity_are_not_lost(BlockFormat format) => Variants.EachSet(where =>
    {
        const int C = 512;
        QuantizedMatrix matrix = QuantizedMatrix.Quantize(format, Reference.Random(10 * C, 1), 10, C);
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            float[] x = Reference.Random(2 * C, 2), y = new float[20];
            x[40] = bad;
            matrix.MultiplyTransposed(x, 2, y);
            Assert.All(y[..10], v => Assert.False(float.IsFinite(v), where));
            Assert.All(y[10..], v => Assert.True(float.IsFinite(v), where));
        }
    });

    [Fact]
    public void Formats_of_one_kind_of_packing_share_one_x()
    {
        const int C = 512;
        float[] x = Reference.Random(3 * C, 1), w = Reference.Random(40 * C, 2);
        QuantizedMatrix a = QuantizedMatrix.Quantize(BlockFormat.Q4_K, w, 40, C), b = QuantizedMatrix.Quantize(BlockFormat.Q6_K, w, 40, C);
        float[] ya = new float[120], yb = new float[120], alone = new float[120];
        Assert.True(a.SharesInput(b));
        Assert.False(a.SharesInput(QuantizedMatrix.Quantize(BlockFormat.Q8_0, w, 40, C)));
        QuantizedMatrix.MultiplyTransposed(x, 3, a, ya, b, yb);
        b.MultiplyTransposed(x, 3, alone);
        Assert.Equal(alone, yb);
        a.MultiplyTransposed(x, 3, alone);
        Assert.Equal(alone, ya);
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void Numbers_that_no_block_holds_are_refused(BlockFormat format)
    {
        int size = BlockFormats.Elements(format);
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(format, [.. new float[size - 1], float.NaN], 1, size));
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(format, [.. new float[size - 1], 1e30f], 1, size));
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(format, new float[size + 16], 1, size + 16));
        var infinite = new byte[BlockFormats.Bytes(format)];
        Array.Fill(infinite, (byte)0x7C);
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Pack(format, 1, size, (_, _, blocks) => infinite.CopyTo(blocks)));
    }

    /// <summary>Blocks of any bytes (or of one), whose halves are finite.</summary>
    private static byte[] AnyBlocks(BlockFormat format, int rows, int columns, int seed, byte? fill = null)
    {
        var bytes = new byte[rows * QuantizedMatrix.RowBytes(format, columns)];
        var random = new Rng((ulong)seed);
        foreach (ref byte each in bytes.AsSpan())
            each = fill ?? (byte)random.NextInt(256);
        (int place, int count) = StoredRows.Of(format)!.Halves;
        for (int b = 0; b < bytes.Length; b += BlockFormats.Bytes(format))
        {
            for (int h = 0; h < count; h++)
                MemoryMarshal.Write(bytes.AsSpan(b + place + 2 * h), (Half)(0.01f * (1 + b % 7) * (h == 0 ? 1 : -1)));
        }
        return bytes;
    }

    private static void Same(BlockFormat format, byte[] expected, float[] importance)
    {
        float[] x = Floats("input.bin");
        byte[] blocks = Quantize(format, x, Columns, importance);
        int size = BlockFormats.Bytes(format);
        var wrong = Enumerable.Range(0, blocks.Length / size).Where(b => !blocks.AsSpan(b * size, size).SequenceEqual(expected.AsSpan(b * size, size))).ToList();
        Assert.True(wrong.Count == 0, $"blocks {string.Join(' ', wrong)} of {blocks.Length / size} differ");
    }

    private static byte[] Quantize(BlockFormat format, float[] x, int columns, float[] importance)
    {
        int rowBytes = QuantizedMatrix.RowBytes(format, columns);
        var blocks = new byte[x.Length / columns * rowBytes];
        for (int r = 0; r < x.Length / columns; r++)
            BlockFormats.Quantize(format, x.AsSpan(r * columns, columns), importance, blocks.AsSpan(r * rowBytes, rowBytes));
        return blocks;
    }

    private static double Error(BlockFormat format, float[] x, byte[] blocks)
    {
        var weights = new float[x.Length];
        BlockFormats.Dequantize(format, blocks, weights);
        return Math.Sqrt(x.Zip(weights, (a, b) => ((double)a - b) * ((double)a - b)).Sum());
    }

    private static string Name(BlockFormat format) => format.ToString().ToLowerInvariant();

    private static byte[] Golden(string name) => File.ReadAllBytes(Path.Combine(Shared.Repository, "tests", "Cleave.Tests", "Golden", "ggml", name));

    private static float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(Golden(name)).ToArray();
}
