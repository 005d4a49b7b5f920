using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Cleave.Benchmarks.Limits;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Benchmarks.Costs;

/// <summary>
/// <c>costs --formats [--write]</c>: what products with each block format take, in processor time beside that of Q8_0, the formats in turns. Many tokens
/// at once show the arithmetic, one token the reading. What else runs on the machine only adds to a time, so the least one is taken.
/// </summary>
internal static class BlockRates
{
    private const int Size = 512, Rounds = 15;
    private static readonly int[] Tokens = [32, 1];

    public static int Run(string[] args)
    {
        // Threads that wait for each other spin, which is processor time but no product's.
        using var one = new ThreadTeam(1);
        using ThreadTeam.Scope scope = ThreadTeam.Use(one);
        var rng = new Rng(5);
        BlockFormat[] formats = Enum.GetValues<BlockFormat>();
        float[] weights = [.. Enumerable.Range(0, Size * Size).Select(_ => (float)rng.NextGaussian() * 0.02f)];
        float[] x = [.. Enumerable.Range(0, Tokens.Max() * Size).Select(_ => (float)rng.NextGaussian())], y = new float[x.Length];
        QuantizedMatrix[] matrices = [.. formats.Select(f => QuantizedMatrix.Quantize(f, weights, Size, Size))];
        double[][] seconds = [.. Tokens.Select(n => Measure(matrices, x, n, y))];
        var text = new StringBuilder();
        text.AppendLine($"# Products with block formats on {Cpu.Name}").AppendLine();
        text.AppendLine($"`dotnet run -c Release --project bench/Cleave.Benchmarks -- costs --formats --write`; {InstructionSets.Active}{(AvxVnni.IsSupported ? " and AVX-VNNI" : "")}, a matrix of {Size} × {Size}; "
            + $"one thread's processor time (user and system), the least of {Rounds} rounds in which the formats take turns. A rate is of Q8_0's.").AppendLine();
        text.AppendLine("| format | bytes of a weight | 32 tokens, µs | rate | 1 token, µs | rate |").AppendLine("|---|---:|---:|---:|---:|---:|");
        for (int f = 0; f < formats.Length; f++)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {formats[f]} | {(double)BlockFormats.Bytes(formats[f]) / BlockFormats.Elements(formats[f]):0.000} | {1e6 * seconds[0][f]:0.0} | {seconds[0][0] / seconds[0][f]:0.00} "
                + $"| {1e6 * seconds[1][f]:0.0} | {seconds[1][0] / seconds[1][f]:0.00} |");
        }
        Console.Write(text);
        if (args.Contains("--write"))
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine("bench", "results", Cpu.Slug)).FullName, "block-rates.md"), text.ToString());
        return 0;
    }

    private static double[] Measure(QuantizedMatrix[] matrices, float[] x, int tokens, float[] y)
    {
        int repeats = 4096 / tokens;
        double[][] rounds = [.. matrices.Select(_ => new double[Rounds])];
        using var process = Process.GetCurrentProcess();
        for (int round = -1; round < Rounds; round++)
        {
            for (int f = 0; f < matrices.Length; f++)
            {
                process.Refresh();
                TimeSpan before = process.TotalProcessorTime;
                for (int i = 0; i < repeats; i++)
                    matrices[f].MultiplyTransposed(x.AsSpan(0, tokens * Size), tokens, y.AsSpan(0, tokens * Size));
                process.Refresh();
                if (round >= 0) // the first is for the compiler
                    rounds[f][round] = (process.TotalProcessorTime - before).TotalSeconds / repeats;
            }
        }
        return [.. rounds.Select(r => r.Min())];
    }
}
