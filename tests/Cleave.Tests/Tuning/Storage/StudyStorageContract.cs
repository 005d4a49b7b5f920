using Cleave.Tuning;
using Cleave.Tuning.Storage;

namespace Cleave.Tests.Tuning.Storage;

/// <summary>What every storage does; a new one inherits the suite.</summary>
public abstract class StudyStorageContract
{
    protected static readonly StudyDefinition Definition = new("contract",
        new SearchSpace([new FloatParameter("x", -1, 1), new IntParameter("n", 1, 8)]), seed: 3);

    protected static ParameterSet Set(double x, int n = 1) => new([new("x", x), new("n", n)]);

    protected abstract IStudyStorage Open(StudyDefinition definition);

    [ContractFact]
    public void Trials_are_numbered_in_the_order_of_starting()
    {
        using IStudyStorage storage = Open(Definition);
        Assert.Equal(Definition.Name, storage.Definition.Name);
        Assert.Empty(storage.Trials);
        for (int i = 0; i < 3; i++)
        {
            Lease lease = storage.Claim("me")!.Value;
            Trial trial = storage.Trials[i];
            Assert.Equal((i, i, TrialState.Running, null), (lease.Trial, trial.Number, trial.State, trial.Parameters));
            Assert.Equal((1, "me"), (trial.Attempt, trial.Worker));
        }
        Assert.Equal([0, 1, 2], storage.Trials.Select(t => t.Number));
    }

    [ContractFact]
    public void No_trial_is_made_beyond_the_limit()
    {
        using IStudyStorage storage = Open(Definition);
        Lease first = storage.Claim("", limit: 2)!.Value;
        Assert.NotNull(storage.Claim("", limit: 2));
        Assert.Null(storage.Claim("", limit: 2));
        storage.SetParameters(first, Set(0));
        storage.Release(first);
        Assert.Equal(0, storage.Claim("", limit: 2)!.Value.Trial);
        Assert.Null(storage.Claim("", limit: 2));
        Assert.Equal(2, storage.Claim("", limit: 3)!.Value.Trial);
    }

    [ContractFact]
    public void A_trial_keeps_what_it_is_given()
    {
        using IStudyStorage storage = Open(Definition);
        Lease lease = storage.Claim("")!.Value;
        storage.SetParameters(lease, Set(0.1 + 0.2, 5));
        storage.Report(lease, 0, 2.5);
        storage.Report(lease, 3, double.PositiveInfinity);
        storage.Attach(lease, ["model.bin"]);
        storage.Attach(lease, ["model.bin"]); // by an attempt before
        storage.Attach(lease, ["log \"of\" it.txt"]);
        storage.Finish(lease, TrialOutcome.Complete(1e-300).With("with a note"));
        Trial trial = Assert.Single(storage.Trials);
        Assert.Equal(TrialState.Complete, trial.State);
        Assert.Equal(Set(0.1 + 0.2, 5), trial.Parameters);
        Assert.Equal([new TrialStep(0, 2.5), new TrialStep(3, double.NaN)], trial.Steps);
        Assert.Equal([1e-300], trial.Values);
        Assert.Equal("with a note", trial.Note);
        Assert.Equal(["model.bin", "log \"of\" it.txt"], trial.Artifacts);
        Assert.Null(trial.Worker);
    }

    [ContractFact]
    public void Waiting_trials_are_claimed_first_and_in_order()
    {
        using IStudyStorage storage = Open(Definition);
        storage.Enqueue(Set(0.5));
        storage.Enqueue(Set(0.25));
        Assert.Equal(Set(0.5), storage.Trials[storage.Claim("")!.Value.Trial].Parameters);
        Lease second = storage.Claim("")!.Value;
        Assert.Equal(Set(0.25), storage.Trials[second.Trial].Parameters);
        Assert.Equal(2, storage.Claim("")!.Value.Trial);
        storage.Report(second, 0, 1);
        storage.Release(second);
        Trial again = storage.Trials[storage.Claim("")!.Value.Trial];
        Assert.Equal((1, 0, 2, 0), (again.Number, again.Steps.Count, again.Attempt, again.Losses));
        Assert.Equal(Set(0.25), again.Parameters);
    }

