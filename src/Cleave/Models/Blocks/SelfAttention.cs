using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>Grouped-query self-attention (Ainslie et al., 2023), with rotary positions where it is given their table.</summary>
public sealed class SelfAttention(LayerSpec spec, ScoreRule rule, RotaryTable? rotary, Linear query, Linear key, Linear value, Linear output)
{
    public LayerSpec Spec { get; } = spec;
    public Linear Query { get; private set; } = query;
    public Linear Key { get; private set; } = key;
    public Linear Value { get; private set; } = value;
    public Linear Output { get; private set; } = output;

    /// <summary>Of queries and of keys, before their positions are put in; both or neither.</summary>
    public Norm? QueryNorm { get; init; }
    public Norm? KeyNorm { get; init; }

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int layer)
    {
        (Tensor q, Tensor k, Tensor v) = SharedInput.Forward(tape, x, Query, Key, Value);
        if (QueryNorm is not null && KeyNorm is not null)
            (q, k) = (QueryNorm.Forward(tape, q), KeyNorm.Forward(tape, k));
        if (rotary is not null)
        {
            Op.Rotary(tape, q, context.Batch.Positions, Spec.Heads, rotary);
            Op.Rotary(tape, k, context.Batch.Positions, Spec.KeyValueHeads, rotary);
        }
        context.Observer?.AttentionInputs(layer, q, k, v);
        Tensor y = context.Caches is { } caches ? Cached(tape, q, k, v, context, caches, layer)
            : context.Noise is { Attention: > 0 } noise
            ? Op.DroppedAttention(tape, q, k, v, context.Batch.Offsets, Spec.Heads, Spec.KeyValueHeads, context.Causal, rule, noise.Attention, noise.Draw(layer, 1))
            : Op.Attention(tape, q, k, v, context.Batch.Offsets, Spec.Heads, Spec.KeyValueHeads, context.Causal, rule, context.Bias);
        context.Observer?.AttentionHeads(layer, y);
        return Output.Forward(tape, y);
    }

    private Tensor Cached(Tape tape, Tensor q, Tensor k, Tensor v, ForwardContext context, IReadOnlyList<KeyValuePages> caches, int layer)
    {
        if (tape.Records)
            throw new InvalidOperationException("a key-value cache is for inference: use a tape that does not record");
        Tensor y = tape.New(q.Rows, q.Columns);
        ReadOnlySpan<int> offsets = context.Batch.Offsets.Span;
        ReadOnlySpan<float> bias = context.Bias is null ? default : context.Bias.Data;
        for (int s = 0; s < caches.Count; s++)
            caches[s].Append(layer, Rows(k, offsets, s), Rows(v, offsets, s));
        // Sequences with one new token that stand before all others look back over their pages, together; the others' keys are widened.
        int single = 0;
        while (single < caches.Count && offsets[single + 1] == single + 1)
            single++;
        if (single > 0)
        {
            int end = single * q.Columns;
            Attention.Decode(q.Data[..end], single == caches.Count ? caches : [.. caches.Take(single)], layer, Spec.Heads, y.Data[..end], rule, bias);
        }
        for (int s = single; s < caches.Count; s++)
        {
            int positions = caches[s].Length + offsets[s + 1] - offsets[s];
            Tensor keys = tape.New(positions, k.Columns), values = tape.New(positions, v.Columns);
            caches[s].CopyTo(layer, keys.Data, values.Data);
            Attention.ForwardCached(Rows(q, offsets, s), keys.Data, values.Data, Spec.Heads, Spec.KeyValueHeads, Spec.HeadSize, Rows(y, offsets, s), rule, bias);
        }
        return y;
    }

    internal void Visit(WeightVisitor visitor, int layer)
    {
        Query = visitor.Linear(WeightNames.Query(layer), Query);
        Key = visitor.Linear(WeightNames.Key(layer), Key);
        Value = visitor.Linear(WeightNames.Value(layer), Value);
        QueryNorm?.Visit(visitor, WeightNames.QueryNorm(layer));
        KeyNorm?.Visit(visitor, WeightNames.KeyNorm(layer));
        Output = visitor.Linear(WeightNames.AttentionOutput(layer), Output);
    }

    /// <summary>The rows of one sequence.</summary>
    internal static Span<float> Rows(Tensor x, ReadOnlySpan<int> offsets, int sequence) =>
        x.Data[(offsets[sequence] * x.Columns)..(offsets[sequence + 1] * x.Columns)];
}
