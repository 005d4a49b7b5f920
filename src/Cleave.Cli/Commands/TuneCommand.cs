using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Formats.Durable;
using Cleave.Proposing;
using Cleave.Serving.Extensions;
using Cleave.Tuning;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Artifacts;
using Cleave.Tuning.Launch;
using Cleave.Tuning.Objectives;
using Cleave.Tuning.Report;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave tune</c>: a study of anything that runs.</summary>
internal static class TuneCommand
{
    private static readonly Argument<string> StudyPath = new("STUDY") { Description = "The study's file: space, sampler, directions and the command that answers." };

    private static readonly Option<int?> Trials = new("--trials") { Description = "Trials in all, in place of the file's.", HelpName = "N" };

    public static Verb Create() => new Verb("tune", "Search for the parameters with which a command does best.")
    {
        StudyPath, StudyOptions.Workers, Trials, StudyOptions.Storage, StudyOptions.Lease, StudyOptions.Artifacts,
        LaunchOptions.All,
        SharedOptions.Out, SharedOptions.Resume, SharedOptions.Force, SharedOptions.Json,
    }
    .Example("cleave tune branin.yaml", "the study, its journal and its report into branin.study")
    .Example("cleave tune branin.yaml --resume --trials 200", "go on, after an interruption or with more trials")
    .Example("cleave tune train.yaml --workers 4 --json", "four processes at once; the result as JSON")
    .Example("cleave tune train.yaml --storage postgres://me@db.lan/studies", "a study that workers on any machine may join")
    .Example("cleave tune train.yaml --storage postgres://me@db.lan/studies --launch slurm:16 --sbatch=--partition=long", "sixteen workers as a job array")
    .Runs(Run);

    private static int Run(Call call)
    {
        StudyFile file = StudyFile.Load(call.Get(StudyPath));
        if (call.Given(Trials))
            file = file with { Plan = file.Plan with { Trials = call.Get(Trials) is > 0 and int trials ? trials : throw new CleaveException("--trials must be at least 1") } };
        int workers = call.Positive(StudyOptions.Workers);
        string folder = call.Get(SharedOptions.Out) ?? Path.Combine(file.Folder, file.Definition.Name.Replace('/', '-') + ".study");
        // One process has the folder's study to itself, launched workers share it; a shared one stays shared.
        string? address = StudyOptions.Address(call) ?? (call.Given(LaunchOptions.Launch) || JournalStudyStorage.IsShared(Journal(folder, file)) ? Path.GetFullPath(folder) : null);
        if (file.Plan.Sampler == AdvisorOptions.SamplerName && address is not null)
            throw new CleaveException($"{call.Get(StudyPath)}: 'sampler: advisor' is for a study that one process has to itself: the record of its advice is in the study's folder (leave out --storage and --launch, or take another sampler)");
        ILauncher? launcher = LaunchOptions.Create(call, file.Definition.Name, address, file.Folder, folder, where => Arguments(call, file, where));
        if (call.Get(LaunchOptions.DryRun))
            return LaunchOptions.Preview(call, launcher!);
        using IArtifactStore? artifacts = StudyOptions.ArtifactStore(call);
        using ChatAdviceModel? model = file.Plan.Sampler == AdvisorOptions.SamplerName ? ChatAdviceModel.Connect(file.Advisor!, file.Folder) : null;
        using IStudyStorage storage = address is null ? Alone(call, file, folder) : Shared(call, file, address);
        using AdviceLog? advice = model is null ? null : AdviceLog.Open(Path.Combine(folder, AdviceLog.FileName), storage.Definition.Space);
        var study = new Study(storage, Sampler(call, file, model, advice), file.Plan.Stopping.Create()) { Worker = StudyOptions.WorkerName };
        foreach (ParameterSet start in file.Start)
            study.Enqueue(start);
        StudyRun? run = null;
        using (ProgressLine progress = call.Progress())
        {
            if (launcher is not null)
                Follow(call, study, file.Plan, launcher, progress);
            else
                run = new StudyRunner(study, file.Plan, file.Folder) { Artifacts = artifacts, Say = call.Say }.Run(workers, progress, call.Cancel);
        }
        Directory.CreateDirectory(folder);
        string report = Path.Combine(folder, "report.html");
        AtomicFile.Write(report, s => StudyReport.Render(file.Definition, study.Trials, file.Plan.Sampler, s));
        AdviceAudit? audit = advice is null ? null : AdviceAudit.Of(study.Definition, advice.Exchanges, study.Trials);
        if (call.Json)
            call.WriteJson(w => WriteJson(w, file, study, run, report, audit));
        else
            WriteText(call.Out, study, report, audit);
        return study.Front.Count > 0 ? Exit.Done : Exit.No;
    }

