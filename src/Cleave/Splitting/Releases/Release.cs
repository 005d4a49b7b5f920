using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Json;
using Cleave.Registry;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Pipelines;

namespace Cleave.Splitting.Releases;

/// <summary>One answer of a release.</summary>
/// <param name="Task">The task that the request was taken for.</param>
/// <param name="Module">What answered: the task's module, or the monolith.</param>
/// <param name="RouteConfidence">The router's confidence; 1 where the task was given.</param>
/// <param name="Escalated">The module, or the router, was not sure enough, so the monolith answered.</param>
public sealed record Answer(string Task, TaskKind Kind, string Module, Prediction Prediction, double RouteConfidence, bool Escalated)
{
    /// <summary>How the router came to the task; null where the task was given.</summary>
    public RouteDecision? Decision { get; init; }

    /// <summary>The confidence of the task's module in its own answer; null where it was not asked.</summary>
    public double? ModuleConfidence { get; init; }

    /// <summary>Below this confidence the module hands over to the monolith.</summary>
    public double Threshold { get; init; }
}

/// <summary>
/// A release in use: the router finds the task, its module answers, and the monolith is asked when the module's confidence is
/// below the threshold of its certificate. Modules are loaded when they are first needed. Safe for use from several threads, one request at a
/// time unless whoever asks runs the modules.
/// </summary>
public sealed class Release : IDisposable
{
    private readonly string _folder;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (ITaskModule? Module, double Threshold)> _modules = new(StringComparer.Ordinal);
    private readonly Lazy<IReadOnlyList<ITaskModule>> _monolith;
    private readonly Lazy<(IClassifierModule Module, double Threshold)?> _router;

    private Release(string folder, ReleaseManifest manifest)
    {
        (_folder, Manifest) = (folder, manifest);
        _monolith = new Lazy<IReadOnlyList<ITaskModule>>(() => ModuleFolder.Load(Path.Combine(folder, ReleaseWriter.MonolithFolder)));
        _router = new Lazy<(IClassifierModule, double)?>(() => Directory.Exists(Path.Combine(folder, RouterBuilder.Name)) ? RouterBuilder.Load(Path.Combine(folder, RouterBuilder.Name)) : null);
        ModuleTask[] tasks = [.. ModuleFolder.Tasks(Path.Combine(folder, ReleaseWriter.MonolithFolder))];
        Tasks = [.. tasks.Select(t => t.Name)];
        Pipelines = PipelineFile.Read(folder, tasks.DistinctBy(t => t.Name).ToDictionary(t => t.Name, t => t.Kind, StringComparer.Ordinal));
    }

    public ReleaseManifest Manifest { get; }

    /// <summary>The tasks' names, in the project's order.</summary>
    public IReadOnlyList<string> Tasks { get; }

    /// <summary>Modules chained for one request, in the project's order; empty for most releases.</summary>
    public IReadOnlyList<PipelineDefinition> Pipelines { get; }

    /// <summary>The tasks that have a module of their own; the others are the monolith's.</summary>
    public IEnumerable<string> Modules => Tasks.Where(t => Directory.Exists(Path.Combine(_folder, ReleaseWriter.ModulesFolder, t)));

    /// <summary>Whether a folder is a release.</summary>
    public static bool IsRelease(string folder) => File.Exists(Path.Combine(folder, ReleaseWriter.ManifestName));

