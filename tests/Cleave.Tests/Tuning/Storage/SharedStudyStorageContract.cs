using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Tests.Tuning.Storage;

/// <summary>What every storage does that several workers share: each opening is another worker's.</summary>
public abstract class SharedStudyStorageContract : StudyStorageContract
{
    protected static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(30);

    /// <summary>Moves on the clock by which leases run out.</summary>
    protected abstract void Elapse(TimeSpan time);

    [ContractFact]
    public void What_one_does_the_others_see()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Assert.Equal(LeaseTime, two.LeaseTime);
        one.Configure("how");
        Lease first = one.Claim("one")!.Value;
        one.SetParameters(first, Set(0.5, 3));
        one.Report(first, 0, 1, "here");
        one.Enqueue(Set(0.25));
        two.Refresh();
        Assert.Equal(("how", 2), (two.Settings, two.Trials.Count));
        Assert.Equal((TrialState.Running, "one", "here", 1), (two.Trials[0].State, two.Trials[0].Worker, two.Trials[0].Checkpoint, two.Trials[0].Steps.Count));
        Assert.Equal(Set(0.5, 3), two.Trials[0].Parameters);
        Lease second = two.Claim("two")!.Value;
        Assert.Equal(1, second.Trial);
        two.Finish(second, 4.0);
        one.Finish(first, TrialOutcome.Complete(3).With("done"));
        two.Refresh();
        one.Refresh();
        foreach (IStudyStorage storage in new[] { one, two })
        {
            Assert.Equal([3.0, 4.0], storage.Trials.Select(t => t.Values[0]));
            Assert.Equal("done", storage.Trials[0].Note);
        }
    }

    [ContractFact]
    public void A_silent_workers_trial_goes_on_elsewhere_from_its_checkpoint_and_the_late_worker_writes_nothing()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Lease late = one.Claim("one")!.Value;
        one.SetParameters(late, Set(0.5));
        one.Report(late, 0, 5, "at 0");
        one.Report(late, 1, 4);
        Elapse(LeaseTime * 0.9);
        Assert.Equal(1, two.Claim("two")!.Value.Trial);
        Elapse(LeaseTime * 0.2);
        Lease taken = two.Claim("two")!.Value;
        Trial trial = two.Trials[0];
        Assert.Equal((0, "at 0", 1, 2, 1, "two"), (taken.Trial, trial.Checkpoint, trial.Steps.Count, trial.Attempt, trial.Losses, trial.Worker));
        Assert.Equal(Set(0.5), trial.Parameters);
        Action[] writes = [
            () => one.Report(late, 2, 3), () => one.Renew(late), () => one.Attach(late, ["x"]), () => one.Pause(late), () => one.Release(late),
            () => one.Finish(late, 7.0), () => one.SetParameters(late, Set(0))];
        foreach (Action write in writes)
            Assert.Throws<LeaseLostException>(write);
        two.Report(taken, 1, 3);
        two.Finish(taken, 1.0);
        foreach (Action write in writes)
            Assert.Throws<LeaseLostException>(write);
        one.Refresh();
        Assert.Equal([1.0], one.Trials[0].Values);
        Assert.Equal([new TrialStep(0, 5), new TrialStep(1, 3)], one.Trials[0].Steps);
        Assert.Empty(one.Trials[0].Artifacts);
    }

    [ContractFact]
    public void A_worker_that_was_silent_but_not_replaced_goes_on()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Lease lease = one.Claim("one")!.Value;
        one.SetParameters(lease, Set(0.5));
        Elapse(LeaseTime * 3);
        one.Renew(lease);
        Assert.NotEqual(0, two.Claim("two")!.Value.Trial);
        one.Finish(lease, 2.0);
        two.Refresh();
        Assert.Equal((2.0, 0), (two.Trials[0].Values[0], two.Trials[0].Losses));
    }

    [ContractFact]
    public void Signs_of_life_keep_a_trial()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Lease lease = one.Claim("one")!.Value;
        one.SetParameters(lease, Set(0.5));
        for (int i = 0; i < 6; i++)
        {
            Elapse(LeaseTime * 0.8);
            if (i % 2 == 0)
                one.Renew(lease);
            else
                one.Report(lease, i, i);
            Assert.Null(two.Claim("two", limit: 1));
        }
        Elapse(LeaseTime * 1.1);
        Assert.Equal(0, two.Claim("two", limit: 1)?.Trial);
    }

    [ContractFact]
    public void A_clock_that_jumps_costs_at_most_a_second_run()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Lease lease = one.Claim("one")!.Value;
        one.SetParameters(lease, Set(0.5));
        Elapse(TimeSpan.FromDays(-400));
        Assert.Null(two.Claim("two", limit: 1));
        one.Renew(lease);
        Elapse(TimeSpan.FromDays(800));
        Lease taken = two.Claim("two", limit: 1)!.Value;
        Assert.Throws<LeaseLostException>(() => one.Finish(lease, 1.0));
        two.Finish(taken, 2.0);
        one.Refresh();
        Assert.Equal([2.0], Assert.Single(one.Trials).Values);
    }

    [ContractFact]
    public void A_trial_that_ends_its_workers_fails_in_the_end()
    {
        using IStudyStorage storage = Open(Definition);
        Lease lease = storage.Claim("")!.Value;
        storage.SetParameters(lease, Set(0.5));
        for (int i = 1; i < IStudyStorage.MostLosses; i++)
        {
            Elapse(LeaseTime * 2);
            Assert.Equal(0, storage.Claim("", limit: 1)?.Trial);
        }
        Elapse(LeaseTime * 2);
        Assert.Null(storage.Claim("", limit: 1));
        Assert.Equal((TrialState.Failed, IStudyStorage.MostLosses), (storage.Trials[0].State, storage.Trials[0].Losses));
        Assert.Contains("went away", storage.Trials[0].Note, StringComparison.Ordinal);
    }

    [ContractFact]
    public void A_worker_lost_before_its_trial_had_parameters_leaves_the_number_to_another()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Lease late = one.Claim("one")!.Value;
        Elapse(LeaseTime * 2);
        Lease taken = two.Claim("two")!.Value;
        Assert.Equal(0, taken.Trial);
        two.SetParameters(taken, Set(0.25));
        Assert.Throws<LeaseLostException>(() => one.SetParameters(late, Set(0.5)));
        one.Refresh();
        Assert.Equal(Set(0.25), one.Trials[0].Parameters);
    }

    /// <summary>A process may be stopped between its claim and its choice.</summary>
    [ContractFact]
    public void A_worker_that_loses_its_trial_while_it_chooses_takes_another()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        var other = new Study(two, new RandomSampler());
        bool first = true;
        var study = new Study(one, new Slow(() =>
        {
            if (!first)
                return;
            first = false;
            Elapse(LeaseTime * 2);
            TrialRun taken = other.Ask()!;
            Assert.Equal(0, taken.Number);
            other.Tell(taken, 1.0);
        }));
        TrialRun run = study.Ask()!;
        Assert.Equal(1, run.Number);
        study.Tell(run, 2.0);
        two.Refresh();
        Assert.Equal([1.0, 2.0], two.Trials.Select(t => t.Values[0]));
    }

    [ContractFact]
    public void A_paused_trial_is_resumed_by_one_only()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Lease lease = one.Claim("one")!.Value;
        one.SetParameters(lease, Set(0.5));
        one.Report(lease, 0, 1, "here");
        one.Pause(lease);
        two.Refresh();
        Assert.NotNull(two.Resume(0, "two"));
        Assert.Null(one.Resume(0, "one"));
        Assert.Equal(TrialState.Running, one.Trials[0].State);
    }

    /// <summary>Eight workers at once, with waiting trials among the new ones: every number once, every trial finished once.</summary>
    [ContractFact]
    public void Nothing_is_lost_and_nothing_is_done_twice_by_many_at_once()
    {
        const int Trials = 120;
        using (IStudyStorage storage = Open(Definition))
        {
            for (int i = 0; i < 10; i++)
                storage.Enqueue(Set(i / 10.0));
        }
        var done = new System.Collections.Concurrent.ConcurrentBag<int>();
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, w =>
        {
            using IStudyStorage storage = Open(Definition);
            var study = new Study(storage, new RandomSampler()) { Worker = "the same" };
            while (study.Ask(Trials) is { } run)
            {
                run.Report(0, 1);
                study.Tell(run, run.Number);
                done.Add(run.Number);
            }
        });
        Assert.Equal(Enumerable.Range(0, Trials), done.Order());
        using IStudyStorage all = Open(Definition);
        Assert.Equal(Enumerable.Range(0, Trials), all.Trials.Select(t => (int)t.Values[0]));
        Assert.All(all.Trials, t => Assert.Equal((TrialState.Complete, 1, 1), (t.State, t.Attempt, t.Steps.Count)));
        Assert.Equal(Trials, all.Trials.Select(t => t.Parameters!.ToCanonicalText()).Distinct().Count());
    }

    [ContractFact]
    public void Another_definition_is_refused_with_what_differs_by_every_storage()
    {
        Open(Definition).Dispose();
        var other = new StudyDefinition("contract", new SearchSpace([new FloatParameter("x", -1, 2)]), seed: 4);
        Assert.Contains("another seed and space", Assert.Throws<CleaveException>(() => Open(other)).Message, StringComparison.Ordinal);
        Open(Definition).Dispose();
    }
}

