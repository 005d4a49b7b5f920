using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Formats.Durable;
using Cleave.Tuning;
using Cleave.Tuning.Objectives;
using Cleave.Tuning.Report;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave tune</c>: a study of anything that runs.</summary>
internal static class TuneCommand
{
    private static readonly Argument<string> StudyPath = new("STUDY") { Description = "The study's file: space, sampler, directions and the command that answers." };

    private static readonly Option<int> Workers = new("--workers")
    {
        Description = "Processes of the command at once; with one, a seed decides everything.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<int?> Trials = new("--trials") { Description = "Trials in all, in place of the file's.", HelpName = "N" };

    public static Verb Create() => new Verb("tune", "Search for the parameters with which a command does best.")
    {
        StudyPath, Workers, Trials, SharedOptions.Out, SharedOptions.Resume, SharedOptions.Force, SharedOptions.Json,
    }
    .Example("cleave tune branin.yaml", "the study, its journal and its report into branin.study")
    .Example("cleave tune branin.yaml --resume --trials 200", "go on, after an interruption or with more trials")
    .Example("cleave tune train.yaml --workers 4 --json", "four processes at once; the result as JSON")
    .Runs(Run);

    private static int Run(Call call)
    {
        string path = call.Get(StudyPath);
        StudyFile file = StudyFile.Load(path);
        if (call.Given(Trials))
            file = file with { Trials = call.Get(Trials) is > 0 and int trials ? trials : throw new CleaveException("--trials must be at least 1") };
        int workers = call.Positive(Workers);
        string folder = call.Get(SharedOptions.Out) ?? Path.Combine(file.Folder, file.Definition.Name.Replace('/', '-') + ".study"), journal = Path.Combine(folder, "study.journal");
        if (File.Exists(journal) && !call.Resume && !call.Force)
            throw new CleaveException($"{journal}: a study is there; continue it with --resume, start over with --force, or choose another --out");
        Directory.CreateDirectory(folder);
        if (!call.Resume)
            File.Delete(journal);
        using var storage = JournalStudyStorage.Open(journal, file.Definition);
        var study = new Study(storage, SamplerNames.Create(file.Sampler), file.Pruner);
        StudyRun run;
        using (ProgressLine progress = call.Progress())
            run = new StudyRunner(file, study).Run(workers, progress, call.Cancel);
        string report = Path.Combine(folder, "report.html");
        AtomicFile.Write(report, s => StudyReport.Render(file.Definition, study.Trials, file.Sampler, s));
        if (call.Json)
            call.WriteJson(w => WriteJson(w, file, study, run, report));
        else
            WriteText(call.Out, study, report);
        return study.Front.Count > 0 ? Exit.Done : Exit.No;
    }

    private static void WriteText(TextWriter output, Study study, string report)
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
        output.WriteLine($"report: {report}");
    }

    private static void WriteJson(Utf8JsonWriter w, StudyFile file, Study study, StudyRun run, string report)
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
        w.WriteString("sampler", file.Sampler);
        w.WriteNumber("ms_per_trial", Math.Round(run.MillisecondsPerTrial, 4));
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