    /// <summary>Opens a release after checking every file's hash.</summary>
    /// <exception cref="CleaveException">Not a release, or a file is missing or changed.</exception>
    public static Release Open(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!IsRelease(folder))
            throw new CleaveException($"{folder}: not a release (no {ReleaseWriter.ManifestName}); make one with 'cleave split'");
        return new Release(folder, ReleaseManifest.Verify(folder));
    }

    /// <summary>The task of a text, and how sure the router is.</summary>
    public RouteDecision Route(string text)
    {
        lock (_lock)
        {
            if (_router.Value is not { } router)
                return new RouteDecision([(Tasks[0], 1)], 0);
            float[] logits = router.Module.Logits([new Example { Text = text }])[0];
            return new RouteDecision(ClassPredictions.Ranked(logits, router.Module.Labels, router.Module.Temperature), router.Threshold);
        }
    }

    /// <summary>Answers one request.</summary>
    /// <param name="task">Null: the router decides.</param>
    /// <exception cref="CleaveException">There is no such task.</exception>
    public Answer Answer(Example request, string? task, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return task is null ? AnswerRouted(request, Route(request.Text), cancellation) : Answer(request, task, null, cancellation);
    }

    /// <summary>Answers one request as the router decided; where it abstained, by the monolith.</summary>
    public Answer AnswerRouted(Example request, RouteDecision decision, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(decision);
        return Answer(request, decision.Task, decision, cancellation);
    }

    private Answer Answer(Example request, string task, RouteDecision? decision, CancellationToken cancellation)
    {
        lock (_lock)
            return Answer([request], task, (module, items) => module.Predict(items, cancellation), [decision])[0];
    }

    /// <summary>Answers requests to one task, with whatever runs its modules: several may be asked this at once.</summary>
    /// <param name="predict">One prediction an item, as <see cref="ITaskModule.Predict"/> gives them; called for a module and for those that it is unsure of once more.</param>
    /// <param name="decisions">What the router made of each request, where it was asked; where it abstained, the monolith answers.</param>
    /// <param name="atLeast">How sure the module has to be beyond what its certificate says; a lower one changes nothing.</param>
    /// <exception cref="CleaveException">There is no such task.</exception>
    public IReadOnlyList<Answer> Answer(IReadOnlyList<Example> requests, string task, Func<ITaskModule, IReadOnlyList<Example>, IReadOnlyList<Prediction>> predict,
        IReadOnlyList<RouteDecision?>? decisions = null, double atLeast = 0)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(predict);
        (ITaskModule? module, double certified) = Module(task);
        double threshold = Math.Max(certified, atLeast);
        var answers = new Answer?[requests.Count];
        var confidences = new double?[requests.Count];
        int[] asked = module is null ? [] : [.. Enumerable.Range(0, answers.Length).Where(i => !Abstains(i))];
        IReadOnlyList<Prediction> own = asked.Length > 0 ? predict(module!, [.. asked.Select(i => requests[i])]) : [];
        foreach ((int i, Prediction prediction) in asked.Zip(own))
        {
            confidences[i] = prediction.Confidence;
            if (prediction.Confidence >= threshold)
                answers[i] = Made(i, module!, task, prediction, escalated: false);
        }
        int[] open = [.. Enumerable.Range(0, answers.Length).Where(i => answers[i] is null)];
        if (open.Length > 0)
        {
            ITaskModule monolith = MonolithFor(task);
            foreach ((int i, Prediction prediction) in open.Zip(predict(monolith, [.. open.Select(i => requests[i])])))
                answers[i] = Made(i, monolith, ReleaseWriter.MonolithFolder, prediction, escalated: module is not null || Abstains(i));
        }
        return answers!;

        bool Abstains(int i) => decisions?[i] is { Abstains: true };

        Answer Made(int i, ITaskModule answering, string name, Prediction prediction, bool escalated) =>
            new(task, answering.Kind, name, prediction, decisions?[i]?.Confidence ?? 1, escalated) { Decision = decisions?[i], ModuleConfidence = confidences[i], Threshold = threshold };
    }

    /// <summary>The monolith as it answers for a task.</summary>
    public ITaskModule MonolithFor(string task) => _monolith.Value.FirstOrDefault(m => m.Task == task)
        ?? throw new CleaveException($"the release has no task '{task}'; it has {string.Join(", ", Tasks)}");

    /// <summary>A task's module with its escalation threshold; null where the monolith answers for it.</summary>
    public (ITaskModule? Module, double Threshold) Module(string task)
    {
        lock (_modules)
            return _modules.TryGetValue(task, out (ITaskModule?, double) loaded) ? loaded : _modules[task] = Load(task);
    }

    public void Dispose()
    {
        foreach ((ITaskModule? module, _) in _modules.Values)
            module?.Dispose();
        if (_monolith.IsValueCreated)
        {
            foreach (ITaskModule view in _monolith.Value)
                view.Dispose();
        }
        if (_router.IsValueCreated)
            _router.Value?.Module.Dispose();
    }

    private (ITaskModule? Module, double Threshold) Load(string task)
    {
        string folder = Path.Combine(_folder, ReleaseWriter.ModulesFolder, task);
        if (!Modules.Contains(task, StringComparer.Ordinal))
            return (null, 0);
        JsonCursor description = ModuleFolder.Describe(folder);
        return (ModuleFolder.Load(folder)[0], description["certificate"]["escalation"]["threshold"].Number());
    }
}
