using Cleave.Tests.Formats.Durable;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Tests.Tuning.Storage;

public sealed class JournalStudyStorageTests : StudyStorageContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private string Path => _folder.File("study.journal");

    public void Dispose() => _folder.Dispose();

    protected override IStudyStorage Open(StudyDefinition definition) => JournalStudyStorage.Open(Path, definition);

    [Fact]
    public void A_reopened_study_has_its_trials_and_runs_the_interrupted_one_again()
    {
        using (IStudyStorage storage = Open(Definition))
        {
            foreach (double x in new[] { 0.5, 0.75 })
            {
                Lease lease = storage.Claim("")!.Value;
                storage.SetParameters(lease, Set(x));
                storage.Report(lease, 0, x);
                if (x == 0.5)
                    storage.Finish(lease, x);
            }
            Assert.Equal(2, JournalStudyStorage.Read(Path).Trials.Count);
        }
        using IStudyStorage reopened = Open(Definition);
        Assert.Equal([TrialState.Complete, TrialState.Waiting], reopened.Trials.Select(t => t.State));
        Trial again = reopened.Trials[reopened.Claim("")!.Value.Trial];
        Assert.Equal((1, 0), (again.Number, again.Steps.Count));
        Assert.Equal(Set(0.75), again.Parameters);
    }

    [Fact]
    public void A_study_whose_making_was_cut_off_has_not_begun()
    {
        using (IStudyCatalog catalog = StudyCatalogs.Open(_folder.Path, new StorageOptions()))
        {
            catalog.Create(Definition).Dispose();
            string name = Assert.Single(catalog.Names()), file = JournalCatalog.FileOf(_folder.Path, name);
            byte[] whole = File.ReadAllBytes(file);
            foreach (int kept in new[] { whole.Length - 1, whole.Length / 2, 40 })
            {
                File.WriteAllBytes(file, whole[..kept]);
                Assert.Empty(catalog.Names());
            }
            catalog.Create(Definition).Dispose(); // whoever leads makes it again
            Assert.Equal([name], catalog.Names());
            File.WriteAllText(file, "no journal");
            Assert.Equal([name], catalog.Names()); // opened, it says what is wrong
        }
    }

    [Fact]
    public void A_paused_trial_and_its_checkpoint_come_back()
    {
        using (IStudyStorage storage = Open(Definition))
        {
            Lease lease = storage.Claim("")!.Value;
            storage.SetParameters(lease, Set(0.5));
            storage.Report(lease, 0, 3, "here");
            storage.Pause(lease);
            lease = storage.Claim("")!.Value;
            storage.SetParameters(lease, Set(0.75));
            storage.Report(lease, 0, 2, "there");
            storage.Report(lease, 1, 2);
        }
        using IStudyStorage reopened = Open(Definition);
        Assert.Equal([TrialState.Paused, TrialState.Waiting], reopened.Trials.Select(t => t.State));
        Assert.Equal(["here", "there"], reopened.Trials.Select(t => t.Checkpoint));
        Assert.Equal([1, 1], reopened.Trials.Select(t => t.Steps.Count));
    }

    [Fact]
    public void A_study_killed_at_any_byte_goes_on_as_if_it_had_not_been()
    {
        ISampler sampler = new RandomSampler();
        static TrialOutcome Objective(TrialRun run)
        {
            run.Report(0, 1);
            return run.Parameters["x"].AsDouble() * run.Parameters["n"].AsInt();
        }
        using (IStudyStorage storage = Open(Definition))
            new Study(storage, sampler).Run(Objective, 4);
        byte[] whole = File.ReadAllBytes(Path);
        Trial[] expected = [.. JournalStudyStorage.Read(Path).Trials];
        int start = whole.AsSpan().IndexOf("\"event\""u8) - 16; // inside the frame of the first event
        for (int length = start; length < whole.Length; length += length > whole.Length - 150 ? 1 : 29)
        {
            File.WriteAllBytes(Path, whole[..length]);
            using IStudyStorage storage = Open(Definition);
            int kept = storage.Trials.Count(t => t.IsFinished);
            int calls = 0;
            new Study(storage, sampler).Run(r => { calls++; return Objective(r); }, 4);
            Assert.Equal(4 - kept, calls);
            Assert.Equal(expected.Select(t => t.Parameters), storage.Trials.Select(t => t.Parameters));
            Assert.Equal(expected.Select(t => t.Values[0]), storage.Trials.Select(t => t.Values[0]));
            Assert.All(storage.Trials, t => Assert.Single(t.Steps));
        }
    }

    [Fact]
    public void Another_definition_is_refused_with_what_differs()
    {
        Open(Definition).Dispose();
        var other = new StudyDefinition("contract", new SearchSpace([new FloatParameter("x", -1, 2)]), seed: 4);
        string message = Assert.Throws<CleaveException>(() => Open(other)).Message;
        Assert.Contains("another seed and space", message, StringComparison.Ordinal);
        Open(Definition).Dispose();
    }

    [Fact]
    public void A_definition_with_every_kind_of_parameter_comes_back()
    {
        var space = new SearchSpace([
            new CategoricalParameter("kind", ["sgd", "adamw", 3, true]),
            new FloatParameter("lr", 1e-5, 1e-1, log: true),
            new FloatParameter("drop", 0, 0.5, step: 0.1),
            new IntParameter("layers", 1, 512, log: true),
            new IntParameter("width", 64, 512, step: 64),
            new FloatParameter("momentum", 0, 0.99, when: [new("kind", ["sgd", true]), new("layers", 4)]),
        ]);
        var definition = new StudyDefinition("all", space, [Direction.Maximize, Direction.Minimize], ulong.MaxValue);
        Open(definition).Dispose();
        (StudyDefinition back, _) = JournalStudyStorage.Read(Path);
        Assert.Equal((ulong.MaxValue, "all"), (back.Seed, back.Name));
        Assert.Equal(definition.Directions, back.Directions);
        Assert.Equal(SearchSpaceJson.Write(space).ToJsonString(), SearchSpaceJson.Write(back.Space).ToJsonString());
        Open(definition).Dispose();
    }

    [Fact]
    public void A_file_of_version_1_made_without_Cleave_is_read_and_goes_on()
    {
        File.Copy(System.IO.Path.Combine(AppContext.BaseDirectory, "Golden", "Tuning", "study-v1.journal"), Path);
        (StudyDefinition definition, IReadOnlyList<Trial> trials) = JournalStudyStorage.Read(Path);
        Assert.Equal((ulong.MaxValue, "fixture", Direction.Maximize), (definition.Seed, definition.Name, definition.Directions[0]));
        Assert.Equal(["kind", "lr", "layers", "momentum"], definition.Space.Parameters.Select(p => p.Name));
        Assert.Equal([TrialState.Complete, TrialState.Failed, TrialState.Running], trials.Select(t => t.State));
        Assert.Equal([new TrialStep(0, 0.25), new TrialStep(1, double.NaN)], trials[0].Steps);
        Assert.Equal([0.75], trials[0].Values);
        Assert.Equal(("first", "no memory"), (trials[0].Note, trials[1].Note));
        Assert.True(trials[2].Parameters!["kind"].AsBool());
        using IStudyStorage storage = Open(definition);
        new Study(storage, new RandomSampler()).Run(r => r.Number, 4);
        Assert.Equal([0.75, 2, 3], JournalStudyStorage.Read(Path).Trials.Where(t => t.State == TrialState.Complete).Select(t => t.Values[0]));
    }

    [Fact]
    public void Sound_records_that_make_no_sense_are_an_error_of_the_file()
    {
        using (IStudyStorage storage = Open(Definition))
        {
            storage.Claim("");
        }
        foreach (string bad in new[] { "{}", "[", "null", """{"event":"step","trial":7,"step":0,"value":1}""", """{"event":"enqueue","params":{"x":9,"n":1}}""" })
        {
            byte[] before = File.ReadAllBytes(Path);
            using (var journal = Cleave.Formats.Durable.Journal.Open(Path, JournalStudyStorage.Options, _ => { }))
                journal.Append(System.Text.Encoding.UTF8.GetBytes(bad));
            Assert.Contains("is not a study's event", Assert.Throws<CleaveException>(() => Open(Definition)).Message, StringComparison.Ordinal);
            File.WriteAllBytes(Path, before);
        }
    }
}
