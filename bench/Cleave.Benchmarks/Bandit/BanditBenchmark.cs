using System.Globalization;
using Cleave.Numerics;
using Cleave.Serving.Feedback;

namespace Cleave.Benchmarks.Bandit;

/// <summary>What trying a version costs, and what is learnt: the bandit beside a fixed share and beside plain Thompson sampling, over simulated judgements.</summary>
internal static class BanditBenchmark
{
    private const int Judgements = 10_000;

    private static readonly (string Name, Func<int, double> Serving, Func<int, double> Tried, double JudgedIfGood)[] Cases =
    [
        ("equal", _ => 0.1, _ => 0.1, 1),
        ("better", _ => 0.1, _ => 0.05, 1),
        ("much better", _ => 0.3, _ => 0.1, 1),
        ("a little worse", _ => 0.1, _ => 0.12, 1),
        ("worse", _ => 0.1, _ => 0.2, 1),
        ("much worse", _ => 0.1, _ => 0.4, 1),
        ("broken", _ => 0.05, _ => 1, 1),
        ("equal, and people become stricter", t => 0.05 + 0.4 * t / Judgements, t => 0.05 + 0.4 * t / Judgements, 1),
        ("equal, good answers are seldom judged", _ => 0.1, _ => 0.1, 0.1),
        ("worse, good answers are seldom judged", _ => 0.1, _ => 0.2, 0.1),
        ("worse from the middle on", _ => 0.1, t => t < Judgements / 2 ? 0.1 : 0.4, 1),
    ];

    private static readonly (string Name, Func<IPolicy> Create)[] Policies =
    [
        ("5%", () => new FixedShare(0.05)),
        ("50%", () => new FixedShare(0.5)),
        ("Thompson", () => new Thompson()),
        ("bandit", () => new Guarded()),
    ];

    private interface IPolicy
    {
        double Share(Rng rng);

        void Judge(bool isTried, double share, double score);

        TrialVerdict? Verdict => null;
    }

    /// <summary><c>bandit [RUNS]</c></summary>
    public static int Run(ReadOnlySpan<string> args)
    {
        int runs = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 200;
        Console.WriteLine($"{Judgements:N0} judgements, {runs} runs; risk {VersionBandit.UsualRisk}, at most half of the requests");
        Console.WriteLine();
        Console.WriteLine("| case | share | lost more | in the worst run | share at the end | as good or better | worse | judgements until a verdict |");
        Console.WriteLine("|---|---|---:|---:|---:|---:|---:|---:|");
        foreach ((string name, Func<int, double> serving, Func<int, double> tried, double judgedIfGood) in Cases)
        {
            foreach ((string policy, Func<IPolicy> create) in Policies)
            {
                Outcome[] all = [.. Enumerable.Range(0, runs).AsParallel().AsOrdered().Select(run => One(create(), serving, tried, judgedIfGood, (ulong)run + 1))];
                int[] decided = [.. all.Where(o => o.Decided is not null).Select(o => o.Decided!.Value).Order()];
                bool decides = create().Verdict is not null;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {name} | {policy} | {all.Average(o => o.Lost):0} | {all.Max(o => o.Lost):0} | {all.Average(o => o.Share):0.00} | {(decides ? $"{100.0 * all.Count(o => o.Verdict is TrialVerdict.AsGood or TrialVerdict.Better) / runs:0.#}%" : "")} | {(decides ? $"{100.0 * all.Count(o => o.Verdict is TrialVerdict.Worse) / runs:0.#}%" : "")} | {(decided.Length > 0 ? decided[decided.Length / 2] : "")} |"));
            }
        }
        return 0;
    }

    private static Outcome One(IPolicy policy, Func<int, double> serving, Func<int, double> tried, double judgedIfGood, ulong seed)
    {
        var rng = new Rng(seed);
        double lost = 0, share = 0;
        int? decided = null;
        for (int judged = 0; judged < Judgements;)
        {
            share = policy.Share(rng);
            bool isTried = rng.NextDouble() < share, isBad = rng.NextDouble() < (isTried ? tried : serving)(judged);
            lost += share * (tried(judged) - serving(judged));
            if (share <= 0)
            {
                judged++;
                continue;
            }
            if (!isBad && rng.NextDouble() >= judgedIfGood)
                continue;
            judged++;
            policy.Judge(isTried, share, isBad ? 0 : 1);
            if (policy.Verdict is { } verdict and not TrialVerdict.Open)
                decided ??= judged;
        }
        return new Outcome(lost, share, policy.Verdict, decided);
    }

    private sealed record Outcome(double Lost, double Share, TrialVerdict? Verdict, int? Decided);

    private sealed class FixedShare(double share) : IPolicy
    {
        public double Share(Rng rng) => share;

        public void Judge(bool isTried, double share, double score)
        {
        }
    }

    // Beta posteriors by their moments: the share is how probable the tried version is the better one.
    private sealed class Thompson : IPolicy
    {
        private readonly double[] _good = [1, 1], _bad = [1, 1];

        public double Share(Rng rng)
        {
            (double mean, double variance)[] of = [.. Enumerable.Range(0, 2).Select(i =>
                (_good[i] / (_good[i] + _bad[i]), _good[i] * _bad[i] / ((_good[i] + _bad[i]) * (_good[i] + _bad[i]) * (_good[i] + _bad[i] + 1))))];
            double z = (of[1].mean - of[0].mean) / Math.Sqrt(of[0].variance + of[1].variance);
            return Math.Clamp(Cumulative(z), 1e-9, 1 - 1e-9);
        }

        public void Judge(bool isTried, double share, double score)
        {
            _good[isTried ? 1 : 0] += score;
            _bad[isTried ? 1 : 0] += 1 - score;
        }

        // Abramowitz and Stegun, 26.2.17: to seven digits.
        private static double Cumulative(double z)
        {
            double t = 1 / (1 + 0.2316419 * Math.Abs(z));
            double tail = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI) * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
            return z > 0 ? 1 - tail : tail;
        }
    }

    private sealed class Guarded : IPolicy
    {
        private readonly VersionBandit _bandit = new(0.5);

        public TrialVerdict? Verdict => _bandit.State.Verdict;

        public double Share(Rng rng) => _bandit.Share;

        public void Judge(bool isTried, double share, double score) => _bandit.Judge(isTried, share, score);
    }
}
