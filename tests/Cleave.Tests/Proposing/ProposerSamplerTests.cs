using Cleave.Proposing;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Samplers.Proposals;

namespace Cleave.Tests.Proposing;

/// <summary>The sampler with the model that ships with the program.</summary>
public sealed class ProposerSamplerTests
{
    private static readonly ProposerModel Model = ProposerModel.Shipped();

    private static readonly SearchSpace Conditional = new([
        new CategoricalParameter("kind", ["a", "b"]),
        new FloatParameter("rate", 1e-5, 1e-1, log: true),
        new IntParameter("layers", 1, 12, when: [new Condition("kind", "a")]),
        new FloatParameter("share", 0, 1, step: 0.25, when: [new Condition("kind", "b")]),
    ]);

    private static double Objective(ParameterSet set) => (set["kind"].AsText() == "a" ? Math.Pow(set["layers"].AsInt() - 7, 2) / 30 : 0.5 + set["share"].AsDouble())
        + Math.Pow(Math.Log10(set["rate"].AsDouble()) + 3, 2);

    private static Study Run(SearchSpace space, Func<TrialRun, TrialOutcome> objective, int trials, ulong seed = 3, params Direction[] directions)
    {
        var study = new Study(new StudyDefinition("s", space, directions.Length > 0 ? directions : [Direction.Minimize], seed), new ProposerSampler(Model));
        study.Run(objective, trials);
        return study;
    }

    [Fact]
    public void Every_proposal_fits_its_space_and_is_the_same_again()
    {
        Study study = Run(Conditional, r => r.Number % 5 == 3 ? TrialOutcome.Failed("on purpose") : r.Number == 7 && !r.Report(0, 1) ? TrialOutcome.Stopped : Objective(r.Parameters), 14);
        Assert.All(study.Trials, t => Assert.Empty(study.Definition.Space.Problems(t.Parameters!)));
        foreach (Trial trial in study.Trials.Skip(6)) // as a study that was interrupted and resumed there
            Assert.Equal(trial.Parameters, new ProposerSampler(Model).Suggest(new SamplerInput(study.Definition, trial.Number, [.. study.Trials.Take(trial.Number)])));
        Assert.NotEqual(study.Trials.Select(t => t.Parameters), Run(Conditional, r => Objective(r.Parameters), 14, seed: 4).Trials.Select(t => t.Parameters));
    }

    [Fact]
    public void It_finds_the_middle_of_a_bowl_sooner_than_chance()
    {
        var space = new SearchSpace([.. "wxyz".Select(c => new FloatParameter($"{c}", -1, 3))]);
        double Best(ISampler sampler, ulong seed)
        {
            var study = new Study(new StudyDefinition("s", space, Direction.Maximize, seed), sampler);
            study.Run(r => -r.Parameters.Sum(m => Math.Pow(m.Value.AsDouble() - 0.5, 2)), 16);
            return -study.Best!.Values[0];
        }
        double[] own = [.. Enumerable.Range(1, 3).Select(s => Best(new ProposerSampler(Model), (ulong)s)).Order()], random = [.. Enumerable.Range(1, 3).Select(s => Best(new RandomSampler(), (ulong)s)).Order()];
        Assert.True(own[1] < 0.5 * random[1], $"{own[1]} against {random[1]}");
    }

    [Fact]
    public void Constraints_are_kept_to_once_something_is_known_of_them()
    {
        var space = new SearchSpace([new FloatParameter("x", 0, 1), new FloatParameter("y", 0, 1)]);
        Study study = Run(space, r =>
        {
            (double x, double y) = (r.Parameters["x"].AsDouble(), r.Parameters["y"].AsDouble());
            return TrialOutcome.Complete(x + y).WithConstraints(0.6 - x); // the best is at x = 0.6, y = 0
        }, 16);
        Assert.InRange(study.Best!.Values[0], 0.6, 0.75);
        Assert.True(study.Trials.Skip(8).Count(t => t.Violation == 0) >= 4);
    }

    [Fact]
    public void Running_trials_keep_workers_apart_and_several_objectives_make_a_front()
    {
        var space = new SearchSpace([new FloatParameter("x", 0, 1), new FloatParameter("y", 0, 1)]);
        var study = new Study(new StudyDefinition("s", space, [Direction.Minimize, Direction.Maximize], 2), new ProposerSampler(Model));
        study.Run(r => TrialOutcome.Complete(r.Parameters["x"].AsDouble() + r.Parameters["y"].AsDouble(), r.Parameters["x"].AsDouble()), 10);
        TrialRun[] running = [.. Enumerable.Range(0, 3).Select(_ => study.Ask()!)];
        Assert.Equal(3, running.Select(r => r.Parameters).Distinct().Count());
        Assert.InRange(study.Front.Count, 2, 10);
    }

    [Fact]
    public void In_a_finite_space_nothing_is_tried_twice_while_something_is_left()
    {
        var space = new SearchSpace([new IntParameter("a", 1, 4), new CategoricalParameter("b", ["x", "y", "z"])]);
        Study study = Run(space, r => r.Parameters["a"].AsDouble() + (r.Parameters["b"] == "x" ? 0 : 1), 12);
        Assert.InRange(study.Trials.Skip(4).Select(t => t.Parameters).Distinct().Count(), 7, 8);
    }
}
