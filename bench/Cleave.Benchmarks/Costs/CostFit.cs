using System.Globalization;
using System.Text;
using Cleave.Benchmarks.Limits;
using Cleave.Numerics;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;
using Cleave.Splitting.Studies;

namespace Cleave.Benchmarks.Costs;

/// <summary>
/// <c>costs [--write] [--samples N]</c> (or <c>--formats</c>: <see cref="BlockRates"/>): fits the search's cost model to this machine. Modules of random shapes are timed; the
/// coefficients that make the squared log of computed over measured smallest are found on two thirds of them, and judged on
/// the rest.
/// </summary>
internal static class CostFit
{
    public static int Run(string[] args)
    {
        if (args.Contains("--formats"))
            return BlockRates.Run(args);
        int at = Array.IndexOf(args, "--samples");
        int count = at >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : 120;
        var rng = new Rng(5);
        CostSample[] samples = [.. Enumerable.Range(0, count).Select(i => i % 4 == 3 ? CostSamples.Bag(rng) : CostSamples.Transformer(rng))];
        CostSample[] fitted = [.. samples.Where((_, i) => i % 3 != 0)], held = [.. samples.Where((_, i) => i % 3 == 0)];
        CostCoefficients best = Fit(fitted, CostCoefficients.Fitted);
        string text = Show(count, fitted, held, best);
        Console.Write(text);
        if (args.Contains("--write"))
        {
            string folder = Path.Combine("bench", "results", Cpu.Slug);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "cost-model.md"), text);
        }
        return 0;
    }

    /// <summary>Coordinate descent on the logarithms of the coefficients, with steps that shrink.</summary>
    private static CostCoefficients Fit(CostSample[] samples, CostCoefficients start)
    {
        double[] values = Values(start);
        double loss = Loss(samples, values);
        for (double step = 2; step > 1.005; step = Math.Sqrt(step))
        {
            bool better = true;
            while (better)
            {
                better = false;
                for (int i = 0; i < values.Length; i++)
                {
                    foreach (double factor in (double[])[step, 1 / step])
                    {
                        double old = values[i];
                        values[i] = old * factor;
                        double next = Loss(samples, values);
                        if (next < loss - 1e-9)
                            (loss, better) = (next, true);
                        else
                            values[i] = old;
                    }
                }
            }
        }
        return Of(values);
    }

    private static double Loss(CostSample[] samples, double[] values)
    {
        CostCoefficients k = Of(values);
        return samples.Average(s => Math.Pow(Math.Log(s.Model(k) / s.Nanoseconds), 2));
    }

    private static double[] Values(CostCoefficients k) =>
        [k.DenseOperationsPerNs, k.QuantizedOperationsPerNs, k.BytesPerNs, k.MatrixNs, k.ElementNs, k.FeatureNs, k.BagMultiplyAddsPerNs, k.BagNs];

    private static CostCoefficients Of(double[] v) => new(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);

    private static string Show(int count, CostSample[] fitted, CostSample[] held, CostCoefficients best)
    {
        var text = new StringBuilder();
        text.AppendLine($"# The search's cost model on {Cpu.Name}").AppendLine();
        text.AppendLine($"`dotnet run -c Release --project bench/Cleave.Benchmarks -- costs --write`; {InstructionSets.Active}, {ThreadTeam.Shared.Threads} threads, "
            + $"{count} modules of random shapes, one item at a time, medians.").AppendLine();
        text.AppendLine("```").AppendLine(string.Join(", ", Values(best).Select(v => v.ToString("G3", CultureInfo.InvariantCulture)))).AppendLine("```").AppendLine();
        text.AppendLine("| computed / measured | modules | 10% | median | 90% | worst |").AppendLine("|---|---:|---:|---:|---:|---:|");
        Row(text, "fitted", fitted, best);
        Row(text, "held out", held, best);
        Row(text, "held out, with the coefficients in the code", held, CostCoefficients.Fitted);
        text.AppendLine().AppendLine("| held-out module | measured, µs | computed, µs |").AppendLine("|---|---:|---:|");
        foreach (CostSample sample in held.OrderBy(s => s.Nanoseconds))
            text.AppendLine(CultureInfo.InvariantCulture, $"| {sample.What} | {sample.Nanoseconds / 1000:0.0} | {sample.Model(best) / 1000:0.0} |");
        return text.ToString();
    }

    private static void Row(StringBuilder text, string name, CostSample[] samples, CostCoefficients k)
    {
        double[] ratios = [.. samples.Select(s => s.Model(k) / s.Nanoseconds).Order()];
        double worst = ratios.MaxBy(r => Math.Abs(Math.Log(r)));
        double At(double q) => ratios[(int)(q * (ratios.Length - 1))];
        text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {ratios.Length} | {At(0.1):0.00} | {At(0.5):0.00} | {At(0.9):0.00} | {worst:0.00} |");
    }
}