    private static ISampler Sampler(Call call, StudyFile file, ChatAdviceModel? model, AdviceLog? log)
    {
        if (model is null || log is null)
            return SamplerNames.Create(file.Plan.Sampler, ProposerModel.Shipped);
        AdvisorOptions options = file.Advisor!;
        var briefing = new AdviceBriefing($"{file.Definition.Name}: the parameters with which a command does best", null, file.Request);
        return new AdvisorSampler(new Advisor(model, briefing, log, options.Timeout, TimeProvider.System), SamplerNames.Create(options.Sampler, ProposerModel.Shipped), options.Share, call.Cancel);
    }

    private static IEnumerable<string> Arguments(Call call, StudyFile file, string where)
    {
        yield return "worker";
        yield return "--study";
        yield return file.Definition.Name;
        if (call.Given(StudyOptions.Workers))
        {
            yield return "--workers";
            yield return call.Positive(StudyOptions.Workers).ToString(CultureInfo.InvariantCulture);
        }
        if (where != "kubernetes")
        {
            yield return "--folder";
            yield return file.Folder;
        }
        if (call.Get(StudyOptions.Artifacts) is { } artifacts)
        {
            yield return "--artifacts";
            yield return ArtifactStores.Absolute(artifacts);
        }
    }

    private static void Follow(Call call, Study study, StudyPlan plan, ILauncher launcher, ProgressLine progress)
    {
        using ILaunchedWorkers workers = launcher.Launch();
        call.Say($"{study.Definition.Name}: started {workers.Description}; logs: {workers.Logs}");
        StudyFollower.Follow(study, plan.Trials, workers, progress, call.Cancel);
    }

    /// <summary>The study in a journal of its own, which this process has to itself.</summary>
    private static JournalStudyStorage Alone(Call call, StudyFile file, string folder)
    {
        if (call.Given(StudyOptions.Lease))
            throw new CleaveException("--lease is for shared studies: give --storage");
        string journal = Journal(folder, file);
        if (call.Resume && !File.Exists(journal))
            call.Say($"{journal}: nothing there to continue; a new study begins");
        if (File.Exists(journal) && !call.Resume && !call.Force)
            throw new CleaveException($"{journal}: a study is there; continue it with --resume, start over with --force, or choose another --out");
        Directory.CreateDirectory(folder);
        if (!call.Resume && File.Exists(journal))
        {
            JournalStudyStorage.Delete(journal);
            File.Delete(Path.Combine(folder, AdviceLog.FileName)); // of the study that is started over
        }
        return JournalStudyStorage.Open(journal, file.Definition);
    }

    private static string Journal(string folder, StudyFile file) => JournalStudyStorage.FileOf(folder, file.Definition.Name);

    /// <summary>The study where other processes find it.</summary>
    private static IStudyStorage Shared(Call call, StudyFile file, string address)
    {
        using IStudyCatalog catalog = StudyCatalogs.Open(address, StudyOptions.For(call) with { LeaseTime = StudyOptions.LeaseTime(call) });
        string name = file.Definition.Name;
        if (!call.Resume && catalog.Names().Contains(name))
        {
            if (!call.Force)
                throw new CleaveException($"{catalog.Place}: a study {name} is there; continue it with --resume, start over with --force, or give it another name");
            catalog.Delete(name);
        }
        IStudyStorage storage = catalog.Create(file.Definition);
        storage.Configure(file.Plan.ToSettings(App.Version));
        return storage;
    }

