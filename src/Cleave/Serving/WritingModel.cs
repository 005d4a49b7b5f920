using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving.Engine;
using Cleave.Serving.Tools;
using Cleave.Training.Adapters;

namespace Cleave.Serving;

/// <summary>What a module that writes is given.</summary>
/// <param name="Prompt">Tokens.</param>
/// <param name="Stops">Texts that end the answer.</param>
/// <param name="IsEnd">Tokens that end it.</param>
/// <param name="Trim">Whether white space at both ends is left out.</param>
internal sealed record WritingTask(int[] Prompt, SamplingOptions Sampling, IReadOnlyList<string> Stops, Func<int, bool> IsEnd, bool Trim)
{
    /// <summary>The number of the engine's adapter that writes.</summary>
    public int Adapter { get; init; } = AdapterBank.None;

    /// <summary>How it may call functions; null where it may not.</summary>
    public ToolAnswer? Tools { get; init; }
}

/// <summary>A model that writes texts for several requests at a time.</summary>
internal sealed class WritingModel(LanguageModel model, DecodingEngine engine) : IDisposable
{
    private readonly GrammarConstraints _constraints = new();

    public LanguageModel Model { get; } = model;
    public DecodingEngine Engine { get; } = engine;

    /// <summary>Writes an answer; what is refused is refused before anything is said.</summary>
    /// <param name="promptTokens">As the result counts them.</param>
    /// <exception cref="CapacityException">The context, or the memory for keys and values, has no room for the answer.</exception>
    /// <exception cref="GrammarException">The tokenizer cannot write what is asked for.</exception>
    public ModuleResult Write(ModuleRequest request, WritingTask task, ModuleChoice choice, int promptTokens, IResultSink sink, CancellationToken cancellation)
    {
        Grammar? grammar = task.Tools?.Calls ?? request.Grammar;
        TokenConstraint? rented = _constraints.Rent(Model.Tokenizer, grammar);
        ITokenConstraint? constraint = task.Tools is not { } tools ? rented
            : new MarkedConstraint(rented!, new GrammarMarker(tools.Form.Marker, tools.Form.First), Model.Tokenizer, tools.IsBegun, tools.IsOnce);
        try
        {
            return Write(request, task, constraint, choice, promptTokens, sink, cancellation);
        }
        finally
        {
            _constraints.Return(Model.Tokenizer, grammar, rented);
        }
    }

    /// <summary>The most likely answer without a request's wishes: its tokens, the mean of their log-probabilities and that of the end, and what it took.</summary>
    public (int[] Tokens, double MeanLogProbability, SequenceResult Cost) Greedy(int[] prompt, int maxTokens, Func<int, bool> isEnd, CancellationToken cancellation)
    {
        var tokens = new List<int>();
        double sum = 0;
        var request = new SequenceRequest { Prompt = prompt, Sampling = new SamplingOptions { MaxTokens = maxTokens }, IsEnd = isEnd, Alternatives = 0 };
        SequenceResult result = Engine.Run(request, made =>
        {
            tokens.Add(made.Id);
            sum += made.LogProbability!.Value;
            return true;
        }, cancellation);
        if (result.EndProbability is { } end)
            sum += Math.Log(end);
        return ([.. tokens], sum / (tokens.Count + 1), result);
    }

    public void Dispose() => Engine.Dispose();

    private ModuleResult Write(ModuleRequest request, WritingTask task, ITokenConstraint? constraint, ModuleChoice choice, int promptTokens, IResultSink sink,
        CancellationToken cancellation)
    {
        var asked = new SequenceRequest
        {
            Prompt = task.Prompt,
            Sampling = task.Sampling,
            Adapter = task.Adapter,
            IsEnd = task.IsEnd,
            Constraint = constraint,
            Alternatives = request.LogProbabilities,
        };
        Engine.Check(asked);
        cancellation.ThrowIfCancellationRequested();
        sink.Chosen(choice);
        sink.Reading(promptTokens);
        List<TokenScore>? scores = request.LogProbabilities is null ? null : [];
        int told = 0;
        ToolCallReader? calls = task.Tools is { } tools ? new ToolCallReader(tools.Form, tools.IsBegun, Say, sink.Call) : null;
        TextGeneration text = calls is null ? new TextGeneration(Model.Tokenizer, task.Stops, task.Trim, Say)
            : new TextGeneration(Model.Tokenizer, [], trim: false, calls.Push, MarkedConstraint.SpecialOf(task.Tools!.Form.Marker, Model.Tokenizer));
        SequenceResult result = Engine.Run(asked, made =>
        {
            scores?.Add(Score(made.Id, made.LogProbability!.Value, made.Alternatives!));
            return text.Add(made.Id);
        }, cancellation);
        GeneratedText written = text.End(result.Ended, constraint);
        calls?.End();
        FinishReason finish = calls is { Calls.Count: > 0 } && written.Finish == FinishReason.Stop ? FinishReason.ToolCalls : written.Finish;
        return new ModuleResult(choice, calls?.Text ?? written.Text, finish, promptTokens, written.Tokens, null, result.Computed)
        {
            Waited = result.Waited,
            Energy = result.Energy,
            CachedTokens = Math.Min(result.Known, promptTokens),
            Tokens = scores,
            ToolCalls = calls?.Calls ?? [],
        };

        void Say(string piece)
        {
            if (scores is null)
            {
                sink.Text(piece);
                return;
            }
            sink.Text(piece, scores.GetRange(told, scores.Count - told));
            told = scores.Count;
        }
    }

    private TokenScore Score(int id, float logProbability, IReadOnlyList<(int Id, float LogProbability)> alternatives) =>
        Score(id, logProbability, [.. alternatives.Select(a => Score(a.Id, a.LogProbability, (IReadOnlyList<TokenScore>)[]))]);

    // A model may have more logits than its tokenizer has tokens.
    private TokenScore Score(int id, float logProbability, IReadOnlyList<TokenScore> alternatives)
    {
        byte[] bytes = id < Model.Tokenizer.VocabularySize ? Model.Tokenizer.BytesOf(id).ToArray() : [];
        return new TokenScore(System.Text.Encoding.UTF8.GetString(bytes), bytes, logProbability, alternatives);
    }
}
