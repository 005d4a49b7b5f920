using System.Diagnostics;
using System.Text.Json.Nodes;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;

namespace Cleave.Benchmarks.Samplers;

/// <summary>
/// The regret of the samplers after a number of trials, as JSON lines like those of the peer's script: the median
/// over seeds, and the time a trial takes with the function itself, which is nothing, inside.
/// </summary>
internal static class SamplerBenchmark
{
    private static readonly (string Name, Func<ISampler> Make)[] Samplers = [
        ("random", () => new RandomSampler()),
        ("tpe-independent", () => new TpeSampler(new TpeOptions { Multivariate = false })),
        ("tpe", () => new TpeSampler()),
    ];

    /// <summary>The constants of the samplers were chosen with smaller seeds than this.</summary>
    private const ulong FirstSeed = 1000;

    /// <summary><c>samplers [TRIALS [SEEDS [all]]]</c>; <c>all</c> adds the functions that no constant was chosen on.</summary>
    public static int Run(ReadOnlySpan<string> args)
    {
        int trials = args.Length > 0 ? int.Parse(args[0]) : 100, seeds = args.Length > 1 ? int.Parse(args[1]) : 20;
        IEnumerable<TestFunction> functions = args is [_, _, "all"] ? TestFunctions.Judged.Concat(TestFunctions.HeldOut) : TestFunctions.Judged;
        foreach (TestFunction function in functions)
        {
            foreach ((string name, Func<ISampler> make) in Samplers)
            {
                Once(function, make(), trials, 0); // compiles the code
                double[] regrets = new double[seeds];
                long start = Stopwatch.GetTimestamp();
                for (int seed = 0; seed < seeds; seed++)
                    regrets[seed] = Once(function, make(), trials, FirstSeed + (ulong)seed);
                double each = Stopwatch.GetElapsedTime(start).TotalMilliseconds / seeds / trials;
                Array.Sort(regrets);
                Console.WriteLine(new JsonObject
                {
                    ["function"] = function.Name,
                    ["sampler"] = name,
                    ["regret"] = Math.Round((regrets[seeds / 2] + regrets[(seeds - 1) / 2]) / 2, 5),
                    ["ms_per_trial"] = Math.Round(each, 3),
                }.ToJsonString());
            }
        }
        return 0;
    }

    private static double Once(TestFunction function, ISampler sampler, int trials, ulong seed)
    {
        var study = new Study(new StudyDefinition(function.Name, function.Space, seed: seed), sampler);
        study.Run(run => function.Regret(run.Parameters), trials);
        return study.Best!.Values[0];
    }
}
