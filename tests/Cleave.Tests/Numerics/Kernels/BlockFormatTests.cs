using System.Runtime.InteropServices;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Simd;

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
        // Made on another processor (ggml-quants in the shared data), whose searches round otherwise: k-quants are held to its error.
        string folder = Shared.Data("ggml-quants"), name = $"{Name(format)}_{columns}_noim";
        float[] x = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, $"{name}_input.bin"))).ToArray();
        byte[] expected = File.ReadAllBytes(Path.Combine(folder, $"{name}_expected.bin")), blocks = Quantize(format, x, columns, []);
        if (exact)
            Assert.Equal(expected, blocks);
        double ours = Error(format, x, blocks), theirs = Error(format, x, expected);
        Assert.InRange(ours, 0.999 * theirs, 1.001 * theirs);
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void Products_are_those_of_the_weights(BlockFormat format)
    {
        const int N = 37, C = 1024, M = 5;
        float[] x = Reference.Random(M * C, 1);
        QuantizedMatrix matrix = QuantizedMatrix.Quantize(format, Reference.Random(N * C, 2), N, C);
        float[] w = new float[N * C], y = new float[M * N], plain = new float[M * N], alone = new float[N];
        matrix.Dequantize(w);
        matrix.MultiplyTransposed(x, M, y);
        using (InstructionSets.Force(InstructionSet.Scalar))
            matrix.MultiplyTransposed(x, M, plain);
        double square = 0, error = 0;
        for (int i = 0; i < M; i++)
        {
            for (int r = 0; r < N; r++)
            {
                double exact = 0;
                for (int c = 0; c < C; c++)
                    exact += (double)x[i * C + c] * w[r * C + c];
                square += exact * exact;
                error += (exact - y[i * N + r]) * (exact - y[i * N + r]);
                Assert.Equal(plain[i * N + r], y[i * N + r], 2e-3);
            }
        }
        // x in 8 bits is what there is of an error.
        Assert.InRange(Math.Sqrt(error / square), 1e-4, 0.008);
        matrix.MultiplyTransposed(x.AsSpan(2 * C, C), 1, alone);
        Assert.Equal(y[(2 * N)..(3 * N)], alone);
    }

    [Fact]
    public void Formats_that_stay_as_they_are_share_one_x()
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