internal sealed class Slow(Action before) : ISampler
{
    private readonly RandomSampler _random = new();

    public string Name => "slow";

    public ParameterSet? Suggest(SamplerInput input)
    {
        before();
        return _random.Suggest(input);
    }
}

/// <summary>In memory there is one opening for all.</summary>
public sealed class MemoryStudyStorageTests : SharedStudyStorageContract
{
    private readonly ManualClock _clock = new();
    private MemoryStudyStorage? _storage;

    protected override IStudyStorage Open(StudyDefinition definition)
    {
        _storage ??= new MemoryStudyStorage(definition, LeaseTime, _clock);
        _storage.Definition.CheckSame("memory", definition);
        return new OneAtATime(_storage);
    }

    protected override void Elapse(TimeSpan time) => _clock.Now += time;
}

public sealed class SharedJournalTests : SharedStudyStorageContract, IDisposable
{
    private readonly Formats.Durable.TemporaryFolder _folder = new();
    private readonly ManualClock _clock = new();

    public void Dispose() => _folder.Dispose();

    protected override IStudyStorage Open(StudyDefinition definition) => JournalStudyStorage.OpenShared(_folder.File("study.journal"), definition, LeaseTime, _clock);

    protected override void Elapse(TimeSpan time) => _clock.Now += time;

