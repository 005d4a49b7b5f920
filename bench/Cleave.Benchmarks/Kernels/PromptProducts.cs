using System.Globalization;
using Cleave.Benchmarks.Limits;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Threading;

namespace Cleave.Benchmarks.Kernels;

/// <summary>
/// <c>prompts [FORMATS] [ROWS]</c>: products of many rows of x with weights in blocks, on one thread and by its processor time,
/// so that runs of two builds can be alternated on a machine that others use: the best of five, a row of a table for each.
/// </summary>
internal static class PromptProducts
{
    private const int Outputs = 1536, Width = 2048, Runs = 5;

    public static int Run(ReadOnlySpan<string> args)
    {
        BlockFormat[] formats = args.Length > 0 ? [.. args[0].Split(',').Select(Enum.Parse<BlockFormat>)] : Enum.GetValues<BlockFormat>();
        int[] counts = args.Length > 1 ? [.. args[1].Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture))] : [2, 8, 32, 512];
        using var one = new ThreadTeam(1);
        using ThreadTeam.Scope scope = ThreadTeam.Use(one);
        float[] w = RandomFloats.Of(Outputs * Width);
        Console.WriteLine($"| x(M, {Width}) · W({Outputs}, {Width})ᵀ | Gop/s of one thread's processor time |\n|---|---:|");
        foreach (BlockFormat format in formats)
        {
            using QuantizedMatrix matrix = QuantizedMatrix.Quantize(format, w, Outputs, Width);
            foreach (int m in counts)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {format}, M = {m} | {2.0 * m * Outputs * Width / Seconds(matrix, m) / 1e9:0.0} |"));
        }
        return 0;
    }

    private static double Seconds(QuantizedMatrix matrix, int m)
    {
        float[] x = RandomFloats.Of(m * Width), y = new float[m * Outputs];
        int repeat = Math.Max(1, 1024 / m);
        double best = double.MaxValue;
        for (int run = -1; run < Runs; run++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            for (int i = 0; i < repeat; i++)
                matrix.MultiplyTransposed(x, m, y);
            if (run >= 0)
                best = Math.Min(best, (Environment.CpuUsage.TotalTime - before).TotalSeconds / repeat);
        }
        return best;
    }
}
