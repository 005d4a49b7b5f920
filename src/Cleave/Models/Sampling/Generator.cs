using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Sampling;

/// <summary>
/// Generates tokens, one sequence or several at a time, with key-value caches. A decoder continues its prompt; an encoder–decoder
/// reads the prompt with its encoder, and what is generated is all that its decoder sees of itself.
/// </summary>
public sealed class Generator : IDisposable
{
    private readonly Transformer _model;
    private readonly Tape _tape = new(records: false);
    private readonly TokenBatch _batch = new();
    private readonly int[]? _start;

    /// <exception cref="CleaveException">The model is an encoder.</exception>
    public Generator(Transformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.RequireContinuation();
        _model = model;
        _start = model.Encoder is null ? null : [model.Spec.DecoderStart];
    }

    /// <summary>
    /// Continues a prompt. <paramref name="onToken"/> gets each token with its probability as it is made, and ends the
    /// generation by returning false; tokens for which <paramref name="isEnd"/> holds end it and are not handed out.
    /// </summary>
    /// <param name="constraint">
    /// Keeps the text to a grammar, or null; the generation also ends where nothing can follow. Probabilities are then those
    /// among the tokens that may come.
    /// </param>
    /// <exception cref="CapacityException">
    /// The prompt does not leave room for one token in the context, or for the shortest text of the grammar.
    /// </exception>
    public void Generate(ReadOnlySpan<int> prompt, SamplingOptions options, Func<int, bool> isEnd,
        Func<int, float, bool> onToken, TokenConstraint? constraint = null, CancellationToken cancellation = default)
    {
        int limit = GenerationRoom.Limit(_model, prompt.Length, options, constraint);
        var sampler = new TokenSampler(options);
        constraint?.Begin(isEnd);
        if (constraint is { IsComplete: true })
            return;
        KeyValuePages[] caches = Caches([prompt.ToArray()]);
        using KeyValuePages cache = caches[0];
        Span<int> last = stackalloc int[1];
        scoped ReadOnlySpan<int> next = _start ?? prompt;
        for (int made = 0; made < limit; made++)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<float> logits = _model.Read(_tape, _batch, next, caches).Data;
            (int token, float probability) = constraint?.Choose(sampler, logits, limit - made) ?? sampler.Next(logits);
            _tape.Reset();
            if (isEnd(token) || !onToken(token, probability) || constraint is { IsComplete: true })
                return;
            last[0] = token;
            next = last;
        }
    }

    /// <summary>
    /// The most likely continuation of every prompt, computed together: the sequences that have ended leave the batch.
    /// Returns each one's tokens and their mean log-probability; nothing, at a probability of 0, behind a prompt that is empty or
    /// leaves no room.
    /// </summary>
    public (int[] Tokens, double MeanLogProbability)[] Greedy(IReadOnlyList<int[]> prompts, int maxTokens, Func<int, bool> isEnd,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        var made = prompts.Select(_ => new List<int>()).ToArray();
        var logProbabilities = new double[prompts.Count];
        var active = Enumerable.Range(0, prompts.Count).Where(i => prompts[i].Length > 0 && Room(prompts[i].Length) > 0).ToList();
        var caches = new KeyValuePages?[prompts.Count];
        foreach ((int i, KeyValuePages cache) in active.Zip(Caches([.. active.Select(i => prompts[i])])))
            caches[i] = cache;
        try
        {
            while (active.Count > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                _batch.Clear();
                foreach (int i in active)
                    _batch.Add(made[i].Count == 0 ? _start ?? prompts[i] : [made[i][^1]], caches[i]!.Length);
                Tensor logits = _model.NextLogits(_tape, _batch, [.. active.Select(i => caches[i]!)]);
                for (int row = active.Count - 1; row >= 0; row--)
                {
                    int i = active[row];
                    ReadOnlySpan<float> rowLogits = logits.Data.Slice(row * logits.Columns, logits.Columns);
                    int token = TokenSampler.ArgMax(rowLogits);
                    logProbabilities[i] -= Numerics.Kernels.CrossEntropy.Loss(rowLogits, token);
                    bool ended = isEnd(token);
                    if (!ended)
                        made[i].Add(token);
                    if (ended || made[i].Count >= maxTokens || made[i].Count >= Room(prompts[i].Length))
                        active.RemoveAt(row);
                }
                _tape.Reset();
            }
        }
        finally
        {
            foreach (KeyValuePages? cache in caches)
                cache?.Dispose();
        }
        return [.. made.Select((m, i) => (m.ToArray(), caches[i] is null ? double.NegativeInfinity : logProbabilities[i] / (m.Count + 1)))];
    }

    public void Dispose() => _tape.Dispose();

    private int Room(int prompt) => GenerationRoom.Behind(_model, prompt);

    private KeyValuePages[] Caches(int[][] prompts)
    {
        if (_start is null || prompts.Length == 0)
            return [.. prompts.Select(_ => _model.NewCache())];
        _batch.Clear();
        foreach (int[] prompt in prompts)
            _batch.Add(prompt);
        return _model.Begin(_tape, _batch);
    }
}