    [Fact]
    public void What_a_writer_that_died_has_left_half_written_is_cut_off_by_the_next()
    {
        using IStudyStorage one = Open(Definition);
        one.SetParameters(one.Claim("one")!.Value, Set(0.5));
        using (var torn = new FileStream(_folder.File("study.journal"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite))
            torn.Write([40, 0, 0, 0, 1, 2, 3]);
        using IStudyStorage two = Open(Definition);
        Assert.Equal(1, two.Claim("two")!.Value.Trial);
        one.Refresh();
        Assert.Equal(2, one.Trials.Count);
        Assert.Equal(2, JournalStudyStorage.Read(_folder.File("study.journal")).Trials.Count);
    }

    [Fact]
    public void Studies_in_a_folder_have_the_names_that_they_were_given()
    {
        using IStudyCatalog catalog = StudyCatalogs.Open(_folder.Path, new StorageOptions { LeaseTime = LeaseTime });
        string[] names = ["a/b", "a-b", "50% of ..", "a%2Fb"];
        foreach (string name in names)
            catalog.Create(new StudyDefinition(name, Definition.Space, seed: 3)).Dispose();
        Assert.Equal(names.Order(), catalog.Names().Order());
        catalog.Delete("a/b");
        Assert.Equal(names[1..].Order(), catalog.Names().Order());
    }

    [Fact]
    public void A_study_that_one_process_had_to_itself_can_be_shared_afterwards()
    {
        using (JournalStudyStorage alone = JournalStudyStorage.Open(_folder.File("study.journal"), Definition))
        {
            alone.SetParameters(alone.Claim("")!.Value, Set(0.5));
        }
        using IStudyStorage one = Open(Definition);
        Assert.Null(one.Claim("one", limit: 1));
        Elapse(LeaseTime * 2);
        Assert.Equal(0, one.Claim("one", limit: 1)?.Trial);
    }
}