    private static void WriteText(TextWriter output, Study study, string report, AdviceAudit? audit)
    {
        IReadOnlyList<Trial> trials = study.Trials;
        string[] names = [.. study.Definition.Space.Parameters.Select(p => p.Name)];
        var table = new TextTable(["trial", .. study.Definition.Directions.Select((_, o) => study.Definition.Directions.Count == 1 ? "value" : $"value {o + 1}"), .. names]);
        foreach (Trial trial in study.Definition.Directions.Count > 1 ? study.Front : study.Best is { } best ? [best] : [])
        {
            table.Row([Number(trial.Number), .. trial.Values.Select(Number),
                .. names.Select(n => trial.Parameters!.TryGet(n, out ParameterValue v) ? v.IsNumber ? Number(v.AsDouble()) : v.ToString() : "")]);
        }
        table.Write(output);
        output.WriteLine();
        output.WriteLine($"trials: {trials.Count(t => t.State == TrialState.Complete)} complete, {trials.Count(t => t.IsStopped)} stopped early, {trials.Count(t => t.State == TrialState.Failed)} failed");
        foreach (IGrouping<string?, Trial> reason in trials.Where(t => t.State == TrialState.Failed).GroupBy(t => t.Note).OrderByDescending(g => g.Count()).Take(3))
            output.WriteLine($"  {reason.Count()} x {reason.Key}");
        if (audit is not null)
            output.WriteLine($"advice: {audit}");
        output.WriteLine($"report: {report}");
    }

    private static void WriteJson(Utf8JsonWriter w, StudyFile file, Study study, StudyRun? run, string report, AdviceAudit? audit)
    {
        IReadOnlyList<Trial> trials = study.Trials;
        bool several = study.Definition.Directions.Count > 1;
        w.WriteStartObject();
        w.WritePropertyName("best");
        if (!several && study.Best is { } best)
            WriteTrial(w, best, several);
        else
            w.WriteNullValue();
        if (several)
        {
            w.WriteStartArray("front");
            foreach (Trial trial in study.Front)
                WriteTrial(w, trial, several);
            w.WriteEndArray();
        }
        w.WriteNumber("trials", trials.Count(t => t.IsFinished));
        w.WriteNumber("complete", trials.Count(t => t.State == TrialState.Complete));
        w.WriteNumber("stopped", trials.Count(t => t.IsStopped));
        w.WriteNumber("failed", trials.Count(t => t.State == TrialState.Failed));
        w.WriteString("sampler", file.Plan.Sampler);
        if (audit is not null)
        {
            w.WritePropertyName("advice");
            w.WriteRawValue(audit.ToJson().ToJsonString());
        }
        if (run is not null)
            w.WriteNumber("ms_per_trial", Math.Round(run.MillisecondsPerTrial, 4)); // of this process: others choose their trials themselves
        w.WriteStartArray("history");
        foreach (Trial trial in trials.Where(t => t.IsFinished))
        {
            if (trial.Values.Count == 0)
                w.WriteNullValue();
            else
                WriteValues(w, trial, several);
        }
        w.WriteEndArray();
        w.WriteString("report", report);
        w.WriteEndObject();
    }

    private static void WriteTrial(Utf8JsonWriter w, Trial trial, bool several)
    {
        w.WriteStartObject();
        w.WriteNumber("trial", trial.Number);
        w.WritePropertyName("params");
        w.WriteRawValue(trial.Parameters!.ToJson().ToJsonString());
        w.WritePropertyName(several ? "values" : "value");
        WriteValues(w, trial, several);
        w.WriteEndObject();
    }

    private static void WriteValues(Utf8JsonWriter w, Trial trial, bool several)
    {
        if (!several)
        {
            w.WriteNumberValue(trial.Values[0]);
            return;
        }
        w.WriteStartArray();
        foreach (double value in trial.Values)
            w.WriteNumberValue(value);
        w.WriteEndArray();
    }

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
