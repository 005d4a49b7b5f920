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
using Cleave.Tuning.Advice;

namespace Cleave.Splitting;

/// <summary>How a split is run, beside what the project says.</summary>
/// <param name="Output">The release's folder.</param>
/// <param name="Command">The command line, for the report.</param>
/// <param name="PublishUncertified">Publish modules whose certificate failed, too.</param>
public sealed record SplitOptions(string Output, bool Resume, bool Force, string Command, bool PublishUncertified)
{
    /// <summary>The model of the project's advisor; needed where the project's sampler is <see cref="AdvisorOptions.SamplerName"/>.</summary>
    public IAdviceModel? Advice { get; init; }
}

/// <summary>
/// The main job: base and tasks in, certified modules out. Data is cleaned, the monolith fine-tuned, a study run for each
/// task, its choice examined on test items that no trial saw, and the release written in one move.
/// </summary>
public sealed class Splitter(SplitProject project, SplitOptions options, TimeProvider clock)
{
    /// <summary>Where several processes take the trials; null: this one alone, and then a seed decides everything.</summary>
    public SplitSharing? Sharing { get; init; }

    public SplitResult Run(IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        long started = clock.GetTimestamp();
        using var meter = new EnergyMeter(EnergyOptions.FromEnvironment(project.Energy), clock);
        EnergyReading begun = meter.Read();
        CheckOutput();
        var inputs = SplitInputs.Load(project, progress);
        string content = SplitWorkspace.Content(project, inputs);
        using SplitWorkspace work = SplitWorkspace.Open(options.Output, SplitWorkspace.Fingerprint(content), content, Sharing is not null, options.Resume, options.Force);
        DiskSpace.Require(work.Folder, EstimateDisk(inputs.Base));
        var ledger = new EnergyLedger(work.Folder, meter, begun);
        try
        {
            IReadOnlyList<MonolithPoint> curve = ledger.Measure("monolith", () => MakeMonolith(work, inputs, progress, cancellation));
            using Monolith monolith = Monolith.Load(work.Monolith, project.Monolith);
            TaskStudy[] studies = [.. inputs.Tasks.Zip(inputs.Spaces, (t, s) => new TaskStudy(project, t, s, monolith, work.Study(t.Name), ledger, options.Advice))];
            using SharedSearch? shared = Sharing is null ? null : SharedSearch.Create(Sharing, work, studies);
            shared?.Start(progress, cancellation);
            TaskResult[] results = [.. inputs.Tasks.Zip(studies, (task, study) =>
            {
                StudyResult found = ledger.Measure(task.Name, () => shared?.Result(study, progress, cancellation) ?? study.Run(clock, progress, cancellation));
                return ledger.Measure($"{task.Name}/certificate", () => Certify(task, found, monolith, meter, progress, cancellation));
            })];
            ledger.AddWorkers();
            KeepAdvice(work);
            progress?.Report(new ProgressReport("write the release", 0, 1, "releases"));
            var writer = new ReleaseWriter(project, inputs.BaseHash, options);
            SplitResult result = writer.Write([.. results.Select(r => WithEnergy(r, ledger))], monolith, curve, () => (clock.GetElapsedTime(started), ledger.Total()), work);
            shared?.Finish();
            return result;
        }
        catch (OperationCanceledException)
        {
            ledger.Interrupted();
            throw;
        }
    }

    /// <summary>What an advisor was asked and said, beside the release: the state that holds it goes.</summary>
    private void KeepAdvice(SplitWorkspace work)
    {
        foreach (string task in project.Tasks.Select(t => t.Name))
        {
            string log = Path.Combine(work.Study(task), AdviceLog.FileName);
            if (File.Exists(log))
                AtomicFile.WriteBytes(Path.Combine(Path.TrimEndingDirectorySeparator(options.Output) + ".advice", task + ".jsonl"), File.ReadAllBytes(log));
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

    // The monolith, its checkpoint with two moments, a module a trial and the release: a module is at most the monolith.
    private long EstimateDisk(LanguageModel model) => model.Parameters * 4 * (4 + 2 + project.Tasks.Sum(project.TrialsOf) / 4);

    private IReadOnlyList<MonolithPoint> MakeMonolith(SplitWorkspace work, SplitInputs inputs, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        if (File.Exists(work.MonolithDone))
            return ReadCurve(work.MonolithDone);
        IReadOnlyList<MonolithPoint> curve = new MonolithBuilder(project, inputs.Tasks).Build(inputs.Base, work.Monolith, work.Checkpoint, inputs.BaseHash, progress, cancellation);
        WriteCurve(work.MonolithDone, curve);
        File.Delete(work.Checkpoint);
        return curve;
    }

    private static TaskResult WithEnergy(TaskResult result, EnergyLedger ledger) => result with
    {
        Energy = ledger.OfTask(result.Task.Name),
        TrialEnergy = result.Study.Trials.Select(t => (t.Number, Use: ledger.OfTrial(result.Task.Name, t.Number))).Where(t => t.Use is not null).ToDictionary(t => t.Number, t => t.Use!.Value),
    };

    private TaskResult Certify(TaskContext task, StudyResult study, Monolith monolith, EnergyMeter meter, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        progress?.Report(new ProgressReport($"{task.Name}: certify", 0, 1, "modules"));
        using ITaskModule module = ModuleFolder.Load(study.Folder)[0];
        (Certificate certificate, IReadOnlyList<Prediction> reference, IReadOnlyList<Prediction> candidate) =
            Certificate.Examine(task, monolith.View(task.Name), module, project.Seed, project.Routing.Risk, cancellation);
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
