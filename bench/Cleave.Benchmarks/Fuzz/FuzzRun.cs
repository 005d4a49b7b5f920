using System.Diagnostics;
using System.Globalization;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>
/// <c>fuzz TARGET|all [COUNT] [SEED] [FIRST]</c>: reads COUNT damaged files of each target, from the number FIRST on. Each is
/// read and used, or refused in one line; anything else is kept beside the case's folder, and the run fails. The answer is a
/// row of a table for each target.
/// </summary>
internal static class FuzzRun
{
    public static int Run(ReadOnlySpan<string> args)
    {
        string name = args.Length > 0 ? args[0] : "all";
        FuzzTarget[] targets = [.. FuzzTarget.All.Where(t => name == "all" || t.Name == name)];
        if (targets.Length == 0)
            throw new ArgumentException($"there is no target {name}; there are: all, {string.Join(", ", FuzzTarget.All.Select(t => t.Name))}");
        long count = args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 1_000_000;
        ulong seed = args.Length > 2 ? ulong.Parse(args[2], CultureInfo.InvariantCulture) : 1;
        long first = args.Length > 3 ? long.Parse(args[3], CultureInfo.InvariantCulture) : 0;
        bool clean = true;
        foreach (FuzzTarget target in targets)
            clean &= Run(target, count, seed, first);
        return clean ? 0 : 1;
    }

    private static bool Run(FuzzTarget target, long count, ulong seed, long first)
    {
        string root = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        string folder = Directory.CreateDirectory(Path.Combine(root, $"cleave-fuzz-{Environment.ProcessId}-{target.Name}")).FullName;
        var cases = new FuzzCases(target, folder, seed);
        cases.RunGood();
        long refused = 0, failed = 0, worstAt = 0, memory = 0;
        TimeSpan worst = TimeSpan.Zero, start = Environment.CpuUsage.TotalTime;
        for (long i = first; i < first + count; i++)
        {
            // Collections, and compiling in the background, are no part of a case: a slow one is timed a second time.
            TimeSpan before = Environment.CpuUsage.TotalTime;
            try
            {
                refused += cases.Run(i) == FuzzOutcome.Refused ? 1 : 0;
                memory = Math.Max(memory, cases.Last.Allocated);
                TimeSpan took = Environment.CpuUsage.TotalTime - before;
                if (took > worst)
                {
                    before = Environment.CpuUsage.TotalTime;
                    cases.Run(i);
                    TimeSpan again = Environment.CpuUsage.TotalTime - before;
                    took = again < took ? again : took;
                }
                if (took > worst)
                    (worst, worstAt) = (took, i);
            }
            catch (Exception e)
            {
                Keep(folder, seed, i);
                if (++failed <= 20)
                    Console.WriteLine($"{target.Name} {i}: {e.GetType().Name}: {e.Message} {e.StackTrace?.Split('\n')[0].Trim()}");
            }
            if ((i + 1) % 100_000 == 0)
                Console.Error.WriteLine($"{target.Name}: {i + 1 - first} of {count}, {refused} refused, {failed} failed, {(Environment.CpuUsage.TotalTime - start).TotalSeconds:0} s");
        }
        Directory.Delete(folder, recursive: true);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {target.Name} | {count} | {refused} | {count - refused - failed} | {failed} | {worst.TotalMilliseconds:0.0} ms (case {worstAt}) "
            + $"| {memory / 1048576.0:0.0} MiB | {Process.GetCurrentProcess().PeakWorkingSet64 >> 20} MiB | {(Environment.CpuUsage.TotalTime - start).TotalSeconds:0} s | {seed} |"));
        return failed == 0;
    }

    private static void Keep(string folder, ulong seed, long number)
    {
        string kept = Directory.CreateDirectory($"{folder}-{seed}-{number}").FullName;
        foreach (string file in Directory.GetFiles(folder))
            File.Copy(file, Path.Combine(kept, Path.GetFileName(file)), overwrite: true);
    }
}
