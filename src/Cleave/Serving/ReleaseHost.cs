using System.Collections.Concurrent;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Serving.Allocation;
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
    private static long _hosts;

    private readonly Release _release;
    private readonly ModuleRunners _runners;
    private readonly EnergyMeter _meter;
    private readonly EscalationControl? _control;
    private readonly ServingAllocator? _ownAllocator;
    private readonly ModuleMemory _memory;
    private readonly string[] _names;
    private readonly long _number = Interlocked.Increment(ref _hosts);
    private readonly ConcurrentDictionary<(string Name, string Task), Reading> _reading = [];

    /// <summary>Loads every module once, so that requests wait for none that has room; the release stays the caller's.</summary>
    /// <exception cref="CapacityException">A module does not fit into the allocator's memory even alone.</exception>
    public ReleaseHost(Release release, DateTimeOffset created, ServingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(release);
        options ??= new ServingOptions();
        (_release, _control) = (release, options.Escalation);
        _meter = new EnergyMeter(options.Energy);
        _ownAllocator = options.Allocator is null ? new ServingAllocator(new AllocatorOptions { Weights = options.Weights }) : null;
        _memory = (options.Allocator ?? _ownAllocator!).Memory;
        _names = [.. release.Modules, ReleaseWriter.MonolithFolder];
        _runners = new ModuleRunners(options, options.Allocator ?? _ownAllocator!, _meter, WritersOf(release) + 1);
        try
        {
            foreach (string name in _names)
                _memory.Add(KeyOf(name), release.StoredBytes(name), () => LoadModule(name), () => UnloadModule(name));
            Modules = [.. release.Tasks.Select(task => new ServedModule(task, release.KindOf(task), created, ReadingOf(NameOf(task), task, CancellationToken.None).Context))];
            // What modules hand over to is there before the first of them does; under a limit it takes its turn as the others do.
            if (_memory.Limit is null && release.Modules.Any())
                ReadingOf(ReleaseWriter.MonolithFolder, release.Tasks[0], CancellationToken.None);
            foreach (ServedModule module in Modules)
                AtLeast(module.Name, module.Kind); // known to those who look, before the first request
        }
        catch
        {
            Dispose();
            throw;
        }
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
        Question question = Find(request, cancellation);
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
        Question[] questions = [.. requests.Select(r => Find(r, cancellation))];
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
        if (Modules.All(m => m.Name != module))
        {
            throw module == ModuleRequest.Auto ? new RequestException("vectors of different modules cannot be compared: name one", "model", "unsupported_value")
                : new UnknownModuleException(module, Modules.Select(m => m.Name));
        }
        string name = NameOf(module);
        using IDisposable held = _memory.Use(KeyOf(name), cancellation);
        if (_release.Find(name, module) is not TransformerModule transformer)
            throw new RequestException($"'{module}' counts n-grams and has no embeddings", "model", "unsupported_value");
        TextEmbedder embedder = _runners.Embedder(transformer.Model, name);
        return [.. texts.Select(t => embedder.Embed(t, cancellation))];
    }

    /// <summary>Tokens of a text as a task's module counts them; words where it reads words. Needs no weights.</summary>
    public int CountTokens(string task, string text) => ReadingOf(NameOf(task), task, CancellationToken.None).Count(text);

    public void Dispose()
    {
        foreach (string name in _names)
            _memory.Remove(KeyOf(name));
        _runners.Dispose();
        _ownAllocator?.Dispose();
        _meter.Dispose();
    }

    private static bool IsWriter(TaskKind kind) => kind is TaskKind.Generate or TaskKind.LanguageModel;

    private static int WritersOf(Release release) => release.Modules.Count(t => IsWriter(release.KindOf(t)));

    // Whose share of the processor a task's work is, and what is held in memory for it.
    private string NameOf(string task) => _release.ThresholdOf(task) is null ? ReleaseWriter.MonolithFolder : task;

    // Several hosts, of one release even, share a memory.
    private string KeyOf(string name) => $"{_number}/{name}";

    // The weights as they are in memory: those of matrices may be wider there than on the disk.
    private long LoadModule(string name)
    {
        ITaskModule[] views = name == ReleaseWriter.MonolithFolder ? [.. _release.Tasks.Select(_release.MonolithFor)] : [_release.Module(name).Module!];
        return views[0] is TransformerModule { Model.Transformer: var transformer }
            ? transformer.WeightBytes + views.Sum(v => v is TransformerModule { Beside: { } ngrams } ? ngrams.WeightBytes : 0) : views.Sum(v => v.WeightBytes);
    }

    private void UnloadModule(string name)
    {
        foreach (ITaskModule view in name == ReleaseWriter.MonolithFolder ? _release.Tasks.Select(_release.MonolithFor) : [_release.Module(name).Module!])
            _runners.Drop(view);
        _release.Unload(name);
        ThreadPool.QueueUserWorkItem(static _ => GC.Collect()); // weights go with a collection, which nothing else would cause soon
    }

    // How what answers for a task counts tokens, and how many it reads: it has to be in memory once to tell.
    private Reading ReadingOf(string name, string task, CancellationToken cancellation)
    {
        if (_reading.TryGetValue((name, task), out Reading? known))
            return known;
        using IDisposable held = _memory.Use(KeyOf(name), cancellation);
        ITaskModule module = _release.Find(name, task);
        return _reading[(name, task)] = new Reading(ModuleTokens.Counter(module), (module as TransformerModule)?.Model.Transformer.Spec.ContextLength);
    }

    // How sure a module has to be by what was said of its answers. What writes without ever handing over has no confidence that could be compared.
    private double AtLeast(string task, TaskKind kind) => _control is not null && _release.ThresholdOf(task) is { } floor && (!IsWriter(kind) || floor > 0)
        ? _control.Threshold(_release.Manifest.Hash, task, floor) : 0;

    // Who is asked, and whether it can be.
    private Question Find(ModuleRequest request, CancellationToken cancellation)
    {
        bool routed = request.Module == ModuleRequest.Auto;
        RouteDecision? decision = routed ? _release.Route(request.Text) : null;
        string task = decision?.Task ?? request.Module;
        ServedModule served = Modules.FirstOrDefault(m => m.Name == task)
            ?? throw new UnknownModuleException(task, Modules.Select(m => m.Name).Append(ModuleRequest.Auto));
        bool abstains = decision is { Abstains: true };
        (string name, double threshold) = abstains ? (ReleaseWriter.MonolithFolder, 0) : (NameOf(task), _release.ThresholdOf(task) ?? 0);
        int tokens = CountTokens(name, request, served, cancellation);
        RequestException.CheckGrammar(request);
        RequestException.CheckTools(request, $"'{task}' was made for one task and has no chat template, and so no form for tools");
        if (!IsWriter(served.Kind) && (request.Grammar is not null || request.LogProbabilities is not null))
        {
            throw new RequestException($"'{task}' gives {(served.Kind == TaskKind.Classify ? "labels" : "spans")}; a response format and scores of tokens are for what writes text",
                request.Grammar is not null ? "response_format" : "logprobs", "unsupported_value");
        }
        // A module that may hand over to the monolith can only do so once its whole answer is known.
        bool mayEscalate = served.Kind == TaskKind.Generate && threshold > 0
            && request is { Temperature: null or 0, MaxTokens: null, Stop: [], Grammar: null, LogProbabilities: null };
        return new Question(request, served, name, decision, abstains ? Route.Escalated : routed ? Route.Router : Route.Named, tokens, mayEscalate);
    }

    // Answers to questions of one task that are there all at once; the release escalates where the module is not sure.
    private ModuleResult[] Decide(IReadOnlyList<Question> questions, CancellationToken cancellation)
    {
        string task = questions[0].Served.Name;
        TaskKind kind = questions[0].Served.Kind;
        Example[] examples = [.. questions.Select(q => new Example
        {
            Text = TextOf(q.Request, kind),
            Question = QuestionOf(q.Request, kind),
        })];
        var costs = new List<PredictionCost>();
        IReadOnlyList<Answer> answers = _release.Answer(examples, task, (name, texts) =>
        {
            using IDisposable held = _memory.Use(KeyOf(name), cancellation);
            (IReadOnlyList<Prediction> predictions, PredictionCost cost) = _runners.Predict(_release.Find(name, task), name, texts, cancellation);
            costs.Add(cost);
            return predictions;
        }, [.. questions.Select(q => q.Decision)], AtLeast(task, kind));
        TimeSpan waited = costs.Aggregate(TimeSpan.Zero, (sum, c) => sum + c.Waited), computed = costs.Aggregate(TimeSpan.Zero, (sum, c) => sum + c.Computed);
        EnergyUse each = EnergyUse.Sum(costs.Select(c => c.Energy)).Each(questions.Count);
        return [.. answers.Select((answer, i) =>
        {
            string text = AnswerText.Of(answer, examples[i].Text);
            int made = kind == TaskKind.Generate ? ReadingOf(answer.Module, task, cancellation).Count(text) : 1;
            var choice = new ModuleChoice(answer.Module, task, answer.Escalated ? Route.Escalated : questions[i].Route);
            return new ModuleResult(choice, text, FinishReason.Stop, questions[i].Tokens, made, answer.Prediction.Confidence, computed) { Waited = waited, Energy = each };
        })];
    }

    // An answer that is made token by token.
    private ModuleResult Write(Question question, IResultSink sink, CancellationToken cancellation)
    {
        string name = question.Name;
        using IDisposable held = _memory.Use(KeyOf(name), cancellation);
        var module = (TransformerModule)_release.Find(name, question.Served.Name);
        ModuleRequest request = question.Request;
        bool reply = module.Kind == TaskKind.Generate;
        int[] prompt = reply
            ? module.Encoder.Prompt(TextOf(request, module.Kind))
            : [.. LanguageModelHost.Start(module.Model), .. module.Model.Tokenizer.Encode(request.Text)];
        var task = new WritingTask(prompt, LanguageModelHost.Sampling(request, module.MaxNewTokens > 0 ? module.MaxNewTokens : 128), request.Stop,
            module.Encoder.IsEnd, Trim: reply && request.Grammar is null);
        return _runners.Writer(module.Model, name).Write(request, task, new ModuleChoice(name, question.Served.Name, question.Route), question.Tokens, sink, cancellation);
    }

    // Of the texts themselves: tokens that a module puts around them are not the client's.
    private int CountTokens(string name, ModuleRequest request, ServedModule served, CancellationToken cancellation)
    {
        Reading reading = ReadingOf(name, served.Name, cancellation);
        int tokens = reading.Count(TextOf(request, served.Kind)) + (QuestionOf(request, served.Kind) is { } question ? reading.Count(question) : 0);
        return reading.Context is null || tokens < reading.Context ? tokens : throw RequestException.TooLong(tokens, served);
    }

    // What a module of a kind reads of a request: all turns where it replies, else the last one of the user.
    private static string TextOf(ModuleRequest request, TaskKind kind) => kind == TaskKind.Generate && request.Prompt is null ? Dialogue.Of(request.Messages) : request.Text;

    private static string? QuestionOf(ModuleRequest request, TaskKind kind) =>
        kind == TaskKind.Extract ? request.Messages.LastOrDefault(m => m.Role == ChatRole.System)?.Content : null;

    private sealed record Reading(Func<string, int> Count, int? Context);

    private sealed record Question(ModuleRequest Request, ServedModule Served, string Name, RouteDecision? Decision, Route Route, int Tokens, bool MayEscalate);
}
