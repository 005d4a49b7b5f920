using System.Globalization;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Numerics.Threading;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Report;
using Cleave.Splitting.Studies;
using Cleave.Tuning;

namespace Cleave.Splitting.Releases;

/// <summary>Turns a finished split into what its report shows.</summary>
public static class ReportBuilder
{
    private const int MostExamples = 12;

    public static ReportModel Build(SplitProject project, SplitOptions options, SplitResult split, IReadOnlyList<MonolithPoint> curve)
    {
        ArgumentNullException.ThrowIfNull(project);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(split);
        return new ReportModel
        {
            Project = project.Name,
            Base = project.Base,
            Seed = project.Seed,
            Command = options.Command,
            Machine = new ReportMachine(Processor(), Environment.ProcessorCount, ThreadTeam.Shared.Threads, split.Elapsed),
            ManifestHash = split.ManifestHash,
            Files = [.. split.Tasks.SelectMany(t => t.Task.Data.Report.Files).DistinctBy(f => f.Path).Select(f => new ReportFile(f.Path, f.Sha256, f.Rows))],
            Tasks = [.. split.Tasks.Select(t => Task(t, project, curve))],
            Totals = new ReportTotals(split.MonolithBytes, split.Tasks.Sum(t => t.Module.Bytes),
                split.Tasks.Sum(t => t.Monolith.Milliseconds) / Math.Max(1e-6, split.Tasks.Sum(t => t.Module.Milliseconds))),
            Router = split.Router is { } router ? new ReportRouter(Of(router.Accuracy), router.Accuracy.Items, split.RouterMicroseconds) : null,
            Warnings = [.. split.Tasks.SelectMany(Warnings)],
            Energy = split.Energy,
            Prices = project.Prices,
        };
    }

    private static IEnumerable<string> Warnings(TaskResult task)
    {
        if (!task.Certificate.Passed)
            yield return $"{task.Task.Name}: not certified; requests for it go to the monolith. {task.Certificate.Sentence}";
        foreach (string baseline in task.BetterBaselines)
            yield return $"{task.Task.Name}: {baseline} does better than the module on the same test items; prefer it, or give the search more trials.";
    }

    private static ReportTask Task(TaskResult result, SplitProject project, IReadOnlyList<MonolithPoint> curve)
    {
        TaskContext task = result.Task;
        return new ReportTask
        {
            Name = task.Name,
            Kind = ProjectReader.NameOf(task.Kind),
            Metric = task.Definition.Metric.Name,
            HigherIsBetter = task.Definition.Metric.HigherIsBetter,
            Margin = task.Definition.Margin,
            Monolith = Side(result, result.MonolithPredictions, result.Certificate.Monolith, result.Monolith, result.Study.MonolithQuality, result.Study.MonolithCost),
            Module = Side(result, result.ModulePredictions, result.Certificate.Module, result.Module,
                Quality(task, result.Study.Chosen), result.Study.Chosen.Values[1]),
            Certificate = Certified(result.Certificate),
            Energy = project.Prices is { } prices ? $"{result.Energy}, {prices.Show(result.Energy)}" : result.Energy.ToString(),
            Recipe = Recipe(result.Study.Chosen),
            RecipeText = RecipeText.Of(Recipes.Recipe.From(result.Study.Chosen.Parameters!, result.Study.Space.Scope.Training), result.Study.Space.Scope.Model),
            Baselines = [.. result.Baselines.Select(b => new ReportBaseline(b.Name, Of(b.Quality)))],
            Calibration = Calibrated(result),
            Escalation = new ReportEscalation(result.Certificate.Escalation.Threshold, result.Certificate.Escalation.Rate, new Estimate(result.Certificate.Escalation.Cascade)),
            Study = Study(result, project),
            Curves = [
                new LearningCurve("module", CurveRole.Module, "epoch", [.. result.Study.Curve.Select(p => new CurvePoint(p.Epoch, p.Loss, p.Quality))]),
                new LearningCurve("monolith", CurveRole.Monolith, "step", [.. curve.Where(p => p.Loss.ContainsKey(task.Name)).Select(p => new CurvePoint(p.Step, p.Loss[task.Name], null))]),
            ],
            Cleaning = Cleaning(task.Data.Report),
            Examples = [.. Examples(result)],
        };
    }

