using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>Grouped-query self-attention with rotary positions (Ainslie et al., 2023; Su et al., 2021).</summary>
public sealed class SelfAttention(LayerSpec spec, Linear query, Linear key, Linear value, Linear output)
{
    public LayerSpec Spec { get; } = spec;
    public Linear Query { get; internal set; } = query;
    public Linear Key { get; internal set; } = key;
    public Linear Value { get; internal set; } = value;
    public Linear Output { get; internal set; } = output;

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int layer)
    {
        (Tensor q, Tensor k, Tensor v) = SharedInput.Forward(tape, x, Query, Key, Value);
        Op.Rotary(tape, q, context.Batch.Positions, Spec.Heads, context.Rotary);
        Op.Rotary(tape, k, context.Batch.Positions, Spec.KeyValueHeads, context.Rotary);
        Tensor y = context.Caches is { } caches
            ? Cached(tape, q, k, v, context.Batch, caches, layer)
            : Op.Attention(tape, q, k, v, context.Batch.Offsets, Spec.Heads, Spec.KeyValueHeads, context.Causal);
        context.Observer?.AttentionHeads(layer, y);
        return Output.Forward(tape, y);
    }

    private Tensor Cached(Tape tape, Tensor q, Tensor k, Tensor v, TokenBatch batch, IReadOnlyList<KeyValuePages> caches, int layer)
    {
        if (tape.Records)
            throw new InvalidOperationException("a key-value cache is for inference: use a tape that does not record");
        Tensor y = tape.New(q.Rows, q.Columns);
        ReadOnlySpan<int> offsets = batch.Offsets.Span;
        for (int s = 0; s < caches.Count; s++)
            caches[s].Append(layer, Rows(k, offsets, s), Rows(v, offsets, s));
        if (q.Rows == caches.Count) // one new token each
        {
            Attention.Decode(q.Data, caches, layer, Spec.Heads, y.Data);
            return y;
        }
        for (int s = 0; s < caches.Count; s++)
        {
            int positions = caches[s].Length + offsets[s + 1] - offsets[s];
            Tensor keys = tape.New(positions, k.Columns), values = tape.New(positions, v.Columns);
            caches[s].CopyTo(layer, keys.Data, values.Data);
            Attention.ForwardCached(Rows(q, offsets, s), keys.Data, values.Data, Spec.Heads, Spec.KeyValueHeads, Spec.HeadSize, Rows(y, offsets, s));
        }
        return y;
    }

    private static Span<float> Rows(Tensor x, ReadOnlySpan<int> offsets, int sequence) =>
        x.Data[(offsets[sequence] * x.Columns)..(offsets[sequence + 1] * x.Columns)];
}
