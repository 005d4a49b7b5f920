using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting.Certificates;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Releases;
using Cleave.Splitting.Studies;

namespace Cleave.Splitting;

/// <summary>How a split is run, beside what the project says.</summary>
/// <param name="Output">The release's folder.</param>
/// <param name="Command">The command line, for the report.</param>
/// <param name="PublishUncertified">Publish modules whose certificate failed, too.</param>
public sealed record SplitOptions(string Output, bool Resume, bool Force, string Command, bool PublishUncertified);

/// <summary>
/// The main job: base and tasks in, certified modules out. Data is cleaned, the monolith fine-tuned, a study run for each
/// task, its choice examined on test items that no trial saw, and the release written in one move.
/// </summary>
public sealed class Splitter(SplitProject project, SplitOptions options, TimeProvider clock)
{
    public SplitResult Run(IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        long started = clock.GetTimestamp();
        using var meter = new EnergyMeter(EnergyOptions.FromEnvironment(project.Energy), clock);
        EnergyReading begun = meter.Read();
        CheckOutput();
        string baseFolder = BaseModel.Find(project.Base, project.Folder);
        LanguageModel baseModel = Trunk(ModelFolder.Load(baseFolder));
        string baseHash = Hashing.Sha256File(Path.Combine(baseFolder, ModelFolder.Weights));
        TaskContext[] tasks = LoadAll(baseModel, progress);
        IReadOnlyList<TaskSpace> spaces = TaskSpace.OfAll(project, [.. tasks.Select(t => (t.Definition, t.Train.Count, t.Trunk(baseModel).Spec))]);
        IEnumerable<string> hashes = tasks.SelectMany(t => t.Data.Report.Files).Select(f => f.Sha256)
            .Concat(project.Tasks.Select(t => t.Text.Synonyms).OfType<string>().Select(Hashing.Sha256File));
        using SplitWorkspace work = SplitWorkspace.Open(options.Output, SplitWorkspace.Fingerprint(project, hashes, baseHash), options.Resume, options.Force);
        DiskSpace.Require(work.Folder, EstimateDisk(baseModel));
        var ledger = new EnergyLedger(work.Folder, meter, begun);
        try
        {
            IReadOnlyList<MonolithPoint> curve = ledger.Measure("monolith", () => MakeMonolith(work, tasks, baseModel, baseHash, progress, cancellation));
            using Monolith monolith = Monolith.Load(work.Monolith, project.Monolith);
            TaskResult[] results = [.. tasks.Zip(spaces, (t, s) => Split(t, s, monolith, work, ledger, meter, progress, cancellation))];
            progress?.Report(new ProgressReport("write the release", 0, 1, "releases"));
            var writer = new ReleaseWriter(project, baseHash, options);
            return writer.Write(results, monolith, curve, () => (clock.GetElapsedTime(started), ledger.Total()), work);
        }
        catch (OperationCanceledException)
        {
            ledger.Interrupted();
            throw;
        }
    }

    private void CheckOutput()
    {
        string output = options.Output;
        if (!Directory.Exists(output) || !Directory.EnumerateFileSystemEntries(output).Any())
            return;
        bool release = File.Exists(Path.Combine(output, ReleaseWriter.ManifestName));
        // Ended between writing the release and clearing its state: the same release is written again.
        if (release && options.Resume && SplitWorkspace.Exists(output))
            return;
        if (!options.Force)
            throw new CleaveException($"{output}: holds something already; choose another --out or replace it with --force");
        if (!release)
            throw new CleaveException($"{output}: is not a release, so it is not replaced; choose another --out");
    }

    /// <summary>Every task's data; what is wrong with several tasks is said together.</summary>
    private TaskContext[] LoadAll(LanguageModel baseModel, IProgress<ProgressReport>? progress)
    {
        var tasks = new List<TaskContext>();
        var problems = new List<CleaveException>();
        foreach (TaskDefinition definition in project.Tasks)
        {
            try
            {
                tasks.Add(Load(definition, baseModel, progress));
            }
            catch (CleaveException e)
            {
                problems.Add(e);
            }
        }
        return problems.Count == 0 ? [.. tasks]
            : throw (problems.Count == 1 ? problems[0] : new CleaveException(string.Join('\n', problems.Select(p => p.Message))));
    }

    // An encoder's tasks have heads of their own; what it was published with would be trained and stored for nothing.
    private static LanguageModel Trunk(LanguageModel model) =>
        model.Transformer.Spec.Bidirectional ? model with { Transformer = model.Transformer.WithoutHeads(), Heads = [] } : model;

