using Cleave.Numerics;
using Cleave.Proposing;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using FsCheck;
using FsCheck.Fluent;

namespace Cleave.Tests.Tuning;

public sealed class SamplerTests
{
    private static readonly SearchSpace Plane = new([new FloatParameter("x", -5, 10), new FloatParameter("y", 0, 15)]);

    private static ISampler[] Samplers() => [
        new RandomSampler(), new GridSampler(), new TpeSampler(new() { StartupTrials = 5 }), new TpeSampler(new() { StartupTrials = 5, Multivariate = false }),
        new QuasiRandomSampler(), new GpSampler(), new CmaEsSampler(), new NsgaSampler(new() { Population = 4 }), new AutoSampler()];

    /// <summary>Spaces of every kind of parameter, with conditions up to two deep, and an objective over them.</summary>
    private static SearchSpace RandomSpace(Rng rng)
    {
        var parameters = new List<Parameter>();
        for (int i = 0; i < 1 + rng.NextInt(5); i++)
        {
            var parents = parameters.Where(p => p.Count is > 1 and < 6).ToArray();
            Condition[] when = parents.Length > 0 && rng.NextInt(2) == 0
                ? [new(parents[^1].Name, [.. parents[^1].Grid(5).Where((_, at) => at == 0 || rng.NextInt(2) == 0)])] : [];
            parameters.Add(rng.NextInt(5) switch
            {
                0 => new FloatParameter($"p{i}", -1, 3, when: when),
                1 => new FloatParameter($"p{i}", 1e-4, 1, log: true, when: when),
                2 => new IntParameter($"p{i}", 1, 1 + rng.NextInt(4), when: when),
                3 => new FloatParameter($"p{i}", 0, 1, step: 0.25, when: when),
                _ => new CategoricalParameter($"p{i}", [.. Enumerable.Range(0, 2 + rng.NextInt(3)).Select(c => (ParameterValue)$"c{c}")], when),
            });
        }
        return new SearchSpace(parameters);
    }

    private static double Objective(ParameterSet set) => set.Sum(m => m.Value.IsNumber ? Math.Pow(m.Value.AsDouble() - 0.3, 2) : m.Value.AsText()[1] - '0');

