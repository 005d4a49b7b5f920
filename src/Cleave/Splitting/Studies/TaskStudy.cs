using System.Globalization;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Splitting.Studies;

/// <summary>What a study found.</summary>
/// <param name="Trials">All trials, finished or stopped.</param>
/// <param name="Chosen">The trial whose module is to be certified.</param>
/// <param name="Folder">That module.</param>
/// <param name="Space">What was searched.</param>
/// <param name="MonolithQuality">On the validation items, for comparison.</param>
/// <param name="MonolithCost">By the cost model, in nanoseconds an item.</param>
public sealed record StudyResult(IReadOnlyList<Trial> Trials, IReadOnlyList<Trial> Front, Trial Chosen, string Folder, TaskSpace Space, double MonolithQuality, double MonolithCost,
    IReadOnlyList<CandidatePoint> Curve);

/// <summary>
/// The search for one task's module: quality up, cost and bytes down. Trials are kept in a journal and their modules in
/// folders, so an interrupted study continues where it was.
/// </summary>
public sealed class TaskStudy(SplitProject project, TaskContext task, TaskSpace space, Monolith monolith, string folder, EnergyLedger ledger)
{

    private static readonly Direction[] Directions = [Direction.Maximize, Direction.Minimize, Direction.Minimize];

    public StudyResult Run(TimeProvider clock, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        string stage = $"{task.Name}: search";
        int trials = project.TrialsOf(task.Definition);
        progress?.Report(new ProgressReport(stage, 0, trials, "trials"));
        var definition = new StudyDefinition($"{project.Name}/{task.Name}", space.Space, Directions, task.Seed(project.Seed, "sampler"));
        using var storage = JournalStudyStorage.Open(Path.Combine(folder, "study.journal"), definition);
        SearchOptions search = project.SearchOf(task.Definition);
        var study = new Study(storage, SamplerNames.Create(search.Sampler), search.Stopping.Create());
        foreach (ParameterSet start in RecipeStarts.Of(space.Scope, space.Space, Allows))
            study.Enqueue(start);
        IReadOnlyList<Prediction> reference = monolith.View(task.Name).Predict(task.Data.Validation, cancellation);
        double sign = task.Definition.Metric.HigherIsBetter ? 1 : -1;
        var builder = new CandidateBuilder(task, monolith, project.Seed, cancellation);
        long started = clock.GetTimestamp();
        while (study.Trials.Count(t => t.IsFinished) < trials)
        {
            cancellation.ThrowIfCancellationRequested();
            if (search.Minutes is { } minutes && clock.GetElapsedTime(started).TotalMinutes > minutes && study.Trials.Any(t => t.State == TrialState.Complete))
                break;
            int before = study.Trials.Count(t => t.IsFinished);
            study.Run(run => ledger.Measure(EnergyLedger.Trial(task.Name, run.Number), () => RunTrial(run, builder, sign, cancellation)), before + 1, cancellation);
            if (study.Trials.Count(t => t.IsFinished) == before)
                break; // a grid ends
            Trial? best = study.Trials.Where(t => t.State == TrialState.Complete).MaxBy(t => t.Values[0]);
            progress?.Report(new ProgressReport(stage, study.Trials.Count(t => t.IsFinished), trials, "trials",
                best is null ? null : string.Create(CultureInfo.InvariantCulture, $"best {task.Definition.Metric.Name} {sign * best.Values[0]:0.000}")));
        }
        Trial chosen = Choose(study, reference, cancellation);
        double monolithQuality = task.Definition.Metric.Score(task.Data.Validation, reference).Value();
        return new StudyResult(study.Trials, study.Front, chosen, CandidateFolder(chosen.Number), space, monolithQuality, MonolithCost(), ReadCurve(chosen));
    }

