using System.Diagnostics.CodeAnalysis;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Numerics.Threading;

namespace Cleave.Training.Scoring;

/// <summary>Lets a model, and a reference beside it, predict every token of a text from those before it.</summary>
/// <param name="reference">Reads the same tokens, or null.</param>
public sealed class TextScorer(Transformer model, Transformer? reference = null) : IDisposable
{
    private const int RowsAtOnce = 128, TokensPerBatch = 1024;
    private readonly Tape _tape = new(records: false);
    private readonly TokenBatch _batch = new();

    /// <param name="tokens">The text, at least two tokens.</param>
    /// <param name="context">Tokens of a window.</param>
    /// <param name="stride">See <see cref="TextWindows.Of"/>.</param>
    /// <returns>A score for each token but the first.</returns>
    /// <exception cref="CleaveException">A model is an encoder, or a score is not a finite number.</exception>
    /// <exception cref="CapacityException">The window is longer than what a model can read, or there is no memory for its logits.</exception>
    public TokenScore[] Score(ReadOnlyMemory<int> tokens, int context, int stride, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        model.RequireContinuation();
        reference?.RequireContinuation();
        int vocabulary = model.Spec.VocabularySize;
        if (reference is not null && reference.Spec.VocabularySize != vocabulary)
            throw new CleaveException($"models of {vocabulary} and {reference.Spec.VocabularySize} tokens cannot be compared token by token; compare their bits per byte");
        int longest = Math.Min(model.Spec.ContextLength, reference?.Spec.ContextLength ?? int.MaxValue);
        if (context > longest)
            throw new CapacityException($"a window of {context} tokens is longer than the model's context of {longest}");
        MemoryPlan.Require((reference is null ? 1L : 2L) * RowsAtOnce * vocabulary * sizeof(float), "a window's logits", "close other programs");
        var scores = new TokenScore[tokens.Length - 1];
        var rows = new List<int>();
        int done = 0;
        _batch.Clear();
        foreach (TextWindow window in TextWindows.Of(tokens.Length, context, stride))
        {
            // Consecutive windows' predictions are consecutive tokens of the text, so short windows share a batch.
            rows.AddRange(Enumerable.Range(_batch.Tokens + window.Length - window.Scored, window.Scored));
            _batch.Add(tokens.Span.Slice(window.Start, window.Length));
            if (_batch.Tokens < TokensPerBatch && done + rows.Count < scores.Length)
                continue;
            cancel.ThrowIfCancellationRequested();
            ScoreBatch(rows, tokens.Slice(done + 1, rows.Count), scores.AsMemory(done, rows.Count));
            done += rows.Count;
            rows.Clear();
            _batch.Clear();
            progress?.Report(new ProgressReport("perplexity", done, scores.Length, "tokens"));
        }
        CheckFinite(scores);
        return scores;
    }

    public void Dispose() => _tape.Dispose();

    private void ScoreBatch(List<int> rows, ReadOnlyMemory<int> targets, Memory<TokenScore> scores)
    {
        Tensor hidden = model.Forward(_tape, _batch);
        Tensor? other = reference?.Forward(_tape, _batch);
        for (int first = 0; first < rows.Count; first += RowsAtOnce)
        {
            int mark = _tape.Mark, count = Math.Min(RowsAtOnce, rows.Count - first);
            int[] some = [.. rows.Skip(first).Take(count)];
            var part = new RowsPart
            {
                Logits = model.Logits(_tape, Op.GatherRows(_tape, hidden, some)),
                Reference = reference?.Logits(_tape, Op.GatherRows(_tape, other!, some)),
                Targets = targets.Slice(first, count),
                Scores = scores.Slice(first, count),
            };
            ThreadTeam.Current.Run(count, ref part);
            _tape.KeepOnly(hidden, mark);
        }
        _tape.Reset();
    }

    private static void CheckFinite(TokenScore[] scores)
    {
        int broken = Array.FindIndex(scores, s => !double.IsFinite(s.Loss) || !double.IsFinite(s.ReferenceLoss) || !double.IsFinite(s.Divergence));
        if (broken >= 0)
        {
            string whose = double.IsFinite(scores[broken].Loss) && !double.IsFinite(scores[broken].ReferenceLoss) ? "reference's" : "model's";
            throw new CleaveException($"the {whose} prediction of token {broken + 1} is not finite ({scores.Count(s => !double.IsFinite(s.Loss))} of {scores.Length} are not): "
                + "its weights are damaged or out of range");
        }
    }

    [SuppressMessage("Performance", "CA1815", Justification = "A job, never compared.")]
    private struct RowsPart : IPart
    {
        public Tensor Logits;
        public Tensor? Reference;
        public ReadOnlyMemory<int> Targets;
        public Memory<TokenScore> Scores;

        public readonly void Invoke(int row)
        {
            ReadOnlySpan<float> logits = Logits.Data.Slice(row * Logits.Columns, Logits.Columns);
            Scores.Span[row] = Reference is null ? LogitRows.Score(logits, Targets.Span[row])
                : LogitRows.Compare(logits, Reference.Data.Slice(row * Logits.Columns, Logits.Columns), Targets.Span[row]);
        }
    }
}