    private TaskContext Load(TaskDefinition definition, LanguageModel baseModel, IProgress<ProgressReport>? progress)
    {
        if (baseModel.Transformer.Spec is { Bidirectional: true, Family: var family } && definition.Kind is TaskKind.Generate or TaskKind.LanguageModel)
        {
            throw new ProjectException(project.Path, [$"tasks.{definition.Name}.kind: '{ProjectReader.NameOf(definition.Kind)}' needs a base that continues texts, but {project.Base} is an encoder ({family}), "
                + $"which reads them only; use a decoder such as '{BaseModel.Starter}', or keep to classify and extract"]);
        }
        if (definition.Kind == TaskKind.LanguageModel && baseModel.Transformer.Encoder is not null)
        {
            throw new ProjectException(project.Path, [$"tasks.{definition.Name}.kind: 'language-model' needs a base that continues texts, but {project.Base} ({baseModel.Transformer.Spec.Family}) answers them; "
                + "make it a generate task, or use a decoder as the base"]);
        }
        progress?.Report(new ProgressReport($"{definition.Name}: read and clean", 0, 1, "data sets"));
        return new TaskContext(definition, TaskDataset.Load(definition.Source, project.Seed), baseModel);
    }

    // The monolith, its checkpoint with two moments, a module a trial and the release: a module is at most the monolith.
    private long EstimateDisk(LanguageModel model) => model.Parameters * 4 * (4 + 2 + project.Tasks.Sum(project.TrialsOf) / 4);

    private IReadOnlyList<MonolithPoint> MakeMonolith(SplitWorkspace work, TaskContext[] tasks, LanguageModel baseModel, string baseHash,
        IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        if (File.Exists(work.MonolithDone))
            return ReadCurve(work.MonolithDone);
        IReadOnlyList<MonolithPoint> curve = new MonolithBuilder(project, tasks).Build(baseModel, work.Monolith, work.Checkpoint, baseHash, progress, cancellation);
        WriteCurve(work.MonolithDone, curve);
        File.Delete(work.Checkpoint);
        return curve;
    }

    private TaskResult Split(TaskContext task, TaskSpace space, Monolith monolith, SplitWorkspace work, EnergyLedger ledger, EnergyMeter meter, IProgress<ProgressReport>? progress,
        CancellationToken cancellation)
    {
        StudyResult study = ledger.Measure(task.Name, () => new TaskStudy(project, task, space, monolith, work.Study(task.Name), ledger).Run(clock, progress, cancellation));
        TaskResult result = ledger.Measure($"{task.Name}/certificate", () => Certify(task, study, monolith, meter, progress, cancellation));
        return result with
        {
            Energy = ledger.OfTask(task.Name),
            TrialEnergy = study.Trials.Where(t => ledger.OfTrial(task.Name, t.Number) is not null).ToDictionary(t => t.Number, t => ledger.OfTrial(task.Name, t.Number)!.Value),
        };
    }

    private TaskResult Certify(TaskContext task, StudyResult study, Monolith monolith, EnergyMeter meter, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        progress?.Report(new ProgressReport($"{task.Name}: certify", 0, 1, "modules"));
        using ITaskModule module = ModuleFolder.Load(study.Folder)[0];
        (Certificate certificate, IReadOnlyList<Prediction> reference, IReadOnlyList<Prediction> candidate) =
            Certificate.Examine(task, monolith.View(task.Name), module, project.Seed, cancellation);
        progress?.Report(new ProgressReport($"{task.Name}: plain baselines", 0, 1, "baselines"));
        return new TaskResult
        {
            Task = task,
            Study = study,
            Certificate = certificate,
            MonolithPredictions = reference,
            ModulePredictions = candidate,
            Baselines = PlainBaselines.Measure(task, project.Seed),
            Monolith = new Footprint(Latency.Milliseconds(monolith.View(task.Name), task.Data.Test), monolith.WeightBytes, monolith.Parameters, ItemEnergy(monolith.View(task.Name), task, meter)),
            Module = new Footprint(Latency.Milliseconds(module, task.Data.Test), module.WeightBytes, module.Parameters, ItemEnergy(module, task, meter)),
        };
    }

    /// <summary>Of one test item alone, over as many as take a hundred times a counter's step of a millisecond.</summary>
    private static EnergyUse ItemEnergy(ITaskModule module, TaskContext task, EnergyMeter meter)
    {
        const int Milliseconds = 100;
        EnergyReading start = meter.Read();
        long begun = Stopwatch.GetTimestamp();
        int items = 0;
        do
            module.Predict([task.Data.Test[items++ % task.Data.Test.Count]]);
        while (Stopwatch.GetElapsedTime(begun).TotalMilliseconds < Milliseconds);
        return meter.Since(start).Each(items);
    }

    private static void WriteCurve(string path, IReadOnlyList<MonolithPoint> curve) => AtomicFile.WriteText(path, new JsonArray([.. curve.Select(p => (JsonNode)new JsonObject
    {
        ["step"] = p.Step,
        ["loss"] = new JsonObject(p.Loss.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value))),
    })]).ToJsonString());

    private static List<MonolithPoint> ReadCurve(string path)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. json.RootElement.EnumerateArray().Select(p => new MonolithPoint(p.GetProperty("step").GetInt32(),
            p.GetProperty("loss").EnumerateObject().ToDictionary(l => l.Name, l => l.Value.GetDouble(), StringComparer.Ordinal)))];
    }
}
