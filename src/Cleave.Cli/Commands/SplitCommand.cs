using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Serving.Extensions;
using Cleave.Splitting;
using Cleave.Splitting.Certificates;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Releases;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Launch;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave split</c>: base + tasks → certified modules → a release.</summary>
internal static class SplitCommand
{
    private static readonly Argument<string> Project = new("PROJECT") { Description = "A folder with a cleave.yaml, or the file itself." };

    private static readonly Option<bool> PublishUncertified = new("--publish-uncertified")
    {
        Description = "Publish modules whose certificate failed, too; without it the monolith answers for such a task.",
    };

    private static readonly Option<bool> Join = new("--join")
    {
        Description = "Take trials of a split that another process leads with --launch or --storage: same project, and --out where both see it.",
    };

    public static Verb Create() => new Verb("split", "Split a base model into small modules, one a task, each proven not worse than the whole.")
    {
        Project, SharedOptions.Out, SharedOptions.Resume, SharedOptions.Force, PublishUncertified, StudyOptions.Storage, StudyOptions.Lease, Join, LaunchOptions.All, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave split samples/support-desk", "the sample, into samples/support-desk/release")
    .Example("cleave split samples/support-desk --resume", "continue after an interruption; the release is the same")
    .Example("cleave split my/project --out releases/1 --json", "the summary as JSON")
    .Example("cleave split my/project --launch local:4", "four processes take the trials; which modules come out then depends on who is faster")
    .Example("cleave split my/project --out /nfs/release --storage postgres://me@db.lan/studies --launch slurm:16", "sixteen machines, as a Slurm job array")
    .Example("cleave split my/project --out /nfs/release --storage postgres://me@db.lan/studies --join", "by hand on one more machine")
    .Runs(Run);

    private static int Run(Call call)
    {
        SplitProject project = ProjectReader.Load(call.Get(Project));
        string output = call.Get(SharedOptions.Out) ?? Path.Combine(project.Folder, "release");
        bool several = call.Given(LaunchOptions.Launch) || call.Given(StudyOptions.Storage) || call.Get(Join);
        if (several && project.Search.Sampler == AdvisorOptions.SamplerName)
            throw new CleaveException($"{project.Path}: 'search.sampler: advisor' is for a split by one process; with several take another sampler");
        if (!several && call.Given(StudyOptions.Lease))
            throw new CleaveException("--lease is for a split by several processes: give --launch or --storage");
        string? address = several ? StudyOptions.Address(call) ?? SplitWorkspace.SharedStudies(Path.GetFullPath(output)) : null;
        ILauncher? launcher = LaunchOptions.Create(call, project.Name, address, project.Folder, Path.GetFullPath(output) + ".logs", where => WorkerArguments(call, project, output, where));
        if (call.Get(LaunchOptions.DryRun))
            return LaunchOptions.Preview(call, launcher!);
        using IStudyCatalog? catalog = address is null ? null : StudyCatalogs.Open(address, StudyOptions.For(call) with { LeaseTime = StudyOptions.LeaseTime(call) });
        SplitSharing? sharing = catalog is null ? null : new SplitSharing(catalog, StudyOptions.WorkerName, launcher, call.Say);
        if (call.Get(Join))
            return Work(call, project, output, sharing!);
        string command = $"cleave split {call.Get(Project)}" + (call.Given(SharedOptions.Out) ? $" --out {output}" : "");
        using ChatAdviceModel? advice = project.Search.Sampler == AdvisorOptions.SamplerName ? ChatAdviceModel.Connect(project.Search.Advisor!, project.Folder) : null;
        var options = new SplitOptions(output, call.Resume, call.Force, command, call.Get(PublishUncertified)) { Advice = advice };
        SplitResult result;
        using (ProgressLine progress = call.Progress())
            result = new Splitter(project, options, TimeProvider.System) { Sharing = sharing }.Run(progress, call.Cancel);
        if (call.Json)
            call.WriteJson(w => WriteJson(w, result, project.Prices));
        else
            WriteTable(call.Out, result, project.Prices);
        return result.AllCertified ? Exit.Done : Exit.No;
    }

    private static int Work(Call call, SplitProject project, string output, SplitSharing sharing)
    {
        foreach (Option other in (Option[])[LaunchOptions.Launch, SharedOptions.Resume, SharedOptions.Force, PublishUncertified, StudyOptions.Lease])
        {
            if (call.Given(other))
                throw new CleaveException($"{other.Name} is for the process that leads the split, not for one that joins it");
        }
        int ended;
        using (ProgressLine progress = call.Progress())
            ended = new SplitWorker(project, output, sharing).Run(progress, call.Cancel);
        if (call.Json)
        {
            call.WriteJson(w =>
            {
                w.WriteStartObject();
                w.WriteNumber("trials", ended);
                w.WriteEndObject();
            });
        }
        else
        {
            call.Out.WriteLine($"{output}: {ended} trials here");
        }
        return Exit.Done;
    }

    private static IEnumerable<string> WorkerArguments(Call call, SplitProject project, string output, string where)
    {
        // The processes of one machine share its cores.
        int? threads = call.Given(SharedOptions.Threads) ? call.Get(SharedOptions.Threads)
            : where == "local" ? Math.Max(1, Environment.ProcessorCount / LaunchOptions.Asked(call)!.Value.Count) : null;
        return ["split", Path.GetFullPath(project.Path), "--join", "--out", Path.GetFullPath(output), .. threads is { } n ? (string[])["--threads", n.ToString(CultureInfo.InvariantCulture)] : []];
    }

    private static void WriteTable(TextWriter output, SplitResult result, PriceTable? prices)
    {
        var table = new TextTable("task", "metric", "monolith", "module", "bound", "certificate", "ms", "faster", "size", "smaller", "items");
        foreach (TaskResult task in result.Tasks)
        {
            NonInferiorityResult test = task.Certificate.Test;
            table.Row(task.Task.Name, test.MetricName, Show(task.Certificate.Monolith), Show(task.Certificate.Module),
                Number(Math.Round(test.LowerBound, 3) + 0.0, "+0.000;-0.000;0.000"), test.Passed ? "passed" : "FAILED", Number(task.Module.Milliseconds, "0.###"),
                Number(task.Monolith.Milliseconds / task.Module.Milliseconds, "0.0") + "x", Format.Bytes(task.Module.Bytes),
                Number((double)task.Monolith.Bytes / task.Module.Bytes, "0.0") + "x", Number(test.Items, "0"));
        }
        table.Write(output);
        output.WriteLine();
        foreach (TaskResult task in result.Tasks.Where(t => !t.Certificate.Passed))
            output.WriteLine($"{task.Task.Name} is not certified: {task.Certificate.Sentence}");
        foreach (TaskResult task in result.Tasks)
        {
            foreach (string baseline in task.BetterBaselines)
                output.WriteLine($"{task.Task.Name}: {baseline} does better than the module on the same items.");
        }
        foreach (TaskResult task in result.Tasks.Where(t => t.Certificate.Cascade is not null))
        {
            CascadeCheck cascade = task.Certificate.Cascade!;
            output.WriteLine($"{task.Task.Name}: {Number(100 * cascade.Rate, "0.0")}% go on to the monolith, {task.Certificate.Test.MetricName} {Number(cascade.Quality, "0.000")} together; shortfall an item {Number(cascade.Shortfall, "0.0000")}, at most {Number(task.Certificate.Escalation.Risk!.Value, "0.####")} expected");
        }
        if (result.Router is { } router)
            output.WriteLine($"router: accuracy {Show(router.Accuracy)} on {router.Accuracy.Items} texts, {Number(result.RouterMicroseconds, "0")} us a text, calibration error {Number(router.Calibration.ExpectedError, "0.000")}{Abstains(router)}");
        output.WriteLine($"release: {result.Folder} (manifest {result.ManifestHash[..16]}), {Number(result.Elapsed.TotalSeconds, "0")} s");
        output.WriteLine($"energy:  {EnergyFigures.Show(result.Energy, prices)}");
        output.WriteLine($"report:  {result.Report}");
    }

    private static string Abstains(RouterQuality router) => router.Abstention is not { } a ? ""
        : $"; it abstains from {Number(100 * a.Rate, "0.0")}% of them and is wrong about {Number(100 * a.Wrong, "0.0")}% (at most {Number(100 * a.Chosen.Risk, "0.##")}% expected)";

    private static void WriteRouter(Utf8JsonWriter w, RouterQuality router)
    {
        w.WriteStartObject("router");
        w.WriteNumber("accuracy", router.Accuracy.Value);
        w.WriteNumber("low", router.Accuracy.Low);
        w.WriteNumber("high", router.Accuracy.High);
        w.WriteNumber("items", router.Accuracy.Items);
        w.WriteNumber("calibration_error", router.Calibration.ExpectedError);
        if (router.Abstention is { } abstention)
        {
            w.WriteNumber("threshold", abstention.Chosen.Threshold);
            w.WriteNumber("risk", abstention.Chosen.Risk);
            w.WriteNumber("abstains", abstention.Rate);
            w.WriteNumber("wrong", abstention.Wrong);
        }
        w.WriteEndObject();
    }

    private static void WriteJson(Utf8JsonWriter w, SplitResult result, PriceTable? prices)
    {
        w.WriteStartObject();
        w.WriteString("name", result.Name);
        w.WriteString("release", result.Folder);
        w.WriteString("manifest_sha256", result.ManifestHash);
        w.WriteString("report", result.Report);
        w.WriteNumber("seconds", result.Elapsed.TotalSeconds);
        EnergyFigures.Write(w, result.Energy, prices);
        if (result.Router is { } router)
            WriteRouter(w, router);
        w.WriteStartArray("tasks");
        foreach (TaskResult task in result.Tasks)
            WriteTask(w, task, prices);
        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void WriteTask(Utf8JsonWriter w, TaskResult task, PriceTable? prices)
    {
        NonInferiorityResult test = task.Certificate.Test;
        w.WriteStartObject();
        w.WriteString("task", task.Task.Name);
        w.WriteString("metric", test.MetricName);
        EnergyFigures.Write(w, task.Energy, prices);
        WriteSide(w, "monolith", task.Certificate.Monolith, task.Monolith);
        WriteSide(w, "module", task.Certificate.Module, task.Module);
        w.WriteStartObject("certificate");
        w.WriteBoolean("passed", test.Passed);
        w.WriteString("method", test.Method);
        w.WriteNumber("difference", test.Difference);
        w.WriteNumber("lower_bound", test.LowerBound);
        w.WriteNumber("margin", test.Margin);
        w.WriteNumber("items", test.Items);
        if (task.Certificate is { Cascade: { } cascade, Escalation: var escalation })
        {
            w.WriteNumber("risk", escalation.Risk!.Value);
            w.WriteNumber("escalated", cascade.Rate);
            w.WriteNumber("shortfall", cascade.Shortfall);
            w.WriteNumber("with_monolith", cascade.Quality);
        }
        w.WriteEndObject();
        w.WritePropertyName("recipe");
        w.WriteRawValue(task.Study.Chosen.Parameters!.ToCanonicalText());
        w.WriteStartObject("baselines");
        foreach (Baseline baseline in task.Baselines)
            w.WriteNumber(baseline.Name, baseline.Quality.Value);
        w.WriteEndObject();
        w.WriteEndObject();
    }

    private static void WriteSide(Utf8JsonWriter w, string name, ConfidenceInterval quality, Footprint footprint)
    {
        w.WriteStartObject(name);
        w.WriteNumber("value", quality.Value);
        w.WriteNumber("low", quality.Low);
        w.WriteNumber("high", quality.High);
        w.WriteNumber("items", quality.Items);
        w.WriteNumber("ms", footprint.Milliseconds);
        w.WriteNumber("joules_per_item", footprint.Energy.Joules);
        w.WriteNumber("joules_per_item_uncertainty", footprint.Energy.Uncertainty);
        w.WriteNumber("weights_bytes", footprint.Bytes);
        w.WriteNumber("parameters", footprint.Parameters);
        w.WriteEndObject();
    }

    private static string Show(ConfidenceInterval interval) => string.Create(CultureInfo.InvariantCulture, $"{interval.Value:0.000} [{interval.Low:0.000}, {interval.High:0.000}]");

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