    private static ReportSide Side(TaskResult result, IReadOnlyList<Prediction> predictions, ConfidenceInterval quality, Footprint footprint, double studyQuality, double studyCost)
    {
        IReadOnlyList<Example> test = result.Task.Data.Test;
        ConfusionMatrix? matrix = result.Task.Kind == TaskKind.Classify ? ConfusionMatrix.Of(test, predictions) : null;
        return new ReportSide
        {
            Quality = Of(quality),
            Items = quality.Items,
            MillisecondsPerItem = footprint.Milliseconds,
            EnergyPerItem = footprint.Energy,
            Bytes = footprint.Bytes,
            Parameters = footprint.Parameters,
            StudyQuality = studyQuality,
            StudyNanoseconds = studyCost,
            Confusion = matrix is null ? null : new Confusion(matrix.Labels, [.. matrix.Labels.Select((_, e) => (IReadOnlyList<int>)[.. matrix.Labels.Select((_, p) => matrix[e, p])])]),
            Labels = result.Task.Kind == TaskKind.Extract ? [.. SpanScores(result.Task.Data.Labels, test, predictions)] : [],
        };
    }

    private static IEnumerable<LabelScore> SpanScores(IReadOnlyList<string> labels, IReadOnlyList<Example> test, IReadOnlyList<Prediction> predictions)
    {
        foreach (string label in labels)
        {
            int expected = 0, predicted = 0, right = 0;
            for (int i = 0; i < test.Count; i++)
            {
                TextSpan[] truth = [.. test[i].Spans.Where(s => s.Label == label)], found = [.. predictions[i].Spans.Where(s => s.Label == label)];
                expected += truth.Length;
                predicted += found.Length;
                right += truth.Intersect(found).Count();
            }
            double precision = predicted == 0 ? 0 : (double)right / predicted, recall = expected == 0 ? 0 : (double)right / expected;
            yield return new LabelScore(label, precision, recall, right == 0 ? 0 : 2 * precision * recall / (precision + recall), expected);
        }
    }

    private static ReportCalibration? Calibrated(TaskResult result)
    {
        if (result.Task.Kind != TaskKind.Classify)
            return null;
        Calibration calibration = Calibration.Of([.. result.ModulePredictions.Select(p => p.Confidence)],
            [.. result.ModulePredictions.Select((p, i) => p.Label == result.Task.Data.Test[i].Label)]);
        return new ReportCalibration(calibration.ExpectedError, [.. calibration.Bins.Where(b => b.Items > 0).Select(b => new Report.ReliabilityBin(b.Confidence, b.Accuracy, b.Items))]);
    }

    private static ReportStudy Study(TaskResult result, SplitProject project)
    {
        var front = result.Study.Front.Select(t => t.Number).ToHashSet();
        double sign = result.Task.Definition.Metric.HigherIsBetter ? 1 : -1;
        var history = new List<BestSoFar>();
        double best = double.NegativeInfinity;
        foreach (Trial trial in result.Study.Trials.Where(t => t.State == TrialState.Complete))
        {
            best = Math.Max(best, trial.Values[0]);
            history.Add(new BestSoFar(trial.Number, sign * best));
        }
        return new ReportStudy
        {
            Sampler = project.SearchOf(result.Task.Definition).Sampler,
            Space = [.. result.Study.Space.Space.Parameters.Select(p => new NamedValue(p.Name.Replace('_', ' '), Searched(p)))],
            History = history,
            Trials = [.. result.Study.Trials.Where(t => t.IsFinished).Select(t => new ReportTrial
            {
                Number = t.Number,
                State = t.State switch { TrialState.Complete => ReportTrialState.Complete, TrialState.Stopped => ReportTrialState.Stopped, _ => ReportTrialState.Failed },
                Recipe = Recipe(t),
                Quality = t.State == TrialState.Complete ? Quality(result.Task, t) : t.Steps.Count > 0 ? sign * t.Steps[^1].Value : null,
                NanosecondsPerItem = t.State == TrialState.Complete ? t.Values[1] : null,
                Bytes = t.State == TrialState.Complete ? (long)t.Values[2] : null,
                Energy = result.TrialEnergy.TryGetValue(t.Number, out EnergyUse energy) ? energy : null,
                OnFront = front.Contains(t.Number),
                Chosen = t.Number == result.Study.Chosen.Number,
                Note = t.State switch
                {
                    TrialState.Complete => Certainty(TrialNote.Of(t).Headroom),
                    TrialState.Stopped => "stopped early: behind the median of the trials before it",
                    _ => t.Note ?? "",
                },
            })],
        };
    }

