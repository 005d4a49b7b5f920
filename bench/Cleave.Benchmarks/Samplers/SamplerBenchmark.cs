using System.Diagnostics;
using System.Text.Json.Nodes;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;

namespace Cleave.Benchmarks.Samplers;

/// <summary>
/// The regret of the samplers after a number of trials, as JSON lines like those of the peer's script: the median
/// over seeds, and the processor time a trial takes with the function itself, which is next to nothing, inside. With several
/// objectives the hypervolume takes the place of the regret.
/// </summary>
internal static class SamplerBenchmark
{
    internal static readonly (string Name, Func<ISampler> Make)[] Samplers = [
        ("random", () => new RandomSampler()),
        ("sobol", () => new QuasiRandomSampler()),
        ("tpe", () => new TpeSampler()),
        ("gp", () => new GpSampler()),
        ("cma-es", () => new CmaEsSampler()),
        ("nsga2", () => new NsgaSampler()),
        ("auto", () => new AutoSampler()),
    ];

    /// <summary>The constants of the samplers were chosen with smaller seeds than this.</summary>
    private const ulong FirstSeed = 1000;

    private const string Usage = "samplers [--functions judged|held-out|fronts|all|NAME,…] [--samplers NAME,…] [--trials 25,100,300] [--seeds 20] [--first-seed 1000]";

    /// <summary>See <see cref="Usage"/>.</summary>
    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Dictionary<string, string>();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length || !args[i].StartsWith("--", StringComparison.Ordinal))
            {
                Console.Error.WriteLine("usage: " + Usage);
                return 2;
            }
            options[args[i][2..]] = args[i + 1];
        }
        string[] Names(string key, string fallback) => options.GetValueOrDefault(key, fallback).Split(',');
        int seeds = int.Parse(Names("seeds", "20")[0]);
        ulong first = ulong.Parse(Names("first-seed", FirstSeed.ToString())[0]);
        string[] wanted = Names("samplers", string.Join(',', Samplers.Select(s => s.Name)));
        foreach (TestFunction function in Functions(Names("functions", "judged")))
        {
            foreach (int trials in Names("trials", "25,100,300").Select(int.Parse))
            {
                foreach ((string name, Func<ISampler> make) in Samplers.Where(s => wanted.Contains(s.Name)))
                    Console.WriteLine(Measure(function, name, make, trials, seeds, first).ToJsonString());
            }
        }
        return 0;
    }

    private static IEnumerable<TestFunction> Functions(string[] names) => names switch
    {
        ["judged"] => TestFunctions.Judged,
        ["held-out"] => HeldOutFunctions.All,
        ["fronts"] => FrontFunctions.All,
        ["all"] => [.. TestFunctions.Judged, .. HeldOutFunctions.All, .. FrontFunctions.All],
        _ => TestFunctions.Judged.Concat(HeldOutFunctions.All).Concat(FrontFunctions.All).Where(f => names.Contains(f.Name)),
    };

    private static JsonObject Measure(TestFunction function, string name, Func<ISampler> make, int trials, int seeds, ulong first)
    {
        Once(function, make(), trials, 0); // compiles the code
        double[] results = new double[seeds];
        using var process = Process.GetCurrentProcess();
        process.Refresh();
        TimeSpan start = process.TotalProcessorTime;
        for (int seed = 0; seed < seeds; seed++)
            results[seed] = Once(function, make(), trials, first + (ulong)seed);
        process.Refresh();
        double each = (process.TotalProcessorTime - start).TotalMilliseconds / seeds / trials;
        Array.Sort(results);
        return new JsonObject
        {
            ["function"] = function.Name,
            ["sampler"] = name,
            ["trials"] = trials,
            [function.Reference is null ? "regret" : "hypervolume"] = double.Parse(((results[seeds / 2] + results[(seeds - 1) / 2]) / 2).ToString("G4")),
            ["cpu_ms_per_trial"] = Math.Round(each, 3),
        };
    }

    private static double Once(TestFunction function, ISampler sampler, int trials, ulong seed)
    {
        Direction[] directions = [.. Enumerable.Repeat(Direction.Minimize, function.Reference?.Length ?? 1)];
        var study = new Study(new StudyDefinition(function.Name, function.Space, directions, seed), sampler);
        study.Run(run => TrialOutcome.Complete(function.Values(run.Parameters)), trials);
        return function.Reference is { } reference ? ParetoFront.Hypervolume([.. study.Front.Select(t => t.Values.ToArray())], reference) : study.Best!.Values[0];
    }
}
