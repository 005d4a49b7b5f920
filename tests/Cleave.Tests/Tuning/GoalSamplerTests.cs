using Cleave.Numerics;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;

namespace Cleave.Tests.Tuning;

public sealed class GoalSamplerTests
{
    private static readonly SearchSpace Space = new([new FloatParameter("size", 0, 1), new FloatParameter("rate", 0, 1), new CategoricalParameter("kind", ["a", "b"])]);
    private static readonly Direction[] Directions = [Direction.Maximize, Direction.Minimize, Direction.Minimize];

    private static GoalSampler Sampler(double line = 0.8) => new(Above(line), new GpSampler(new GpOptions { StartupTrials = 3 }));

    private static StudyGoal Above(double line, double sign = 1) => new(1, history => [.. history.Select(t =>
        t.State == TrialState.Complete ? line - sign * t.Values[0] : t.IsStopped && t.Steps.Count > 0 ? line - sign * t.Steps[^1].Value : default(double?))]);

    // Larger is better and dearer; kind b is never good enough.
    private static TrialOutcome Evaluate(ParameterSet set)
    {
        double size = set["size"].AsDouble(), rate = set["rate"].AsDouble();
        double quality = 0.6 + 0.4 * size - (rate - 0.3) * (rate - 0.3) - (set["kind"].AsText() == "b" ? 0.5 : 0);
        return TrialOutcome.Complete(quality, 1e4 * Math.Exp(4 * size), 7);
    }

    [Fact]
    public void The_cheapest_trial_that_is_good_enough_is_far_cheaper_than_chance_finds_or_a_search_for_the_whole_front()
    {
        double Cheapest(ISampler sampler, ulong seed)
        {
            var study = new Study(new StudyDefinition("s", Space, Directions, seed), sampler);
            study.Run(r => Evaluate(r.Parameters), 15);
            return study.Trials.Where(t => t.Values[0] >= 0.8).Min(t => (double?)Math.Log(t.Values[1] / 1e4)) ?? 4;
        }
        double Mean(Func<ISampler> sampler) => Enumerable.Range(1, 6).Average(seed => Cheapest(sampler(), (ulong)seed));
        double goal = Mean(() => Sampler()), random = Mean(() => new RandomSampler()), front = Mean(() => new AutoSampler());
        Assert.InRange(goal, 2, 2.25); // half the size is the least that is good enough
        Assert.True(goal < front - 0.1 && goal < random - 0.3, $"{goal} {front} {random}");
    }

    [Fact]
    public void A_known_price_is_heeded_exactly_and_outcomes_may_be_noisy()
    {
        static double Price(ParameterSet set) => 4 * set["size"].AsDouble();
        double Cheapest(ulong seed, Func<ISampler> sampler)
        {
            var study = new Study(new StudyDefinition("s", Space, Directions, seed), sampler());
            study.Run(r => Evaluate(r.Parameters) is var o ? TrialOutcome.Complete(o.Values[0] + 0.02 * Rng.For(seed, $"noise {r.Number}").NextGaussian(), o.Values[1], 7) : default, 14);
            return study.Trials.Where(t => Evaluate(t.Parameters!).Values[0] >= 0.8).Min(t => (double?)Price(t.Parameters!)) ?? 4;
        }
        double known = Enumerable.Range(1, 8).Average(seed => Cheapest((ulong)seed, () => new GoalSampler(Above(0.8), new GpSampler(new GpOptions { StartupTrials = 3, Noise = 0.02, Known = Price }))));
        double random = Enumerable.Range(1, 8).Average(seed => Cheapest((ulong)seed, () => new RandomSampler()));
        Assert.True(known >= 2 && known < 2.5 && known < random - 0.25, $"{known} {random}");
        Assert.Throws<ArgumentOutOfRangeException>(() => new GpSampler(new GpOptions { Noise = 0 }));
    }

    [Fact]
    public void What_was_stopped_below_the_line_is_not_tried_again_nearby()
    {
        var study = new Study(new StudyDefinition("s", Space, Directions, 3), Sampler());
        foreach ((double size, string kind) in new[] { (0.9, "a"), (0.7, "a"), (0.6, "a"), (0.2, "b"), (0.3, "b"), (0.4, "b") })
            study.Enqueue(new([new("size", size), new("rate", 0.3), new("kind", kind)]));
        study.Run(r =>
        {
            if (r.Parameters["kind"].AsText() == "a")
                return Evaluate(r.Parameters);
            r.Report(1, 0.2);
            return TrialOutcome.Stopped;
        }, 12);
        Assert.All(study.Trials.Skip(6), t => Assert.Equal("a", t.Parameters!["kind"].AsText()));
    }

    [Fact]
    public void The_same_study_is_continued_alike_and_a_minimized_line_is_kept_from_above()
    {
        var lower = new Study(new StudyDefinition("s", Space, [Direction.Minimize, Direction.Minimize], 5), new GoalSampler(Above(0.8, sign: -1), new GpSampler(new GpOptions { StartupTrials = 3 })));
        var higher = new Study(new StudyDefinition("s", Space, Directions, 5), Sampler());
        higher.Run(r => Evaluate(r.Parameters), 9);
        lower.Run(r => Evaluate(r.Parameters) is var o ? TrialOutcome.Complete(-o.Values[0], o.Values[1]) : default, 9);
        Assert.Equal(higher.Trials.Select(t => t.Parameters), lower.Trials.Select(t => t.Parameters));
        Assert.NotEqual(higher.Trials[^1].Parameters, higher.Trials[^2].Parameters);
    }
}
