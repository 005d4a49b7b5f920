using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Serving.Engine;
using Cleave.Serving.Feedback;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;

namespace Cleave.Serving;

/// <summary>
/// A release as one server: a request names a task, or <c>auto</c> for the router. Classifiers and extractors read the
/// last message of the user (for an extractor what the system says is the question); generators read the conversation
/// (<see cref="Dialogue"/>). Requests of several threads are answered together where they go to the same model; models take turns.
/// </summary>
public sealed class ReleaseHost : IModuleHost, IDisposable
{
    private readonly Release _release;
    private readonly ModuleRunners _runners;
    private readonly EnergyMeter _meter;
    private readonly EscalationControl? _control;

    /// <summary>Loads every module, so that requests wait for none; the release stays the caller's.</summary>
    public ReleaseHost(Release release, DateTimeOffset created, ServingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(release);
        options ??= new ServingOptions();
        (_release, _control) = (release, options.Escalation);
        Modules = [.. release.Tasks.Select(task =>
        {
            ITaskModule answering = Answering(task).Module;
            return new ServedModule(task, answering.Kind, created, (answering as TransformerModule)?.Model.Transformer.Spec.ContextLength);
        })];
        _meter = new EnergyMeter(options.Energy);
        foreach (ServedModule module in Modules)
            AtLeast(module.Name, module.Kind); // known to those who look, before the first request
        _runners = new ModuleRunners(options, _meter, Modules.Count(m => IsWriter(m.Kind)) + 1);
    }

    public IReadOnlyList<ServedModule> Modules { get; }

    public bool CanRoute => true;

    public string? Version => _release.Manifest.Hash;

    /// <summary>What the models that write have in hand.</summary>
    public EngineLoad Load => _runners.Load;

