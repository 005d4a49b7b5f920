using System.Diagnostics;
using Cleave.Data;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;

namespace Cleave.Serving;

/// <summary>
/// A release as one server: a request names a task, or <c>auto</c> for the router. Classifiers and extractors read the
/// last message of the user (for an extractor what the system says is the question); generators read the conversation
/// (<see cref="Dialogue"/>). One request at a time.
/// </summary>
public sealed class ReleaseHost : IModuleHost, IDisposable
{
    private readonly Release _release;
    private readonly Dictionary<ITaskModule, Generator> _generators = [];
    private readonly GrammarConstraints _constraints = new();
    private readonly Lock _gate = new();

    /// <summary>Loads every module, so that requests wait for none; the release stays the caller's.</summary>
    public ReleaseHost(Release release, DateTimeOffset created)
    {
        ArgumentNullException.ThrowIfNull(release);
        _release = release;
        Modules = [.. release.Tasks.Select(task =>
        {
            ITaskModule answering = Answering(task).Module;
            return new ServedModule(task, answering.Kind, created, (answering as TransformerModule)?.Model.Transformer.Spec.ContextLength);
        })];
    }

    public IReadOnlyList<ServedModule> Modules { get; }

    public bool CanRoute => true;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        lock (_gate)
        {
            long started = Stopwatch.GetTimestamp();
            bool routed = request.Module == ModuleRequest.Auto;
            RouteDecision? decision = routed ? _release.Route(request.Text) : null;
            string task = decision?.Task ?? request.Module;
            ServedModule served = Modules.FirstOrDefault(m => m.Name == task)
                ?? throw new UnknownModuleException(task, Modules.Select(m => m.Name).Append(ModuleRequest.Auto));
            bool abstains = decision is { Abstains: true };
            Route route = abstains ? Route.Escalated : routed ? Route.Router : Route.Named;
            (ITaskModule module, double threshold) = abstains ? (_release.MonolithFor(task), 0) : Answering(task);
            int tokens = CountTokens(module, request.Text, served);
            bool written = served.Kind is TaskKind.Generate or TaskKind.LanguageModel;
            // A module that may hand over to the monolith can only do so once its whole answer is known.
            bool mayEscalate = served.Kind == TaskKind.Generate && threshold > 0 && request is { Temperature: null or 0, MaxTokens: null, Stop: [], Grammar: null };
            RequestException.CheckGrammar(request);
            if (request.Grammar is not null && !written)
                throw new RequestException($"'{task}' gives {(served.Kind == TaskKind.Classify ? "labels" : "spans")}; a response format is for what writes text", "response_format", "unsupported_value");
            ModuleResult result = written && !mayEscalate
                ? Write(request, (TransformerModule)module, task, route, tokens, sink, cancellation)
                : Decide(request, served.Kind, task, decision, route, tokens, sink, cancellation);
            return result with { Compute = Stopwatch.GetElapsedTime(started) };
        }
    }

    public void Dispose()
    {
        foreach (Generator generator in _generators.Values)
            generator.Dispose();
    }

    private (ITaskModule Module, double Threshold) Answering(string task)
    {
        (ITaskModule? module, double threshold) = _release.Module(task);
        return module is null ? (_release.MonolithFor(task), 0) : (module, threshold);
    }

    // An answer that is there all at once; the release escalates where the module is not sure.
    private ModuleResult Decide(ModuleRequest request, TaskKind kind, string task, RouteDecision? decision, Route route, int tokens, IResultSink sink, CancellationToken cancellation)
    {
        var example = new Example
        {
            Text = kind == TaskKind.Generate && request.Prompt is null ? Dialogue.Of(request.Messages) : request.Text,
            Question = kind == TaskKind.Extract ? request.Messages.LastOrDefault(m => m.Role == ChatRole.System)?.Content : null,
        };
        Answer answer = decision is null ? _release.Answer(example, task, cancellation) : _release.AnswerRouted(example, decision, cancellation);
        var choice = new ModuleChoice(answer.Module, task, answer.Escalated ? Route.Escalated : route);
        string text = AnswerText.Of(answer, example.Text);
        sink.Chosen(choice);
        if (text.Length > 0)
            sink.Text(text);
        int made = kind == TaskKind.Generate && _release.MonolithFor(task) is TransformerModule m ? m.Model.Tokenizer.Encode(text).Length : 1;
        return new ModuleResult(choice, text, FinishReason.Stop, tokens, made, answer.Prediction.Confidence, TimeSpan.Zero);
    }

    // An answer that is made token by token.
    private ModuleResult Write(ModuleRequest request, TransformerModule module, string task, Route route, int tokens, IResultSink sink, CancellationToken cancellation)
    {
        if (!_generators.TryGetValue(module, out Generator? generator))
            _generators[module] = generator = new Generator(module.Model.Transformer);
        bool reply = module.Kind == TaskKind.Generate;
        int[] prompt = reply
            ? module.Encoder.Prompt(request.Prompt ?? Dialogue.Of(request.Messages))
            : [.. LanguageModelHost.Start(module.Model), .. module.Model.Tokenizer.Encode(request.Text)];
        SamplingOptions sampling = LanguageModelHost.Sampling(request, module.MaxNewTokens > 0 ? module.MaxNewTokens : 128);
        TokenConstraint? constraint = _constraints.Of(module.Model.Tokenizer, request.Grammar);
        generator.Limit(prompt.Length, sampling, constraint); // what is refused is refused before anything is said
        var choice = new ModuleChoice(ReferenceEquals(_release.Module(task).Module, module) ? task : ReleaseWriter.MonolithFolder, task, route);
        sink.Chosen(choice);
        GeneratedText made = TextGeneration.Run(generator, module.Model.Tokenizer, prompt, sampling, request.Stop, module.Encoder.IsEnd,
            trim: reply && request.Grammar is null, sink.Text, constraint, cancellation);
        return new ModuleResult(choice, made.Text, made.Finish, tokens, made.Tokens, null, TimeSpan.Zero);
    }

    private static int CountTokens(ITaskModule module, string text, ServedModule served)
    {
        int tokens = ModuleTokens.Count(module, text);
        return module is not TransformerModule transformer || tokens < transformer.Model.Transformer.Spec.ContextLength ? tokens : throw RequestException.TooLong(tokens, served);
    }
}