    private TrialOutcome RunTrial(TrialRun run, CandidateBuilder builder, double sign, CancellationToken cancellation)
    {
        Candidate? candidate;
        Recipe recipe = Recipe.From(run.Parameters, space.Scope.Training);
        int reported = 0;
        // Students of different kinds train for different numbers of epochs: they are compared by the share of their training.
        bool Report(CandidatePoint point)
        {
            int eighth = SearchOptions.Steps * point.Epoch / recipe.Epochs;
            if (eighth <= reported)
                return true;
            reported = eighth;
            return !run.Report(eighth, sign * point.Quality);
        }
        try
        {
            candidate = builder.Build(recipe, CandidateFolder(run.Number), Report, cancellation);
        }
        catch (CleaveException e) // such as a loss that is not finite: this recipe fails, the study goes on
        {
            return TrialOutcome.Failed(e.Message);
        }
        if (candidate is null)
            return TrialOutcome.Stopped;
        using ITaskModule module = ModuleFolder.Load(candidate.Folder)[0];
        double quality = task.Definition.Metric.Score(task.Data.Validation, module.Predict(task.Data.Validation, cancellation)).Value();
        return TrialOutcome.Complete(sign * quality, candidate.CostNanoseconds, candidate.Bytes)
            .With(string.Join(' ', candidate.Curve.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Epoch}:{c.Loss:R}:{c.Quality:R}"))));
    }

    /// <summary>
    /// Of the candidates within the budget that will pass the certificate as far as validation can tell, the best among the
    /// cheapest: those that cost at most twice as much as the cheapest, because a little cost buys safety from a lucky
    /// candidate. Without one, the best of those within the budget; without one, the best.
    /// </summary>
    private Trial Choose(Study study, IReadOnlyList<Prediction> reference, CancellationToken cancellation)
    {
        Trial[] complete = [.. study.Trials.Where(t => t.State == TrialState.Complete).OrderBy(t => t.Values[1]).ThenBy(t => t.Number)];
        if (complete.Length == 0)
            throw new CleaveException($"{task.Name}: none of the {study.Trials.Count} trials finished ({study.Trials.Select(t => t.Note).FirstOrDefault(n => n is not null) ?? "all were stopped early"}); give the search more trials");
        double cost = MonolithCost();
        Trial[] affordable = [.. complete.Where(t => project.Budget.Allows(t.Values[1], t.Values[2], cost, monolith.WeightBytes))];
        var passing = new List<Trial>();
        foreach (Trial trial in affordable.TakeWhile(t => passing.Count == 0 || t.Values[1] <= 2 * passing[0].Values[1]))
        {
            if (IsSafe(trial, reference, cancellation))
                passing.Add(trial);
        }
        if (passing.Count > 0)
            return passing.MaxBy(t => t.Values[0])!;
        return (affordable.Length > 0 ? affordable : complete).MaxBy(t => t.Values[0])!;
    }

    /// <summary>
    /// Whether the certificate will be passed, with 95% probability by what the validation items show: their difference is
    /// itself uncertain, and so will be that on the test items, the less the more of these there are.
    /// </summary>
    private bool IsSafe(Trial trial, IReadOnlyList<Prediction> reference, CancellationToken cancellation)
    {
        const double Z = 1.645; // one-sided 95%
        using ITaskModule module = ModuleFolder.Load(CandidateFolder(trial.Number))[0];
        NonInferiorityResult test = NonInferiority.Test(task.Definition.Metric, task.Data.Validation, reference,
            module.Predict(task.Data.Validation, cancellation), task.Definition.Margin, seed: task.Seed(project.Seed, "validation test"));
        double deviation = (test.Difference - test.LowerBound) / Z;
        double onTest = deviation * Math.Sqrt((double)task.Data.Validation.Count / task.Data.Test.Count);
        return test.Difference + test.Margin >= Z * (onTest + Math.Sqrt(deviation * deviation + onTest * onTest));
    }

    private bool Allows(TransformerSpec spec, WeightChoice weights) =>
        project.Budget.Allows(Cost(spec, weights), weights.BytesOf(spec), MonolithCost(), monolith.WeightBytes);

    private double Cost(TransformerSpec spec, WeightChoice weights) => CostModel.Transformer(spec, weights, task.MeanTokens - task.MeanGenerated,
        task.MeanGenerated, monolith.Model.Head(task.Name)?.Labels.Count ?? 0, task.Kind);

    private double MonolithCost()
    {
        double ns = Cost(task.Trunk(monolith.Model).Spec, WeightChoice.BF16);
        return monolith.View(task.Name).Beside is { } beside
            ? ns + CostModel.Bag(BagCost.Of(beside.Classifier, task.MeanTokens * 8)) : ns;
    }

    private string CandidateFolder(int trial) => Path.Combine(folder, trial.ToString("000", CultureInfo.InvariantCulture));

    private static List<CandidatePoint> ReadCurve(Trial trial) => [.. (trial.Note ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split(':'))
        .Select(p => new CandidatePoint(int.Parse(p[0], CultureInfo.InvariantCulture), double.Parse(p[1], CultureInfo.InvariantCulture), double.Parse(p[2], CultureInfo.InvariantCulture)))];
}