    public string? TaskOf(string text) => _release.Route(text) is { Abstains: false } decision ? decision.Task : null;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        cancellation.ThrowIfCancellationRequested();
        Question question = Find(request);
        if (IsWriter(question.Served.Kind) && !question.MayEscalate)
            return Write(question, sink, cancellation);
        ModuleResult result = Decide([question], cancellation)[0];
        sink.Chosen(result.Choice);
        if (result.Text.Length > 0)
            sink.Text(result.Text);
        return result;
    }

    public IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(requests);
        Question[] questions = [.. requests.Select(Find)];
        if (Array.Find(questions, q => IsWriter(q.Served.Kind)) is { } writer)
            throw new RequestException($"'{writer.Served.Name}' writes texts; only modules that classify or extract judge them", "model", "unsupported_value");
        var results = new ModuleResult[questions.Length];
        foreach (IGrouping<string, int> same in Enumerable.Range(0, questions.Length).GroupBy(i => questions[i].Served.Name, StringComparer.Ordinal))
        {
            foreach ((int i, ModuleResult result) in same.Zip(Decide([.. same.Select(i => questions[i])], cancellation)))
                results[i] = result;
        }
        return results;
    }

    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (Modules.FirstOrDefault(m => m.Name == module) is not { } served)
        {
            throw module == ModuleRequest.Auto ? new RequestException("vectors of different modules cannot be compared: name one", "model", "unsupported_value")
                : new UnknownModuleException(module, Modules.Select(m => m.Name));
        }
        if (Answering(served.Name).Module is not TransformerModule transformer)
            throw new RequestException($"'{module}' counts n-grams and has no embeddings", "model", "unsupported_value");
        TextEmbedder embedder = _runners.Embedder(transformer.Model, NameOf(transformer, module));
        return [.. texts.Select(t => embedder.Embed(t, cancellation))];
    }

    public void Dispose()
    {
        _runners.Dispose();
        _meter.Dispose();
    }

    private static bool IsWriter(TaskKind kind) => kind is TaskKind.Generate or TaskKind.LanguageModel;

    private (ITaskModule Module, double Threshold) Answering(string task)
    {
        (ITaskModule? module, double threshold) = _release.Module(task);
        return module is null ? (_release.MonolithFor(task), 0) : (module, threshold);
    }

    // How sure a module has to be by what was said of its answers. What writes without ever handing over has no confidence that could be compared.
    private double AtLeast(string task, TaskKind kind) => _control is not null && _release.Module(task) is { Module: not null, Threshold: var floor } && (!IsWriter(kind) || floor > 0)
        ? _control.Threshold(_release.Manifest.Hash, task, floor) : 0;

    // Who is asked, and whether it can be.
    private Question Find(ModuleRequest request)
    {
        bool routed = request.Module == ModuleRequest.Auto;
        RouteDecision? decision = routed ? _release.Route(request.Text) : null;
        string task = decision?.Task ?? request.Module;
        ServedModule served = Modules.FirstOrDefault(m => m.Name == task)
            ?? throw new UnknownModuleException(task, Modules.Select(m => m.Name).Append(ModuleRequest.Auto));
        bool abstains = decision is { Abstains: true };
        (ITaskModule module, double threshold) = abstains ? (_release.MonolithFor(task), 0) : Answering(task);
        int tokens = CountTokens(module, request.Text, served);
        RequestException.CheckGrammar(request);
        if (!IsWriter(served.Kind) && (request.Grammar is not null || request.LogProbabilities is not null))
        {
            throw new RequestException($"'{task}' gives {(served.Kind == TaskKind.Classify ? "labels" : "spans")}; a response format and scores of tokens are for what writes text",
                request.Grammar is not null ? "response_format" : "logprobs", "unsupported_value");
        }
        // A module that may hand over to the monolith can only do so once its whole answer is known.
        bool mayEscalate = served.Kind == TaskKind.Generate && threshold > 0
            && request is { Temperature: null or 0, MaxTokens: null, Stop: [], Grammar: null, LogProbabilities: null };
        return new Question(request, served, module, decision, abstains ? Route.Escalated : routed ? Route.Router : Route.Named, tokens, mayEscalate);
    }

    // Answers to questions of one task that are there all at once; the release escalates where the module is not sure.
    private ModuleResult[] Decide(IReadOnlyList<Question> questions, CancellationToken cancellation)
    {
        string task = questions[0].Served.Name;
        TaskKind kind = questions[0].Served.Kind;
        Example[] examples = [.. questions.Select(q => new Example
        {
            Text = kind == TaskKind.Generate && q.Request.Prompt is null ? Dialogue.Of(q.Request.Messages) : q.Request.Text,
            Question = kind == TaskKind.Extract ? q.Request.Messages.LastOrDefault(m => m.Role == ChatRole.System)?.Content : null,
        })];
        var costs = new List<PredictionCost>();
        IReadOnlyList<Answer> answers = _release.Answer(examples, task, (module, texts) =>
        {
            (IReadOnlyList<Prediction> predictions, PredictionCost cost) = _runners.Predict(module, NameOf(module, task), texts, cancellation);
            costs.Add(cost);
            return predictions;
        }, [.. questions.Select(q => q.Decision)], AtLeast(task, kind));
        TimeSpan waited = costs.Aggregate(TimeSpan.Zero, (sum, c) => sum + c.Waited), computed = costs.Aggregate(TimeSpan.Zero, (sum, c) => sum + c.Computed);
        EnergyUse each = EnergyUse.Sum(costs.Select(c => c.Energy)).Each(questions.Count);
        return [.. answers.Select((answer, i) =>
        {
            string text = AnswerText.Of(answer, examples[i].Text);
            int made = kind == TaskKind.Generate && _release.MonolithFor(task) is TransformerModule m ? m.Model.Tokenizer.Encode(text).Length : 1;
            var choice = new ModuleChoice(answer.Module, task, answer.Escalated ? Route.Escalated : questions[i].Route);
            return new ModuleResult(choice, text, FinishReason.Stop, questions[i].Tokens, made, answer.Prediction.Confidence, computed) { Waited = waited, Energy = each };
        })];
    }

    // An answer that is made token by token.
    private ModuleResult Write(Question question, IResultSink sink, CancellationToken cancellation)
    {
        var module = (TransformerModule)question.Module;
        ModuleRequest request = question.Request;
        string name = NameOf(module, question.Served.Name);
        bool reply = module.Kind == TaskKind.Generate;
        int[] prompt = reply
            ? module.Encoder.Prompt(request.Prompt ?? Dialogue.Of(request.Messages))
            : [.. LanguageModelHost.Start(module.Model), .. module.Model.Tokenizer.Encode(request.Text)];
        var task = new WritingTask(prompt, LanguageModelHost.Sampling(request, module.MaxNewTokens > 0 ? module.MaxNewTokens : 128), request.Stop,
            module.Encoder.IsEnd, Trim: reply && request.Grammar is null);
        return _runners.Writer(module.Model, name).Write(request, task, new ModuleChoice(name, question.Served.Name, question.Route), question.Tokens, sink, cancellation);
    }

    // Whose share of the processor a module's work is.
    private string NameOf(ITaskModule module, string task) => ReferenceEquals(_release.Module(task).Module, module) ? task : ReleaseWriter.MonolithFolder;

    private static int CountTokens(ITaskModule module, string text, ServedModule served)
    {
        int tokens = ModuleTokens.Count(module, text);
        return module is not TransformerModule transformer || tokens < transformer.Model.Transformer.Spec.ContextLength ? tokens : throw RequestException.TooLong(tokens, served);
    }

    private sealed record Question(ModuleRequest Request, ServedModule Served, ITaskModule Module, RouteDecision? Decision, Route Route, int Tokens, bool MayEscalate);
}
