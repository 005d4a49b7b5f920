using System.Diagnostics;
using System.Text.Json.Nodes;
using Cleave.Benchmarks.Samplers;
using Cleave.Numerics;
using Cleave.Proposing;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Samplers.Proposals;

namespace Cleave.Benchmarks.Proposer;

/// <summary>Trains the proposer that ships with Cleave, and measures one against other samplers.</summary>
internal static class ProposerBenchmark
{
    private const ulong FirstSeed = 2000; // none of a sampler's constants was chosen with these

    private const string Usage = "proposer train FILE [--updates N] [--studies N] [--seed N] [--optimizer NAME] [--rate X] [--trajectories N] [--data FOLDER]\n"
        + "       proposer measure FILE|shipped|untrained [--functions judged|held-out|real|NAME,…] [--trials 25] [--seeds 20] [--data FOLDER]";

    /// <summary>See <see cref="Usage"/>.</summary>
    public static int Run(ReadOnlySpan<string> args)
    {
        if (args.Length < 2 || args.Length % 2 != 0 || args[0] is not ("train" or "measure"))
        {
            Console.Error.WriteLine("usage: " + Usage);
            return 2;
        }
        var options = new Dictionary<string, string>();
        for (int i = 2; i < args.Length; i += 2)
            options[args[i].TrimStart('-')] = args[i + 1];
        string Value(string key, string fallback) => options.GetValueOrDefault(key, fallback);
        var usual = new ProposerRecipe();
        if (args[0] == "train")
        {
            new ProposerTraining(usual with
            {
                Updates = int.Parse(Value("updates", $"{usual.Updates}")),
                Studies = int.Parse(Value("studies", $"{usual.Studies}")),
                Seed = ulong.Parse(Value("seed", $"{usual.Seed}")),
                Optimizer = Value("optimizer", usual.Optimizer),
                LearningRate = double.Parse(Value("rate", $"{usual.LearningRate}")),
                Trajectories = int.Parse(Value("trajectories", $"{usual.Trajectories}")),
                Data = options.GetValueOrDefault("data"),
            }).Run(args[1]);
            return 0;
        }
        ProposerModel model = args[1] switch
        {
            "shipped" => ProposerModel.Shipped(),
            "untrained" => new ProposerModel(ProposerNetwork.Create(usual.Shape, new Rng(usual.Seed))), // what it starts from: nothing is added to the processes
            _ => ProposerModel.Load(args[1]),
        };
        int trials = int.Parse(Value("trials", "25")), seeds = int.Parse(Value("seeds", "20"));
        string[] functions = Value("functions", "judged").Split(',');
        foreach (TestFunction function in Functions(functions, options.GetValueOrDefault("data")))
            Measure(function, model, trials, seeds);
        return 0;
    }

    private static IEnumerable<TestFunction> Functions(string[] names, string? data) => names switch
    {
        ["judged"] => TestFunctions.Judged,
        ["held-out"] => HeldOutFunctions.All,
        ["real"] => RealObjective.HeldOut(data ?? throw new CleaveException("real studies need --data"))
            .Select(r => new TestFunction(r.Name, RealObjective.Space, set => [r.At(set)])),
        _ => TestFunctions.Judged.Concat(HeldOutFunctions.All).Where(f => names.Contains(f.Name)),
    };

    private static void Measure(TestFunction function, ProposerModel model, int trials, int seeds)
    {
        (string Name, Func<ISampler> Make)[] samplers = [("random", () => new RandomSampler()), ("tpe", () => new TpeSampler()), ("auto", () => new AutoSampler()), ("proposer", () => new ProposerSampler(model))];
        var results = new Dictionary<string, double[]>();
        var row = new JsonObject { ["function"] = function.Name, ["trials"] = trials };
        foreach ((string name, Func<ISampler> make) in samplers)
        {
            using var process = Process.GetCurrentProcess();
            TimeSpan started = process.TotalProcessorTime;
            double[] regrets = results[name] = [.. Enumerable.Range(0, seeds).Select(s => Once(function, make(), trials, FirstSeed + (ulong)s))];
            double[] sorted = [.. regrets.Order()];
            row[name] = double.Parse(((sorted[seeds / 2] + sorted[(seeds - 1) / 2]) / 2).ToString("G4"));
            process.Refresh();
            if (name == "proposer")
                row["cpu_ms_per_trial"] = Math.Round((process.TotalProcessorTime - started).TotalMilliseconds / seeds / trials, 1);
        }
        double[] own = results["proposer"];
        foreach (string other in new[] { "random", "tpe", "auto" })
        {
            row["wins_" + other] = own.Zip(results[other]).Count(p => p.First < p.Second);
            row["p_" + other] = double.Parse(Wilcoxon.Less(own, results[other]).ToString("G2"));
        }
        Console.WriteLine(row.ToJsonString());
    }

    private static double Once(TestFunction function, ISampler sampler, int trials, ulong seed)
    {
        var study = new Study(new StudyDefinition(function.Name, function.Space, Direction.Minimize, seed), sampler);
        study.Run(run => function.Values(run.Parameters)[0], trials);
        return study.Best!.Values[0];
    }
}