    private static string Certainty(double headroom) => headroom >= 0
        ? string.Create(CultureInfo.InvariantCulture, $"sure of its certificate, {headroom:0.000} to spare")
        : string.Create(CultureInfo.InvariantCulture, $"{-headroom:0.000} short of being sure of its certificate");

    private static string Searched(Parameter parameter) => parameter.Describe()
        + string.Concat(parameter.When.Select(c => $"; where {c.Parent.Replace('_', ' ')} is {string.Join(" or ", c.Values)}"));

    private static double Quality(TaskContext task, Trial trial) => (task.Definition.Metric.HigherIsBetter ? 1 : -1) * trial.Values[0];

    private static IReadOnlyList<NamedValue> Recipe(Trial trial) =>
        [.. trial.Parameters!.Select(p => new NamedValue(p.Key.Replace('_', ' '), p.Value.IsNumber ? p.Value.AsDouble().ToString("0.####", CultureInfo.InvariantCulture) : p.Value.ToString()))];

    private static ReportCleaning Cleaning(CleaningReport report) => new(report.TrainRowsRead + report.TestRowsRead, report.Dropped.Sum(d => d.Count),
        report.TrainDuplicates + report.TestDuplicates, report.TrainAlsoInTest, report.ConflictingTexts, [.. report.Labels.Select(l => new Report.LabelCount(l.Label, l.Train))]);

    /// <summary>Items on which the two disagree first, then where both are wrong, then right ones.</summary>
    private static IEnumerable<ReportExample> Examples(TaskResult result)
    {
        TaskContext task = result.Task;
        ReportExample[] all = [.. task.Data.Test.Select((e, i) =>
        {
            Prediction monolith = result.MonolithPredictions[i], module = result.ModulePredictions[i];
            return new ReportExample(e.Text, Text(task, e), Text(task, monolith, e), Right(task, e, monolith), Text(task, module, e), Right(task, e, module));
        })];
        return all.Where(e => e.MonolithRight != e.ModuleRight).Take(MostExamples / 3)
            .Concat(all.Where(e => !e.MonolithRight && !e.ModuleRight).Take(MostExamples / 3))
            .Concat(all.Where(e => e.MonolithRight && e.ModuleRight)).Take(MostExamples);
    }

    private static bool Right(TaskContext task, Example example, Prediction prediction) => task.Kind switch
    {
        TaskKind.Classify => prediction.Label == example.Label,
        TaskKind.Extract => example.Spans.SequenceEqual(prediction.Spans),
        TaskKind.Generate => Metric.RougeL.Score([example], [prediction]).Value() >= 0.5,
        _ => true,
    };

    private static string Text(TaskContext task, Example example) => task.Kind switch
    {
        TaskKind.Classify => example.Label!,
        TaskKind.Extract => Spans(example.Text, example.Spans),
        TaskKind.Generate => example.Target!,
        _ => "",
    };

    private static string Text(TaskContext task, Prediction prediction, Example example) => task.Kind switch
    {
        TaskKind.Classify => prediction.Label ?? "",
        TaskKind.Extract => Spans(example.Text, prediction.Spans),
        _ => prediction.Text ?? "",
    };

    private static string Spans(string text, IReadOnlyList<TextSpan> spans) => spans.Count == 0 ? "(nothing)" : string.Join("; ", spans.Select(s => $"{s.Label}: {text[s.Start..s.End]}"));

    private static Estimate Of(ConfidenceInterval interval) => new(interval.Value, interval.Low, interval.High);

    private static string Processor()
    {
        const string Info = "/proc/cpuinfo";
        string? line = File.Exists(Info) ? File.ReadLines(Info).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }

    private static ReportCertificate Certified(Certificates.Certificate certificate) => new()
    {
        Method = certificate.Test.Method,
        Difference = certificate.Test.Difference,
        LowerBound = certificate.Test.LowerBound,
        Margin = certificate.Test.Margin,
        Confidence = certificate.Test.Confidence,
        PValue = certificate.Test.PValue,
        Items = certificate.Test.Items,
        Passed = certificate.Test.Passed,
        Sentence = certificate.Sentence,
    };
}
