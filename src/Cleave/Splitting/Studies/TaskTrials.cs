using System.Globalization;
using Cleave.Evaluation;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Tuning;

namespace Cleave.Splitting.Studies;

/// <summary>Runs trials of one task's study: a recipe in, a module in a folder and its figures out.</summary>
internal sealed class TaskTrials(SplitProject project, TaskContext task, TaskSpace space, Monolith monolith, string folder, EnergyLedger ledger, ValidationStandard standard)
{
    private CandidateBuilder? _builder;

    /// <summary>1 where a higher metric is better, else -1: studies maximize.</summary>
    public static double Sign(TaskContext task) => task.Definition.Metric.HigherIsBetter ? 1 : -1;

    /// <summary>
    /// Where a trial's module lies. Each attempt has a place of its own: a process that was taken for dead may still be writing.
    /// </summary>
    public static string CandidateFolder(string folder, int trial, int attempt) =>
        Path.Combine(folder, trial.ToString("000", CultureInfo.InvariantCulture) + (attempt > 1 ? string.Create(CultureInfo.InvariantCulture, $".{attempt}") : ""));

    public TrialOutcome Run(TrialRun run, CancellationToken cancellation) =>
        ledger.Measure(EnergyLedger.Trial(task.Name, run.Number), () => Make(run, cancellation));

    private TrialOutcome Make(TrialRun run, CancellationToken cancellation)
    {
        _builder ??= new CandidateBuilder(task, monolith, project.Seed, cancellation);
        Candidate? candidate;
        Recipe recipe = Recipe.From(run.Parameters, space.Scope.Training);
        double sign = Sign(task), line = standard.Line(cancellation);
        int reported = 0;
        // Students of different kinds train for different numbers of epochs: they are compared by the share of their training.
        bool Report(CandidatePoint point)
        {
            int eighth = SearchOptions.Steps * point.Epoch / recipe.Epochs;
            if (eighth <= reported)
                return true;
            reported = eighth;
            // What is good enough already goes on: it may be the cheapest.
            return !run.Report(eighth, sign * point.Quality) || sign * point.Quality >= line;
        }
        try
        {
            candidate = _builder.Build(recipe, CandidateFolder(folder, run.Number, run.Attempt), Report, cancellation);
        }
        catch (CleaveException e) when (e is not Tuning.Storage.LeaseLostException) // such as a loss that is not finite: this recipe fails, the study goes on
        {
            return TrialOutcome.Failed(e.Message);
        }
        if (candidate is null)
            return TrialOutcome.Stopped;
        using ITaskModule module = ModuleFolder.Load(candidate.Folder)[0];
        IReadOnlyList<Prediction> predictions = module.Predict(task.Data.Validation, cancellation);
        TrialOutcome outcome = TrialOutcome.Complete(sign * standard.QualityOf(predictions), candidate.CostNanoseconds, candidate.Bytes);
        return outcome.State == TrialState.Complete ? outcome.With(new TrialNote(standard.Headroom(predictions, cancellation), candidate.Curve).ToString()) : outcome;
    }
}
