using Cleave.Tuning;
using Cleave.Tuning.Pruners;

namespace Cleave.Tests.Tuning;

/// <summary>Each case states the outcome by hand from the rule as Optuna documents it for its MedianPruner and as the ASHA paper gives it.</summary>
public sealed class PrunerTests
{
    [Theory]
    [InlineData(3.0, true)]   // worse than the median, 2
    [InlineData(2.0, false)]  // not worse than it
    [InlineData(1.0, false)]
    [InlineData(double.NaN, true)]
    public void Median_stops_what_is_worse_than_the_median_at_the_step(double value, bool stops)
    {
        Trial[] others = [Complete(0, 1.0), Complete(1, 2.0), Complete(2, 9.0)];
        Trial trial = Running(3, value);
        Assert.Equal(stops, new MedianPruner(startupTrials: 3).ShouldStop(Direction.Minimize, [.. others, trial], trial));
    }

    [Fact]
    public void Median_takes_the_mean_of_the_middle_two_and_the_direction()
    {
        Trial[] others = [Complete(0, 1.0), Complete(1, 3.0)];
        var pruner = new MedianPruner(startupTrials: 0);
        foreach ((double value, Direction direction, bool stops) in new[] {
            (1.9, Direction.Minimize, false), (2.1, Direction.Minimize, true), (1.9, Direction.Maximize, true), (2.1, Direction.Maximize, false) })
        {
            Trial trial = Running(2, value);
            Assert.Equal(stops, pruner.ShouldStop(direction, [.. others, trial], trial));
        }
    }

    [Fact]
    public void Median_judges_the_best_value_so_far()
    {
        Trial[] others = [Complete(0, 5, 5), Complete(1, 5, 5)];
        Trial trial = Running(2, 4, 100);
        Assert.False(new MedianPruner(startupTrials: 0).ShouldStop(Direction.Minimize, [.. others, trial], trial));
    }

    [Fact]
    public void Median_waits_for_startup_trials_warmup_steps_and_enough_values()
    {
        Trial[] others = [Complete(0, 1, 1), Complete(1, 1, 1), Stopped(2, 1, 1), Complete(3, 1)];
        Trial trial = Running(4, 9, 9);
        bool Stops(MedianPruner pruner) => pruner.ShouldStop(Direction.Minimize, [.. others, trial], trial);
        Assert.True(Stops(new(startupTrials: 3)));
        Assert.False(Stops(new(startupTrials: 4))); // the stopped trial does not count
        Assert.True(Stops(new(startupTrials: 0, warmupSteps: 1)));
        Assert.False(Stops(new(startupTrials: 0, warmupSteps: 2)));
        Assert.True(Stops(new(startupTrials: 0, minTrials: 2)));
        Assert.False(Stops(new(startupTrials: 0, minTrials: 3)));
        Trial untouched = Running(5);
        Assert.False(new MedianPruner(0).ShouldStop(Direction.Minimize, [.. others, untouched], untouched));
    }

    [Fact]
    public void Halving_lets_one_in_the_factor_pass_each_rung()
    {
        var pruner = new SuccessiveHalvingPruner(minResource: 1, factor: 3);
        var trials = new List<Trial>();
        var passed = new List<int>();
        // Rung 1 sees 5, 4, 6, 3, 9, 2: the first always passes; then a third of those so far, rounded down, at least one.
        foreach (double value in new double[] { 5, 4, 6, 3, 9, 2, 2.5 })
        {
            Trial trial = Running(trials.Count, value);
            trials.Add(trial);
            if (!pruner.ShouldStop(Direction.Minimize, trials, trial))
                passed.Add(trial.Number);
            trial.State = TrialState.Stopped;
        }
        Assert.Equal([0, 1, 3, 5, 6], passed); // 2.5 is second of seven: two pass
    }