    [ContractFact]
    public void Stopped_and_failed_trials_have_no_values()
    {
        using IStudyStorage storage = Open(Definition);
        foreach (TrialOutcome outcome in new[] { TrialOutcome.Stopped, TrialOutcome.Failed("no memory"), TrialOutcome.Complete(double.NaN) })
        {
            Lease lease = storage.Claim("")!.Value;
            storage.SetParameters(lease, Set(0));
            storage.Finish(lease, outcome);
        }
        Assert.Equal([TrialState.Stopped, TrialState.Failed, TrialState.Failed], storage.Trials.Select(t => t.State));
        Assert.All(storage.Trials, t => Assert.Empty(t.Values));
        Assert.Equal([null, "no memory", "the objective's value is NaN"], storage.Trials.Select(t => t.Note));
    }

    [ContractFact]
    public void A_trial_pauses_at_its_checkpoint_and_goes_on_from_there()
    {
        using IStudyStorage storage = Open(Definition);
        Lease lease = storage.Claim("")!.Value;
        int number = lease.Trial;
        storage.SetParameters(lease, Set(0.5));
        storage.Report(lease, 0, 3);
        Assert.Throws<InvalidOperationException>(() => storage.Pause(lease));
        storage.Report(lease, 1, 2, "at 1");
        storage.Report(lease, 2, 1);
        storage.Pause(lease);
        Trial trial = storage.Trials[number];
        Assert.Equal((TrialState.Paused, "at 1", 3), (trial.State, trial.Checkpoint, trial.Steps.Count));
        Assert.NotEqual(number, storage.Claim("")!.Value.Trial);
        Lease resumed = storage.Resume(number, "other")!.Value;
        Assert.Equal(2, trial.Steps.Count);
        Assert.Null(storage.Resume(number, "third"));
        Assert.Throws<LeaseLostException>(() => storage.Report(lease, 2, 1.5));
        storage.Report(resumed, 2, 1.5);
        storage.Release(resumed);
        Assert.Equal((TrialState.Waiting, 2), (trial.State, trial.Steps.Count));
        Lease again = storage.Claim("")!.Value;
        Assert.Equal(number, again.Trial);
        storage.Finish(again, TrialOutcome.Complete(1).WithConstraints(-1, 2));
        Assert.Equal([-1.0, 2], storage.Trials[number].Constraints);
        Assert.Equal(2, storage.Trials[number].Violation);
    }

    [ContractFact]
    public void Misuse_is_refused_and_changes_nothing()
    {
        using IStudyStorage storage = Open(Definition);
        Assert.Throws<LeaseLostException>(() => storage.Report(new Lease(0, 1), 0, 1));
        Lease lease = storage.Claim("")!.Value;
        int number = lease.Trial;
        Assert.Throws<InvalidOperationException>(() => storage.Finish(lease, 1.0));
        storage.SetParameters(lease, Set(0));
        Assert.Throws<InvalidOperationException>(() => storage.SetParameters(lease, Set(1)));
        Assert.Throws<ArgumentException>(() => storage.Finish(lease, TrialOutcome.Complete(1, 2)));
        storage.Report(lease, 5, 1);
        Assert.Throws<ArgumentException>(() => storage.Report(lease, 5, 1));
        Assert.Throws<ArgumentException>(() => storage.Report(lease, 4, 1));
        Assert.Single(storage.Trials[number].Steps);
        storage.Finish(lease, 1.0);
        Assert.Throws<LeaseLostException>(() => storage.Finish(lease, 2.0));
        Assert.Throws<LeaseLostException>(() => storage.Finish(lease, 1.0));
        Assert.Throws<LeaseLostException>(() => storage.Release(lease));
        Assert.Throws<LeaseLostException>(() => storage.Renew(lease));
        Assert.Equal([1.0], storage.Trials[number].Values);
    }

    [ContractFact]
    public void Settings_are_kept_and_replaced()
    {
        using IStudyStorage storage = Open(Definition);
        Assert.Null(storage.Settings);
        storage.Configure("one");
        storage.Configure("two {\"x\": 1}");
        storage.Refresh();
        Assert.Equal("two {\"x\": 1}", storage.Settings);
    }
}
