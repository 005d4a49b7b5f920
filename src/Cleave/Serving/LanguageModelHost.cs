using System.Diagnostics;
using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving;

/// <summary>
/// One plain language model, without router. It continues prompts; a conversation is put to it as <see cref="ChatPrompt"/>
/// says. One request at a time.
/// </summary>
public sealed class LanguageModelHost : IModuleHost, IDisposable
{
    private readonly LanguageModel _model;
    private readonly Generator _generator;
    private readonly ServedModule _module;
    private readonly GrammarConstraints _constraints = new();
    private readonly Lock _gate = new();

    public LanguageModelHost(LanguageModel model, string name, DateTimeOffset created)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _generator = new Generator(model.Transformer);
        _module = new ServedModule(name, TaskKind.LanguageModel, created, model.Transformer.Spec.ContextLength);
    }

    public IReadOnlyList<ServedModule> Modules => [_module];

    public bool CanRoute => false;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        if (request.Module != _module.Name)
            throw new UnknownModuleException(request.Module, [_module.Name]);
        ChatPrompt? chat = request.Prompt is null ? ChatPrompt.Of(_model, request.Messages, cancellation) : null;
        int[] prompt = chat?.Ids ?? Prompt(_model, request.Prompt!);
        if (prompt.Length == 0)
            throw new RequestException("the prompt is empty", "prompt");
        if (prompt.Length >= _module.ContextLength)
            throw RequestException.TooLong(prompt.Length, _module);
        RequestException.CheckGrammar(request);
        var choice = new ModuleChoice(_module.Name, _module.Name, Route.Named);
        lock (_gate)
        {
            long started = Stopwatch.GetTimestamp();
            SamplingOptions sampling = Sampling(request);
            TokenConstraint? constraint = _constraints.Of(_model.Tokenizer, request.Grammar);
            _generator.Limit(prompt.Length, sampling, constraint); // what is refused is refused before anything is said
            sink.Chosen(choice);
            GeneratedText made = TextGeneration.Run(_generator, _model.Tokenizer, prompt, sampling,
                request.Grammar is null ? [.. request.Stop, .. chat?.Stops ?? []] : [], chat?.IsEnd ?? (id => id == _model.Tokenizer.EosId),
                trim: chat is not null && request.Grammar is null, sink.Text, constraint, cancellation);
            return new ModuleResult(choice, made.Text, made.Finish, prompt.Length, made.Tokens, null, Stopwatch.GetElapsedTime(started));
        }
    }

    public void Dispose() => _generator.Dispose();

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
}