    [Fact]
    public void Halving_judges_at_rungs_only_and_in_the_direction()
    {
        var pruner = new SuccessiveHalvingPruner(minResource: 2, factor: 2);
        Trial good = Stopped(0, 9, 9, 9, 9, 9, 9, 9, 9);
        bool Stops(params double[] values)
        {
            Trial trial = Running(1, values);
            return pruner.ShouldStop(Direction.Maximize, [good, trial], trial);
        }
        Assert.False(Stops(1));          // before the first rung
        Assert.True(Stops(9, 1));        // rung 2
        Assert.False(Stops(9, 10, 1));   // between 2 and 4
        Assert.True(Stops(9, 10, 1, 1)); // rung 4
        Assert.True(Stops(9, double.NaN));
    }

    [Fact]
    public void A_paused_trial_goes_on_when_it_is_among_the_best_of_its_rung()
    {
        var line = new SearchSpace([new IntParameter("x", 0, 1000)]);
        var study = new Study(new StudyDefinition("s", line, seed: 1), new Cleave.Tuning.Samplers.GridSampler(1), new SuccessiveHalvingPruner(1, 2));
        double[] values = [1, 2, 3, 4, 0.5, 6, 7, 8];
        foreach (int x in Enumerable.Range(0, values.Length))
            study.Enqueue(new ParameterSet([new("x", x)]));
        var started = new List<(int Number, string? From)>();
        study.Run(r =>
        {
            started.Add((r.Number, r.Checkpoint));
            for (int step = r.Checkpoint is null ? 0 : 1; step < 4; step++)
            {
                if (r.Report(step, values[r.Number], $"step {step}"))
                    return TrialOutcome.Stopped;
            }
            return values[r.Number];
        }, values.Length);
        // Rung 1: trial 1 is second of two and pauses; with four at the rung two may pass, so it goes on, at rung 2 as second of two again.
        Assert.Contains((1, null), started);
        Assert.Contains((1, "step 0"), started);
        Assert.Equal(values.Length, study.Trials.Count(t => t.IsFinished));
        Assert.Equal(0.5, study.Best!.Values[0]);
        Assert.Equal(TrialState.Paused, study.Trials[7].State);
    }

    /// <summary>A trial that was stopped at a later rung than its checkpoint's is not taken up for being good at the earlier one, again and again.</summary>
    [Fact]
    public void A_paused_trial_goes_on_by_the_rung_that_stopped_it()
    {
        var study = new Study(new StudyDefinition("s", new SearchSpace([new IntParameter("x", 0, 1000)]), seed: 1), new Cleave.Tuning.Samplers.RandomSampler(), new SuccessiveHalvingPruner(1, 4));
        int started = 0;
        study.Run(r =>
        {
            Assert.True(++started < 500, "the same trials again and again");
            for (int step = r.Trial.Steps.Count; step < 20; step++)
            {
                // Later trials are better at first and worse in the end.
                double value = step < 3 ? -r.Number : r.Number;
                if (r.Report(step, value, step % 3 == 2 ? $"step {step}" : null))
                    return TrialOutcome.Stopped;
            }
            return r.Number;
        }, 30);
        Assert.Equal(30, study.Trials.Count);
        Assert.Contains(study.Trials, t => t.State == TrialState.Paused && t.Steps.Count == 4 && t.Attempt == 1);
    }

    [Fact]
    public void Hyperband_spares_the_trials_of_late_brackets()
    {
        var pruner = new HyperbandPruner(1, 16, 4);
        var trials = new List<Trial>();
        var stopped = new List<int>();
        for (int i = 0; i < 46; i++)
        {
            Trial trial = Running(i, i); // each is worse than all before
            trials.Add(trial);
            if (pruner.ShouldStop(Direction.Minimize, trials, trial))
                stopped.Add(i);
        }
        Assert.InRange(stopped.Count, 20, 40); // the first bracket stops its own; the others wait for a later rung
    }

    private static Trial Make(int number, TrialState state, double[] values)
    {
        var trial = new Trial(number, state) { Parameters = new([]) };
        for (int i = 0; i < values.Length; i++)
            trial.AddStep(new TrialStep(i, values[i]));
        return trial;
    }

    private static Trial Complete(int number, params double[] values) => Make(number, TrialState.Complete, values);

    private static Trial Stopped(int number, params double[] values) => Make(number, TrialState.Stopped, values);

    private static Trial Running(int number, params double[] values) => Make(number, TrialState.Running, values);
}