    [Fact]
    public void Every_suggestion_fits_its_space_and_is_the_same_again()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(30), Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), seed =>
        {
            SearchSpace space = RandomSpace(new Rng(seed));
            foreach (ISampler sampler in Samplers())
            {
                var study = new Study(new StudyDefinition("s", space, seed: seed), sampler);
                study.Run(r => r.Number % 7 == 3 ? TrialOutcome.Failed("on purpose") : r.Number % 7 == 5 && !r.Report(0, 1) ? TrialOutcome.Stopped : Objective(r.Parameters), 15);
                var again = new Study(study.Definition, sampler);
                foreach (Trial trial in study.Trials.Where(t => t.IsFinished))
                {
                    if (trial.Parameters is null || space.Problems(trial.Parameters).Count > 0)
                        return false;
                    Trial[] before = [.. study.Trials.Take(trial.Number)];
                    if (!trial.Parameters.Equals(sampler.Suggest(new SamplerInput(study.Definition, trial.Number, before))))
                        return false;
                }
            }
            return true;
        }));
    }

    [Fact]
    public void Another_seed_gives_other_suggestions()
    {
        foreach (ISampler sampler in Samplers())
        {
            string[] runs = [.. new ulong[] { 1, 2 }.Select(seed =>
            {
                var study = new Study(new StudyDefinition("s", Plane, seed: seed), sampler);
                study.Run(r => Objective(r.Parameters), 12);
                return string.Join(';', study.Trials.Select(t => t.Parameters));
            })];
            Assert.NotEqual(runs[0], runs[1]);
        }
    }

    [Theory]
    [InlineData(true, 0.25)]
    [InlineData(false, 0.6)]
    public void Tpe_beats_random_on_branin(bool multivariate, double share)
    {
        double random = MedianRegret(new RandomSampler()), tpe = MedianRegret(new TpeSampler(new() { Multivariate = multivariate }));
        Assert.InRange(tpe, 0, share * random);
    }

    [Theory]
    [InlineData("gp", 0.001)]
    [InlineData("auto", 0.001)]
    [InlineData("cma-es", 0.3)]
    public void Model_based_samplers_beat_random_on_branin(string name, double share) =>
        Assert.InRange(MedianRegret(SamplerNames.Create(name, ProposerModel.Shipped)), 0, share * MedianRegret(new RandomSampler()));

    [Fact]
    public void Tpe_maximizes_as_well_as_it_minimizes()
    {
        Trial[] Run(Direction direction, double sign)
        {
            var study = new Study(new StudyDefinition("s", Plane, direction, 5), new TpeSampler());
            study.Run(r => sign * Branin(r.Parameters), 40);
            return [.. study.Trials];
        }
        Assert.Equal(Run(Direction.Minimize, 1).Select(t => t.Parameters), Run(Direction.Maximize, -1).Select(t => t.Parameters));
    }

    [Fact]
    public void Tpe_does_not_measure_a_point_of_a_finite_space_twice_while_others_are_left_near()
    {
        var space = new SearchSpace([new IntParameter("a", 1, 8), new CategoricalParameter("b", ["x", "y", "z"])]);
        var study = new Study(new StudyDefinition("s", space, seed: 2), new TpeSampler());
        study.Run(r => r.Parameters["a"].AsDouble() + (r.Parameters["b"] == "x" ? 0 : 1), 20);
        Assert.InRange(study.Trials.Select(t => t.Parameters).Distinct().Count(), 16, 20);
    }

    [Fact]
    public void Tpe_finds_a_wider_front_than_random()
    {
        // Fonseca and Fleming's problem: f1 and f2 trade off along a curve between (0, 1) and (1, 0).
        var space = new SearchSpace([.. Enumerable.Range(0, 3).Select(i => new FloatParameter($"x{i}", -4, 4))]);
        double Volume(ISampler sampler, ulong seed)
        {
            var study = new Study(new StudyDefinition("s", space, [Direction.Minimize, Direction.Maximize], seed), sampler);
            study.Run(r =>
            {
                double c = 1 / Math.Sqrt(3);
                return TrialOutcome.Complete(1 - Math.Exp(-r.Parameters.Sum(m => Math.Pow(m.Value.AsDouble() - c, 2))),
                    Math.Exp(-r.Parameters.Sum(m => Math.Pow(m.Value.AsDouble() + c, 2))));
            }, 80);
            return ParetoFront.Hypervolume([.. study.Front.Select(t => ParetoFront.ToLosses(t.Values, study.Definition.Directions))], [1, 0]);
        }
        ulong[] seeds = [1, 2, 3, 4, 5, 6];
        double random = seeds.Average(s => Volume(new RandomSampler(), s)), tpe = seeds.Average(s => Volume(new TpeSampler(), s));
        Assert.True(tpe > 1.3 * random, $"{tpe} against {random}");
    }

    [Fact]
    public void The_cut_normal_is_a_density_and_its_cumulative_matches_published_values()
    {
        // Abramowitz and Stegun, table 26.1.
        foreach ((double z, double expected) in new[] { (0, 0.5), (0.5, 0.6914624613), (1, 0.8413447461), (1.96, 0.9750021049), (3, 0.9986501020) })
        {
            Assert.Equal(expected, Normal.Cumulative(z), 6);
            Assert.Equal(1 - expected, Normal.Cumulative(-z), 6);
        }
        double[] points = [0.2, 0, 0.7, 2, double.NaN, 1];
        var mixture = new ParzenMixture([0, 3], [0, 0], points, [1, 2, 3], new(0.8, 0.003, 0.2));
        double mass = 0;
        for (int choice = 0; choice < 3; choice++)
        {
            for (int i = 0; i < 1000; i++)
                mass += Math.Exp(mixture.LogDensity([(i + 0.5) / 1000, choice])) / 1000;
        }
        Assert.Equal(1, mass, 4);
        var rng = new Rng(4);
        int below = 0;
        for (int i = 0; i < 20_000; i++)
            below += mixture.Draw(rng, mixture.DrawComponent(rng), 0) < 0.5 ? 1 : 0;
        double expectedBelow = 0;
        for (int i = 0; i < 500; i++)
            expectedBelow += Math.Exp(mixture.LogDensity([(i + 0.5) / 1000, double.NaN])) / 1000;
        Assert.Equal(expectedBelow, below / 20_000.0, 2);
    }

    private static double MedianRegret(ISampler sampler)
    {
        double[] regrets = [.. Enumerable.Range(0, 11).Select(seed =>
        {
            var study = new Study(new StudyDefinition("branin", Plane, seed: (ulong)seed), sampler);
            study.Run(r => Branin(r.Parameters), 60);
            return study.Best!.Values[0];
        }).Order()];
        return regrets[5];
    }

    private static double Branin(ParameterSet set)
    {
        double x = set["x"].AsDouble(), y = set["y"].AsDouble();
        return Math.Pow(y - 5.1 / (4 * Math.PI * Math.PI) * x * x + 5 / Math.PI * x - 6, 2) + 10 * (1 - 1 / (8 * Math.PI)) * Math.Cos(x) + 10 - 0.39788735773;
    }
}
