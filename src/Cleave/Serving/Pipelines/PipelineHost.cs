using Cleave.Data;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Releases;

namespace Cleave.Serving.Pipelines;

/// <summary>
/// A host whose modules can also be asked together: a request names a pipeline as it names a module. What it says about sampling,
/// lengths, stop texts and a form is about the steps that write the answer; the others answer as they would by themselves.
/// </summary>
public sealed class PipelineHost : IModuleHost
{
    private readonly IModuleHost _host;
    private readonly IReadOnlyList<PipelineDefinition> _pipelines;
    private readonly Dictionary<string, TaskKind> _tasks;
    private readonly Func<string, string, int> _countTokens;
    private readonly TimeProvider _clock;

    /// <param name="host">Answers for every task of the pipelines; stays the caller's.</param>
    /// <param name="countTokens">Tokens of a text (the second) for a task's module (the first).</param>
    /// <exception cref="ArgumentException">A pipeline asks a task that the host does not have.</exception>
    public PipelineHost(IModuleHost host, IReadOnlyList<PipelineDefinition> pipelines, DateTimeOffset created, Func<string, string, int> countTokens, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(pipelines);
        ArgumentNullException.ThrowIfNull(countTokens);
        (_host, _pipelines, _countTokens, _clock) = (host, pipelines, countTokens, clock ?? TimeProvider.System);
        _tasks = host.Modules.ToDictionary(m => m.Name, m => m.Kind, StringComparer.Ordinal);
        if (pipelines.SelectMany(p => p.Steps).FirstOrDefault(s => s.Task is not null && !_tasks.ContainsKey(s.Task)) is { } stray)
            throw new ArgumentException($"step '{stray.Name}' asks '{stray.Task}', which the host does not have", nameof(pipelines));
        Modules = [.. host.Modules, .. pipelines.Select(p => new ServedModule(p.Name, KindOf(p), created, null) { IsPipeline = true })];
    }

    public IReadOnlyList<ServedModule> Modules { get; }

    public bool CanRoute => _host.CanRoute;

    public string? Version => _host.Version;

    public string? TaskOf(string text) => _host.TaskOf(text);

    /// <summary>A release's host with the release's pipelines, or the host itself where it has none.</summary>
    public static IModuleHost Of(Release release, ReleaseHost host, DateTimeOffset created)
    {
        ArgumentNullException.ThrowIfNull(release);
        ArgumentNullException.ThrowIfNull(host);
        if (release.Pipelines.Count == 0)
            return host;
        return new PipelineHost(host, release.Pipelines, created, host.CountTokens);
    }

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        if (Find(request) is not { } pipeline)
            return _host.Run(request, sink, cancellation);
        if (request.Grammar is not null && !PipelineRun.Writers(pipeline, _tasks).Any(w => w.Name == pipeline.Output.Only?.Step))
            throw new RequestException($"the answer of '{pipeline.Name}' is not one step's own writing; a response format is for what writes text", "response_format", "unsupported_value");
        if (request.LogProbabilities is not null)
            throw new RequestException($"'{pipeline.Name}' is a pipeline, whose answer is put together; scores of tokens are for what one model writes", "logprobs", "unsupported_value");
        RequestException.CheckTools(request, $"'{pipeline.Name}' is a pipeline; tools are for a model with a chat template");
        var runner = new StepRunner(pipeline, _host, _countTokens, request, _clock);
        return new PipelineRun(pipeline, _tasks, runner, sink, cancellation).Run(_clock.GetTimestamp(), _clock);
    }

    public IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(requests);
        // The steps of a pipeline ask one text at a time.
        return requests.Any(r => Find(r) is not null) ? [.. requests.Select(r => Run(r, Silence.Sink, cancellation))] : _host.Judge(requests, cancellation);
    }

    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation) => _host.Embed(module, texts, cancellation);

    // The pipeline that a request names; null for a module, or the router.
    private PipelineDefinition? Find(ModuleRequest request) =>
        _pipelines.FirstOrDefault(p => p.Name == request.Module) is { } pipeline ? pipeline
            : request.Module == ModuleRequest.Auto || _tasks.ContainsKey(request.Module) ? null
            : throw new UnknownModuleException(request.Module, Modules.Select(m => m.Name).Concat(CanRoute ? [ModuleRequest.Auto] : []));

    // What the answer is like: one step's own, or a text.
    private TaskKind KindOf(PipelineDefinition pipeline) =>
        pipeline.Output.Only is { Label: null } only && pipeline.Find(only.Step)?.Task is { } task ? _tasks[task] : TaskKind.Generate;
}
