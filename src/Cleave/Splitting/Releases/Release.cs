using Cleave.Data;
using Cleave.Evaluation;
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
    private readonly bool _monolithOnly;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ITaskModule> _modules = new(StringComparer.Ordinal);
    private readonly HashSet<string> _loaded = new(StringComparer.Ordinal); // at any time
    private readonly DateTime _opened;
    private readonly Dictionary<string, double?> _thresholds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TaskKind> _kinds;
    private readonly Lock _monolithLock = new();
    private IReadOnlyList<ITaskModule>? _monolith;
    private readonly Lazy<(IClassifierModule Module, double Threshold)?> _router;

    private Release(string folder, ReleaseManifest manifest, DateTime opened, bool monolithOnly)
    {
        (_folder, Manifest, _opened, _monolithOnly) = (folder, manifest, opened, monolithOnly);
        _router = new Lazy<(IClassifierModule, double)?>(() => Directory.Exists(Path.Combine(folder, RouterBuilder.Name)) ? RouterBuilder.Load(Path.Combine(folder, RouterBuilder.Name)) : null);
        ModuleTask[] tasks = [.. ModuleFolder.Tasks(Path.Combine(folder, ReleaseWriter.MonolithFolder))];
        Tasks = [.. tasks.Select(t => t.Name)];
        _kinds = tasks.DistinctBy(t => t.Name).ToDictionary(t => t.Name, t => t.Kind, StringComparer.Ordinal);
        Pipelines = PipelineFile.Read(folder, _kinds);
    }

    public ReleaseManifest Manifest { get; }

    /// <summary>The tasks' names, in the project's order.</summary>
    public IReadOnlyList<string> Tasks { get; }

    /// <summary>Modules chained for one request, in the project's order; empty for most releases.</summary>
    public IReadOnlyList<PipelineDefinition> Pipelines { get; }

    /// <summary>The tasks that have a module of their own; the others are the monolith's.</summary>
    public IEnumerable<string> Modules => Tasks.Where(t => !_monolithOnly && Directory.Exists(Path.Combine(_folder, ReleaseWriter.ModulesFolder, t)));

    /// <summary>Whether a folder is a release.</summary>
    public static bool IsRelease(string folder) => File.Exists(Path.Combine(folder, ReleaseWriter.ManifestName));

    /// <summary>Opens a release after checking every file's hash.</summary>
    /// <param name="monolithOnly">The monolith answers for every task, as if no module had been made: what the modules are compared with.</param>
    /// <exception cref="CleaveException">Not a release, or a file is missing or changed.</exception>
    public static Release Open(string folder, bool monolithOnly = false)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!IsRelease(folder))
            throw new CleaveException($"{folder}: not a release (no {ReleaseWriter.ManifestName}); make one with 'cleave split'");
        DateTime now = DateTime.UtcNow;
        return new Release(folder, ReleaseManifest.Verify(folder), now, monolithOnly);
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
            return Answer([request], task, (name, items) => Find(name, task).Predict(items, cancellation), [decision])[0];
    }

    /// <summary>Answers requests to one task, with whatever runs its modules: several may be asked this at once.</summary>
    /// <param name="predict">
    /// One prediction an item, as <see cref="ITaskModule.Predict"/> of what <see cref="Find"/> gives for the name; called for a module and, with those that it
    /// is unsure of, once more for the monolith.
    /// </param>
    /// <param name="decisions">What the router made of each request, where it was asked; where it abstained, the monolith answers.</param>
    /// <param name="atLeast">How sure the module has to be beyond what its certificate says; a lower one changes nothing.</param>
    /// <exception cref="CleaveException">There is no such task.</exception>
    public IReadOnlyList<Answer> Answer(IReadOnlyList<Example> requests, string task, Func<string, IReadOnlyList<Example>, IReadOnlyList<Prediction>> predict,
        IReadOnlyList<RouteDecision?>? decisions = null, double atLeast = 0)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(predict);
        double? own = ThresholdOf(task);
        double threshold = Math.Max(own ?? 0, atLeast);
        var answers = new Answer?[requests.Count];
        var confidences = new double?[requests.Count];
        int[] asked = own is null ? [] : [.. Enumerable.Range(0, answers.Length).Where(i => !Abstains(i))];
        IReadOnlyList<Prediction> given = asked.Length > 0 ? predict(task, [.. asked.Select(i => requests[i])]) : [];
        foreach ((int i, Prediction prediction) in asked.Zip(given))
        {
            confidences[i] = prediction.Confidence;
            if (prediction.Confidence >= threshold)
                answers[i] = Made(i, task, prediction, escalated: false);
        }
        int[] open = [.. Enumerable.Range(0, answers.Length).Where(i => answers[i] is null)];
        if (open.Length > 0)
        {
            foreach ((int i, Prediction prediction) in open.Zip(predict(ReleaseWriter.MonolithFolder, [.. open.Select(i => requests[i])])))
                answers[i] = Made(i, ReleaseWriter.MonolithFolder, prediction, escalated: own is not null || Abstains(i));
        }
        return answers!;

        bool Abstains(int i) => decisions?[i] is { Abstains: true };

        Answer Made(int i, string name, Prediction prediction, bool escalated) =>
            new(task, _kinds[task], name, prediction, decisions?[i]?.Confidence ?? 1, escalated) { Decision = decisions?[i], ModuleConfidence = confidences[i], Threshold = threshold };
    }

    /// <summary>The monolith as it answers for a task.</summary>
    public ITaskModule MonolithFor(string task) => Monolith.FirstOrDefault(m => m.Task == task) ?? throw Unknown(task);

    /// <summary>A task's module with its escalation threshold; null where the monolith answers for it.</summary>
    public (ITaskModule? Module, double Threshold) Module(string task)
    {
        if (ThresholdOf(task) is not { } threshold)
            return (null, 0);
        lock (_modules)
            return (_modules.TryGetValue(task, out ITaskModule? loaded) ? loaded : _modules[task] = Load(task)[0], threshold);
    }

    /// <summary>Below this confidence a task's module hands over to the monolith; null where the monolith answers for the task. Loads no weights.</summary>
    public double? ThresholdOf(string task)
    {
        lock (_thresholds)
        {
            return _thresholds.TryGetValue(task, out double? known) ? known
                : _thresholds[task] = Modules.Contains(task, StringComparer.Ordinal) ? ModuleFolder.Describe(FolderOf(task))["certificate"]["escalation"]["threshold"].Number() : null;
        }
    }

    /// <exception cref="CleaveException">There is no such task.</exception>
    public TaskKind KindOf(string task) => _kinds.TryGetValue(task, out TaskKind kind) ? kind : throw Unknown(task);

    /// <summary>A task's own module by the task's name, or the monolith by its own, as it answers for a task.</summary>
    /// <exception cref="CleaveException">There is no such task, or it has no module.</exception>
    public ITaskModule Find(string name, string task) =>
        name == ReleaseWriter.MonolithFolder ? MonolithFor(task) : Module(name).Module ?? throw Unknown(task);

    /// <summary>What a name of <see cref="Find"/> takes on the disk.</summary>
    public long StoredBytes(string name) =>
        new DirectoryInfo(FolderOf(name)).EnumerateFiles("*", SearchOption.AllDirectories).Where(f => f.Extension is ".safetensors" or ".gguf").Sum(f => f.Length);

    /// <summary>Takes what a name of <see cref="Find"/> stands for out of memory, if it is there; nobody may use it any more. Asked for again, it is loaded again.</summary>
    public void Unload(string name)
    {
        IReadOnlyList<ITaskModule> gone = [];
        if (name == ReleaseWriter.MonolithFolder)
        {
            lock (_monolithLock)
                (gone, _monolith) = (_monolith ?? [], null);
        }
        else
        {
            lock (_modules)
            {
                if (_modules.Remove(name, out ITaskModule? module))
                    gone = [module];
            }
        }
        foreach (ITaskModule module in gone)
            module.Dispose();
    }

    public void Dispose()
    {
        foreach (ITaskModule module in _modules.Values)
            module.Dispose();
        foreach (ITaskModule view in _monolith ?? [])
            view.Dispose();
        if (_router.IsValueCreated)
            _router.Value?.Module.Dispose();
    }

    private IReadOnlyList<ITaskModule> Monolith
    {
        get
        {
            lock (_monolithLock)
                return _monolith ??= Load(ReleaseWriter.MonolithFolder);
        }
    }

    // Hashes were checked when the release was opened. What is read again, or was written since, may be something else by now.
    private IReadOnlyList<ITaskModule> Load(string name)
    {
        string folder = FolderOf(name);
        bool isFirst;
        lock (_loaded)
            isFirst = _loaded.Add(name);
        if (!isFirst || !Directory.Exists(folder) || new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Any(f => f.LastWriteTimeUtc >= _opened))
            Manifest.Check(_folder, Path.GetRelativePath(_folder, folder).Replace(Path.DirectorySeparatorChar, '/'));
        return ModuleFolder.Load(folder);
    }

    private string FolderOf(string name) => name == ReleaseWriter.MonolithFolder ? Path.Combine(_folder, name) : Path.Combine(_folder, ReleaseWriter.ModulesFolder, name);

    private CleaveException Unknown(string task) => new($"the release has no task '{task}'; it has {string.Join(", ", Tasks)}");
}
