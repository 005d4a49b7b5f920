using Cleave.Data;
using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Serving.Engine;
using Cleave.Serving.Tools;
using Cleave.Training.Adapters;

namespace Cleave.Serving;

/// <summary>
/// One plain language model, without router, and adapters on it that are modules of their own. It continues prompts; a conversation is put to it as
/// <see cref="ChatPrompt"/> says. Requests of several threads are computed together, whichever adapters they name.
/// </summary>
public sealed class LanguageModelHost : IModuleHost, IDisposable
{
    private readonly LanguageModel _model;
    private readonly WritingModel _writer;
    private readonly TextEmbedder _embedder;
    private readonly ServedModule[] _modules; // the model itself, then the adapters by number
    private readonly EnergyMeter _meter;

    /// <param name="adapters">Of this model; their names are modules.</param>
    public LanguageModelHost(LanguageModel model, string name, DateTimeOffset created, ServingOptions? options = null, AdapterBank? adapters = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ServingOptions();
        model.Transformer.RequireContinuation();
        _model = model;
        _modules = [.. ((string[])[name, .. adapters?.Names ?? []]).Select(n => new ServedModule(n, TaskKind.LanguageModel, created, model.Transformer.Spec.ContextLength))];
        _meter = new EnergyMeter(options.Energy);
        var turns = new ComputeTurns();
        _embedder = new TextEmbedder(model, turns, new ComputeShare($"{name} embeddings"), adapters);
        _writer = new WritingModel(model, new DecodingEngine(model.Transformer, turns, new ComputeShare(name), options.Engine, _meter, adapters));
    }

    public IReadOnlyList<ServedModule> Modules => _modules;

    public bool CanRoute => false;

    /// <summary>What the model has in hand.</summary>
    public EngineLoad Load => _writer.Engine.Load;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        int adapter = AdapterOf(request.Module);
        ServedModule module = _modules[adapter + 1];
        ToolAnswer? tools = ToolAnswer.Of(_model, request, cancellation);
        ChatPrompt? chat = request.Prompt is null ? ChatPrompt.Of(_model, request.Messages, tools?.Told, tools?.Opening ?? "", cancellation) : null;
        int[] prompt = chat?.Ids ?? Prompt(_model, request.Prompt!);
        if (prompt.Length == 0)
            throw new RequestException("the prompt is empty", "prompt");
        if (prompt.Length >= module.ContextLength)
            throw RequestException.TooLong(prompt.Length, module);
        RequestException.CheckGrammar(request);
        var task = new WritingTask(prompt, Sampling(request), request.Grammar is null ? [.. request.Stop, .. chat?.Stops ?? []] : [],
            chat?.IsEnd ?? (id => id == _model.Tokenizer.EosId), Trim: chat is not null && request.Grammar is null)
        {
            Adapter = adapter,
            Tools = tools,
        };
        return _writer.Write(request, task, new ModuleChoice(module.Name, module.Name, Route.Named), prompt.Length, sink, cancellation);
    }

    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(texts);
        int adapter = AdapterOf(module);
        return [.. texts.Select(t => _embedder.Embed(t, adapter, cancellation))];
    }

    public void Dispose()
    {
        _writer.Dispose();
        _embedder.Dispose();
        _meter.Dispose();
    }

    /// <summary>The token that a text begins with, as in training: beginning of text, or else end of text.</summary>
    public static int[] Start(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return (model.Tokenizer.BosId ?? model.Tokenizer.EosId) is { } id ? [id] : [];
    }

    /// <summary>A plain prompt as the model reads it: to be continued, or for its encoder, with the token that ends it.</summary>
    /// <param name="parseSpecial">Whether names of special tokens become those tokens.</param>
    public static int[] Prompt(LanguageModel model, string text, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        int[] ids = model.Tokenizer.Encode(text, parseSpecial);
        return model.Transformer.Encoder is null ? [.. Start(model), .. ids] : model.Tokenizer.EosId is { } end ? [.. ids, end] : ids;
    }

    /// <summary>A request's sampling; greedy unless it says otherwise.</summary>
    internal static SamplingOptions Sampling(ModuleRequest request, int maxTokens = 128) => new()
    {
        Temperature = request.Temperature ?? 0,
        TopP = request.TopP ?? 1,
        MaxTokens = request.MaxTokens ?? maxTokens,
        Seed = request.Seed ?? 0,
    };

    // AdapterBank.None for the model itself.
    private int AdapterOf(string name)
    {
        int at = Array.FindIndex(_modules, m => m.Name == name);
        return at >= 0 ? at - 1 : throw new UnknownModuleException(name, [.. _modules.Select(m => m.Name)]);
    }
}
