using Cleave.Data;
using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Serving.Engine;

namespace Cleave.Serving;

/// <summary>
/// One plain language model, without router. It continues prompts; a conversation is put to it as <see cref="ChatPrompt"/>
/// says. Requests of several threads are computed together.
/// </summary>
public sealed class LanguageModelHost : IModuleHost, IDisposable
{
    private readonly LanguageModel _model;
    private readonly WritingModel _writer;
    private readonly TextEmbedder _embedder;
    private readonly ServedModule _module;
    private readonly EnergyMeter _meter;

    public LanguageModelHost(LanguageModel model, string name, DateTimeOffset created, ServingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ServingOptions();
        model.Transformer.RequireContinuation();
        _model = model;
        _module = new ServedModule(name, TaskKind.LanguageModel, created, model.Transformer.Spec.ContextLength);
        _meter = new EnergyMeter(options.Energy);
        var turns = new ComputeTurns();
        _embedder = new TextEmbedder(model, turns, new ComputeShare($"{name} embeddings"));
        _writer = new WritingModel(model, new DecodingEngine(model.Transformer, turns, new ComputeShare(name), options.Engine, _meter));
    }

    public IReadOnlyList<ServedModule> Modules => [_module];

    public bool CanRoute => false;

    /// <summary>What the model has in hand.</summary>
    public EngineLoad Load => _writer.Engine.Load;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        CheckName(request.Module);
        ChatPrompt? chat = request.Prompt is null ? ChatPrompt.Of(_model, request.Messages, cancellation) : null;
        int[] prompt = chat?.Ids ?? Prompt(_model, request.Prompt!);
        if (prompt.Length == 0)
            throw new RequestException("the prompt is empty", "prompt");
        if (prompt.Length >= _module.ContextLength)
            throw RequestException.TooLong(prompt.Length, _module);
        RequestException.CheckGrammar(request);
        var task = new WritingTask(prompt, Sampling(request), request.Grammar is null ? [.. request.Stop, .. chat?.Stops ?? []] : [],
            chat?.IsEnd ?? (id => id == _model.Tokenizer.EosId), Trim: chat is not null && request.Grammar is null);
        return _writer.Write(request, task, new ModuleChoice(_module.Name, _module.Name, Route.Named), prompt.Length, sink, cancellation);
    }

    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(texts);
        CheckName(module);
        return [.. texts.Select(t => _embedder.Embed(t, cancellation))];
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

    private void CheckName(string name)
    {
        if (name != _module.Name)
            throw new UnknownModuleException(name, [_module.Name]);
    }
}
