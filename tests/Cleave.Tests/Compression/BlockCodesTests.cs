using Cleave.Compression.Quantization;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;

namespace Cleave.Tests.Compression;

public class BlockCodesTests
{
    public static TheoryData<BlockFormat> Formats => [.. Enum.GetValues<BlockFormat>()];

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_code_is_worth_what_a_reader_of_the_block_gets(BlockFormat format)
    {
        var codes = BlockCodes.Of(format);
        byte[] block = Block(codes, out float[] x);
        double[] starts = new double[codes.Elements], steps = new double[codes.Elements];
        codes.Levels(block, starts, steps);
        Assert.Contains(steps, s => s != 0);
        var random = new Rng(5);
        var chosen = new int[codes.Elements];
        for (int c = 0; c < chosen.Length; c++)
            codes.Put(block, c, chosen[c] = codes.Least + random.NextInt(codes.Count - codes.Least));
        var read = new float[codes.Elements];
        BlockFormats.Dequantize(format, block, read);
        double most = x.Max(v => Math.Abs(v));
        for (int c = 0; c < chosen.Length; c++)
            Assert.Equal(codes.Worth(chosen[c], starts[c], steps[c]), read[c], 1e-5 * most);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void The_nearest_code_is_found_among_all(BlockFormat format)
    {
        var codes = BlockCodes.Of(format);
        byte[] block = Block(codes, out float[] x);
        double[] starts = new double[codes.Elements], steps = new double[codes.Elements];
        codes.Levels(block, starts, steps);
        for (int c = 0; c < x.Length; c++)
        {
            double found = codes.Worth(codes.Nearest(x[c], starts[c], steps[c]), starts[c], steps[c]);
            double best = Enumerable.Range(codes.Least, codes.Count - codes.Least).Min(code => Math.Abs(x[c] - codes.Worth(code, starts[c], steps[c])));
            Assert.Equal(best, Math.Abs(x[c] - found), 1e-9);
        }
    }

    /// <summary>With inputs that hang together the columns can make good each other's errors, in every format.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void Gptq_leaves_less_error_in_the_outputs_than_rounding_alone(BlockFormat format)
    {
        const int Rows = 8, N = 512;
        var random = new Rng(3);
        float[] w = [.. Enumerable.Range(0, Rows * N).Select(_ => (float)random.NextGaussian())];
        var h = new double[N * N];
        for (int i = 0; i < N; i++)
        {
            for (int j = 0; j < N; j++)
                h[i * N + j] = Math.Pow(0.9, Math.Abs(i - j));
        }
        using QuantizedMatrix gptq = Gptq.Quantize(format, w, Rows, N, h, weighted: true, CancellationToken.None);
        using QuantizedMatrix nearest = QuantizedMatrix.Quantize(format, w, Rows, N, [.. Enumerable.Repeat(1f, N)]);
        Assert.InRange(Error(gptq, w, h, N) / Error(nearest, w, h, N), 0, 0.7);
    }

    internal static double Error(QuantizedMatrix q, float[] w, double[] h, int n)
    {
        var read = new float[w.Length];
        q.Dequantize(read);
        double sum = 0;
        for (int r = 0; r < w.Length / n; r++)
        {
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < n; j++)
                    sum += (read[r * n + i] - w[r * n + i]) * h[i * n + j] * (read[r * n + j] - w[r * n + j]);
            }
        }
        return sum;
    }

    private static byte[] Block(BlockCodes codes, out float[] x)
    {
        var random = new Rng(9);
        x = [.. Enumerable.Range(0, codes.Elements).Select(_ => (float)random.NextGaussian())];
        var block = new byte[codes.Bytes];
        BlockFormats.Quantize(codes.Format, x, [], block);
        return block;
    }
}
