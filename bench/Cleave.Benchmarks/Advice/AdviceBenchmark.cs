using System.Text.Json.Nodes;
using Cleave.Benchmarks.Samplers;
using Cleave.Numerics;
using Cleave.Tuning;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Samplers;

namespace Cleave.Benchmarks.Advice;

/// <summary>
/// The regret of <c>auto</c> alone and beside advisors of known worth, as JSON lines: the median over seeds, and the share of trials that were
/// advice's. The advisors answer in the form of a language model's answers and pass everything that such answers pass.
/// </summary>
internal static class AdviceBenchmark
{
    /// <summary>Like those of the samplers' record.</summary>
    private const ulong FirstSeed = 1000;

    private const double Spread = 0.05;

    /// <summary>advice [SEEDS]</summary>
    public static int Run(ReadOnlySpan<string> args)
    {
        int seeds = args.Length > 0 ? int.Parse(args[0]) : 20;
        foreach (TestFunction function in TestFunctions.Judged.Concat(HeldOutFunctions.All.Where(f => f.Name is "levy5" or "styblinski4" or "griewank4")))
        {
            foreach (int trials in new[] { 25, 50 })
            {
                foreach (string kind in new[] { "none", "good", "random", "adversarial" })
                    Console.WriteLine(Measure(function, kind, trials, seeds).ToJsonString());
            }
        }
        return 0;
    }

    private static JsonObject Measure(TestFunction function, string kind, int trials, int seeds)
    {
        (double Regret, double Share)[] runs = [.. Enumerable.Range(0, seeds).Select(s => Once(function, kind, trials, FirstSeed + (ulong)s))];
        double[] regrets = [.. runs.Select(r => r.Regret).Order()];
        return new JsonObject
        {
            ["function"] = function.Name,
            ["advice"] = kind,
            ["trials"] = trials,
            ["regret"] = double.Parse(((regrets[seeds / 2] + regrets[(seeds - 1) / 2]) / 2).ToString("G3")),
            ["advised"] = Math.Round(runs.Average(r => r.Share), 2),
        };
    }

    private static (double Regret, double Share) Once(TestFunction function, string kind, int trials, ulong seed)
    {
        var definition = new StudyDefinition(function.Name, function.Space, Direction.Minimize, seed);
        if (kind == "none")
        {
            var alone = new Study(definition, new AutoSampler());
            alone.Run(r => function.Values(r.Parameters)[0], trials);
            return (alone.Best!.Values[0], 0);
        }
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using AdviceLog log = AdviceLog.Open(path, function.Space);
            var advisor = new Advisor(new Oracle(function, kind, seed), new AdviceBriefing(function.Name, null, UnderstoodRequest.None), log, TimeSpan.FromMinutes(1), TimeProvider.System);
            var study = new Study(definition, new AdvisorSampler(advisor, new AutoSampler(), AdvisorOptions.Default.Share));
            study.Run(r => function.Values(r.Parameters)[0], trials);
            return (study.Best!.Values[0], (double)AdviceAudit.Of(definition, log.Exchanges, study.Trials).Tried / trials);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>
    /// Good: points around the best of another search of 100 trials. Adversarial: around the worst of 300 random points. Random: anywhere.
    /// Around is a normal distribution of 5% of each number's range.
    /// </summary>
    private sealed class Oracle(TestFunction function, string kind, ulong seed) : IAdviceModel
    {
        private readonly Rng _rng = Rng.For(seed, "advice/" + kind);
        private readonly ParameterSet? _centre = kind switch
        {
            "good" => Search(function, new AutoSampler(), 100, seed + 500, Direction.Minimize),
            "adversarial" => Search(function, new RandomSampler(), 300, seed + 500, Direction.Maximize),
            _ => null,
        };

        public string Name => kind;

        public int MostPromptCharacters => 100_000;

        public Task<string> AskAsync(AdvicePrompt prompt, CancellationToken cancellation) => Task.FromResult(new JsonObject
        {
            ["proposals"] = new JsonArray([.. Enumerable.Range(0, Advisor.ProposalsAsked).Select(_ => new JsonObject { ["params"] = function.Space.Build(Choose).ToJson() })]),
        }.ToJsonString());

        private static ParameterSet Search(TestFunction function, ISampler sampler, int trials, ulong seed, Direction direction)
        {
            var study = new Study(new StudyDefinition(function.Name, function.Space, direction, seed), sampler);
            study.Run(r => function.Values(r.Parameters)[0], trials);
            return study.Best!.Parameters!;
        }

        private ParameterValue Choose(Parameter parameter)
        {
            if (_centre is { } centre && centre.TryGet(parameter.Name, out ParameterValue value))
                return parameter is NumericParameter near ? near.FromUnit(near.ToUnit(value.AsDouble()) + Spread * _rng.NextGaussian()) : value;
            return parameter is NumericParameter number ? number.FromUnit(_rng.NextDouble()) : ((CategoricalParameter)parameter).Choices[_rng.NextInt(((CategoricalParameter)parameter).Choices.Count)];
        }
    }
}
