using Cleave.Tuning;
using Cleave.Tuning.Pruners;
using Cleave.Tuning.Samplers;

namespace Cleave.Tests.Tuning;

public sealed class StudyTests
{
    private static readonly SearchSpace Line = new([new FloatParameter("x", -1, 1)]);

    [Fact]
    public void Given_parameters_come_first_and_once()
    {
        var study = new Study(new StudyDefinition("s", Line), new RandomSampler());
        study.Enqueue(new([new("x", 0.5)]));
        study.Enqueue(new([new("x", -0.5)]));
        study.Enqueue(new([new("x", 0.5)]));
        var seen = new List<double>();
        study.Run(r => { seen.Add(r.Parameters["x"].AsDouble()); return seen[^1]; }, 3);
        Assert.Equal([0.5, -0.5], seen[..2]);
        Assert.Equal(3, seen.Distinct().Count());
        Assert.Contains("'x'", Assert.Throws<CleaveException>(() => study.Enqueue(new([new("x", 5)]))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Direction.Minimize, -0.5)]
    [InlineData(Direction.Maximize, 0.75)]
    public void The_best_trial_follows_the_direction(Direction direction, double best)
    {
        var study = new Study(new StudyDefinition("s", Line, direction), new RandomSampler());
        foreach (double x in new[] { 0.25, 0.75, -0.5 })
            study.Enqueue(new([new("x", x)]));
        Assert.Null(study.Best);
        study.Run(r => r.Parameters["x"].AsDouble(), 3);
        Assert.Equal(best, study.Best!.Values[0]);
    }

    [Fact]
    public void The_front_of_several_objectives_is_what_nothing_beats()
    {
        var study = new Study(new StudyDefinition("s", Line, [Direction.Minimize, Direction.Maximize], 1), new RandomSampler());
        double[][] values = [[1, 1], [2, 3], [2, 2], [3, 3], [0, 0]];
        study.Run(r => TrialOutcome.Complete(values[r.Number]), values.Length);
        Assert.Equal([0, 1, 4], study.Front.Select(t => t.Number));
        Assert.Throws<InvalidOperationException>(() => study.Best);
    }

    [Fact]
    public void A_trial_whose_objective_throws_or_is_cancelled_runs_again()
    {
        var study = new Study(new StudyDefinition("s", Line), new RandomSampler());
        Assert.Throws<InvalidDataException>(() => study.Run(r => { r.Report(0, 1); throw new InvalidDataException(); }, 2));
        ParameterSet interrupted = Assert.Single(study.Trials).Parameters!;
        study.Run(r => r.Parameters["x"].AsDouble(), 2);
        Assert.Equal(interrupted, study.Trials[0].Parameters);
        Assert.All(study.Trials, t => Assert.Equal((TrialState.Complete, 0), (t.State, t.Steps.Count)));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => study.Run(_ => 1.0, 9, source.Token));
        Assert.Equal(2, study.Trials.Count);
    }

    [Fact]
    public void A_pruner_ends_trials_through_report()
    {
        var study = new Study(new StudyDefinition("s", Line), new RandomSampler(), new MedianPruner(startupTrials: 2));
        study.Run(r =>
        {
            for (int step = 0; step < 3; step++)
            {
                if (r.Report(step, r.Number))
                    return TrialOutcome.Stopped;
            }
            return r.Number;
        }, 4);
        Assert.Equal([TrialState.Complete, TrialState.Complete, TrialState.Stopped, TrialState.Stopped], study.Trials.Select(t => t.State));
        Assert.Equal([3, 3, 1, 1], study.Trials.Select(t => t.Steps.Count));
    }

    [Fact]
    public void A_grid_is_tried_once_and_ends_the_study()
    {
        var space = new SearchSpace([
            new CategoricalParameter("kind", ["a", "b"]), new IntParameter("n", 1, 3), new FloatParameter("x", 0, 1),
            new FloatParameter("only-b", 1e-3, 1e-1, log: true, when: [new("kind", "b")])]);
        var study = new Study(new StudyDefinition("s", space), new GridSampler(points: 3));
        study.Run(r => 0.0, 1000);
        Trial[] finished = [.. study.Trials.Where(t => t.IsFinished)];
        Assert.Equal((3 * 3) + (3 * 3 * 3), finished.Length);
        Assert.Equal(finished.Length, finished.Select(t => t.Parameters!.ToCanonicalText()).Distinct().Count());
        Assert.All(finished, t => Assert.Empty(space.Problems(t.Parameters!)));
        Assert.Contains(finished, t => t.Parameters!.TryGet("only-b", out ParameterValue v) && Math.Abs(v.AsDouble() - 1e-2) < 1e-9);
        Assert.Throws<CapacityException>(() => new GridSampler(10_001)
            .Suggest(new SamplerInput(new StudyDefinition("s", new([new FloatParameter("x", 0, 1), new IntParameter("n", 1, 10)])), 0, [])));
    }
}
