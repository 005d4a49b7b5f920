using System.Globalization;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Proposing;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Tuning;
using Cleave.Tuning.Advice;
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
/// The search for one task's module: quality up, cost and bytes down. Trials are kept in a storage and their modules in
/// folders, so an interrupted study continues where it was.
/// </summary>
public sealed class TaskStudy(SplitProject project, TaskContext task, TaskSpace space, Monolith monolith, string folder, EnergyLedger ledger, IAdviceModel? advice = null)
{
    internal static readonly Direction[] Directions = [Direction.Maximize, Direction.Minimize, Direction.Minimize];

    private readonly SearchOptions _search = project.SearchOf(task.Definition);
    private readonly ValidationStandard _standard = new(project, task, monolith);

    /// <summary>How many trials it has in all.</summary>
    public int Limit => project.TrialsOf(task.Definition);

    /// <summary>The whole search by this process alone; a seed decides everything.</summary>
    public StudyResult Run(TimeProvider clock, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(clock);
        Directory.CreateDirectory(folder);
        string stage = $"{task.Name}: search";
        progress?.Report(new ProgressReport(stage, 0, Limit, "trials"));
        using var storage = JournalStudyStorage.Open(Path.Combine(folder, "study.journal"), Definition(""));
        using AdviceLog? log = IsAdvised ? AdviceLog.Open(Path.Combine(folder, AdviceLog.FileName), space.Space) : null;
        Study study = Begin(storage, "", log is null ? Sampler(_search.Sampler, cancellation) : Advised(log, cancellation));
        var trials = Trials();
        long started = clock.GetTimestamp();
        while (study.Trials.Count(t => t.IsFinished) < Limit)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_search.Minutes is { } minutes && clock.GetElapsedTime(started).TotalMinutes > minutes && study.Trials.Any(t => t.State == TrialState.Complete))
                break;
            int before = study.Trials.Count(t => t.IsFinished);
            study.Run(run => trials.Run(run, cancellation), before + 1, cancellation);
            if (study.Trials.Count(t => t.IsFinished) == before)
                break; // a grid ends
            Trial? best = study.Trials.Where(t => t.State == TrialState.Complete).MaxBy(t => t.Values[0]);
            progress?.Report(new ProgressReport(stage, study.Trials.Count(t => t.IsFinished), Limit, "trials",
                best is null ? null : string.Create(CultureInfo.InvariantCulture, $"best {task.Definition.Metric.Name} {TaskTrials.Sign(task) * best.Values[0]:0.000}")));
        }
        return Conclude(study, cancellation);
    }

    /// <summary>The study where several processes take its trials.</summary>
    /// <param name="storage">A shared one, for <see cref="Definition"/>.</param>
    /// <param name="worker">This process, for people.</param>
    /// <exception cref="CleaveException">The search has a limit in minutes, which is for one process.</exception>
    public Study Share(IStudyStorage storage, string worker)
    {
        if (_search.Minutes is not null)
            throw new CleaveException($"{project.Path}: search.minutes is for a split by one process; with several say how many trials");
        if (IsAdvised)
            throw new InvalidOperationException("a study that takes advice is for one process");
        return Begin(storage, worker, Sampler(_search.Sampler, CancellationToken.None));
    }

    /// <param name="suffix">Behind the name, where studies of several splits are in one place.</param>
    public StudyDefinition Definition(string suffix) => new($"{project.Name}/{task.Name}{suffix}", space.Space, Directions, task.Seed(project.Seed, "sampler"));

    /// <summary>What runs the study's trials.</summary>
    internal TaskTrials Trials() => new(project, task, space, monolith, folder, ledger, _standard);

    /// <summary>Chooses among the trials once they are there.</summary>
    public StudyResult Conclude(Study study, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(study);
        Trial chosen = Choose(study.Trials);
        return new StudyResult(study.Trials, study.Front, chosen, CandidateFolder(chosen), space, _standard.Quality(cancellation), MonolithCost(), TrialNote.Of(chosen).Curve);
    }

    private bool IsAdvised => _search.Sampler == AdvisorOptions.SamplerName;

    private AdvisorSampler Advised(AdviceLog log, CancellationToken cancellation)
    {
        if (advice is null || _search.Advisor is not { } options)
            throw new InvalidOperationException("the sampler 'advisor' needs a model");
        var advisor = new Advisor(advice, TaskBriefing.Of(task, space.Request), log, options.Timeout, TimeProvider.System);
        return new AdvisorSampler(advisor, Sampler(options.Sampler, cancellation), options.Share, cancellation);
    }

    /// <summary>
    /// A project's sampler by its name. <c>auto</c> knows what the study is for, the cheapest module that is sure of its certificate, and what each recipe
    /// will cost; only how sure it makes has to be learned. Its process looks at the trials that every search starts with.
    /// </summary>
    internal ISampler Sampler(string name, CancellationToken cancellation)
    {
        if (name != AutoSampler.SamplerName)
            return SamplerNames.Create(name, ProposerModel.Shipped);
        var price = new RecipePrice(task, task.Trunk(monolith.Model).Spec, HeadOutputs);
        return new GoalSampler(new StudyGoal(1, history => Missing(history, cancellation)),
            new GpSampler(new GpOptions { StartupTrials = 3, Noise = 0.02, Known = set => Math.Log(price.Of(Recipe.From(set, space.Scope.Training))) }));
    }

    // Of complete trials what their headroom lacks. What was stopped is taken to need as much beyond the margin as the complete ones on average.
    private double?[] Missing(IReadOnlyList<Trial> history, CancellationToken cancellation)
    {
        double line = _standard.Line(cancellation);
        double needed = line + history.Where(t => t.State == TrialState.Complete).Select(t => t.Values[0] - line - TrialNote.Of(t).Headroom).DefaultIfEmpty(0).Average();
        return [.. history.Select(t => t.State == TrialState.Complete ? -TrialNote.Of(t).Headroom
            : t.IsStopped && t.Steps.Count > 0 && double.IsFinite(t.Steps[^1].Value) ? needed - t.Steps[^1].Value : default(double?))];
    }

    /// <summary>The study of the task with what usually works to be tried first.</summary>
    internal Study Begin(IStudyStorage storage, string worker, ISampler sampler)
    {
        var study = new Study(storage, sampler, _search.Stopping.Create()) { Worker = worker };
        // What waits is run, whatever the limit of new trials.
        foreach (ParameterSet start in RecipeStarts.Of(space.Scope, space.Space, Allows).Take(Limit))
            study.Enqueue(start);
        return study;
    }

    /// <summary>
    /// Of the candidates within the budget that are sure of their certificate as far as validation can tell, the best among the
    /// cheapest: those that cost at most twice as much as the cheapest, because a little cost buys safety from a lucky
    /// candidate. Without one, the best of those within the budget; without one, the best.
    /// </summary>
    internal Trial Choose(IReadOnlyList<Trial> trials)
    {
        Trial[] complete = [.. trials.Where(t => t.State == TrialState.Complete).OrderBy(t => t.Values[1]).ThenBy(t => t.Number)];
        if (complete.Length == 0)
            throw new CleaveException($"{task.Name}: none of the {trials.Count} trials finished ({trials.Select(t => t.Note).FirstOrDefault(n => n is not null) ?? "all were stopped early"}); give the search more trials");
        double cost = MonolithCost();
        Trial[] affordable = [.. complete.Where(t => project.Budget.Allows(t.Values[1], t.Values[2], cost, monolith.WeightBytes))];
        Trial[] safe = [.. affordable.Where(t => TrialNote.Of(t).Headroom >= 0)];
        if (safe.Length > 0)
            return safe.TakeWhile(t => t.Values[1] <= 2 * safe[0].Values[1]).MaxBy(t => t.Values[0])!;
        return (affordable.Length > 0 ? affordable : complete).MaxBy(t => t.Values[0])!;
    }

    private bool Allows(TransformerSpec spec, WeightChoice weights) =>
        project.Budget.Allows(Cost(spec, weights), weights.BytesOf(spec), MonolithCost(), monolith.WeightBytes);

    private double Cost(TransformerSpec spec, WeightChoice weights) => CostModel.Transformer(spec, weights, task.MeanTokens - task.MeanGenerated,
        task.MeanGenerated, HeadOutputs, task.Kind);

    private int HeadOutputs => monolith.Model.Head(task.Name)?.Labels.Count ?? 0;

    private double MonolithCost()
    {
        double ns = Cost(task.Trunk(monolith.Model).Spec, WeightChoice.BF16);
        return monolith.View(task.Name).Beside is { } beside
            ? ns + CostModel.Bag(BagCost.Of(beside.Classifier, task.MeanTokens * 8)) : ns;
    }

    private string CandidateFolder(Trial trial) => TaskTrials.CandidateFolder(folder, trial.Number, trial.Attempt);
}
