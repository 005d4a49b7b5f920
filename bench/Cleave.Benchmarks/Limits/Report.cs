using System.Text;
using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Benchmarks.Limits;

/// <summary>
/// <c>limits [--write] [--runs N]</c>: the kernels beside what the machine can do at most, as Markdown. The limit is
/// measured again beside every row and the best of it counts, since a busy or throttled machine moves both.
/// </summary>
internal static class Report
{
    public static int Run(string[] args)
    {
        bool write = args.Contains("--write");
        int at = Array.IndexOf(args, "--runs");
        int runs = at >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1]) : 31;
        string text = Measure(runs);
        Console.Write(text);
        if (write)
        {
            string folder = Path.Combine("bench", "results", Cpu.Slug);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "kernels.md"), text);
        }
        return 0;
    }

    private static string Measure(int runs)
    {
        ThreadTeam team = ThreadTeam.Shared;
        using var one = new ThreadTeam(1);
        double fma1 = Machine.FusedMultiplyAdd(one, runs), fma = Machine.FusedMultiplyAdd(team, runs);
        double read1 = Machine.MemoryRead(one, Math.Max(5, runs / 3)), read = Machine.MemoryRead(team, Math.Max(5, runs / 3));
        var text = new StringBuilder();
        text.AppendLine($"# Kernels on {Cpu.Name}").AppendLine();
        text.AppendLine($"`dotnet run -c Release --project bench/Cleave.Benchmarks -- limits --write`; {InstructionSets.Active}, "
            + $"{team.Threads} threads, medians of {runs} runs.").AppendLine();
        text.AppendLine("| limit | one thread | team |").AppendLine("|---|---:|---:|");
        text.AppendLine($"| fused multiply-add, GFLOP/s | {fma1:f0} | {fma:f0} |");
        text.AppendLine($"| memory read, GB/s | {read1:f1} | {read:f1} |").AppendLine();
        MatMulTable.Append(text, runs, fma);
        QuantizedTable.Append(text, runs, read);
        DecodeTable.Append(text, runs);
        return text.ToString();
    }
}

internal static class Cpu
{
    public static string Name => ProcessorName.Text;

    /// <summary>The name as a folder: lower case letters, digits and dashes.</summary>
    public static string Slug => string.Join('-', new string([.. Name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : ' ')])
        .Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
