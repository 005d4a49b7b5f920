using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>
/// Attention of a decoder's layer to its encoder's states (Vaswani et al., 2017): queries from the layer's input, keys and values
/// from the states. These do not change while a sequence is made, so a cache keeps them (<see cref="KeyValuePages.Source"/>).
/// </summary>
public sealed class CrossAttention(LayerSpec spec, ScoreRule rule, Linear query, Linear key, Linear value, Linear output)
{
    public Linear Query { get; private set; } = query;
    public Linear Key { get; private set; } = key;
    public Linear Value { get; private set; } = value;
    public Linear Output { get; private set; } = output;

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int layer)
    {
        Tensor q = Query.Forward(tape, x), y;
        if (context.Source is { } source)
        {
            (Tensor k, Tensor v) = KeysAndValues(tape, source.States);
            y = Op.CrossAttention(tape, q, k, v, context.Batch.Offsets, source.Offsets, spec.Heads, spec.KeyValueHeads, rule);
        }
        else
        {
            y = Cached(tape, q, context, layer);
        }
        context.Observer?.CrossAttentionHeads(layer, y);
        return Output.Forward(tape, y);
    }

    /// <summary>The encoder's states (M, C) as keys and values (M, G·D).</summary>
    internal (Tensor Keys, Tensor Values) KeysAndValues(Tape tape, Tensor states) => SharedInput.Forward(tape, states, Key, Value);

    private Tensor Cached(Tape tape, Tensor q, ForwardContext context, int layer)
    {
        IReadOnlyList<KeyValuePages> caches = context.Caches!;
        Tensor y = tape.New(q.Rows, q.Columns);
        if (q.Rows == caches.Count) // one new token each
        {
            Attention.DecodeAcross(q.Data, caches, layer, spec.Heads, y.Data, rule);
            return y;
        }
        ReadOnlySpan<int> offsets = context.Batch.Offsets.Span;
        int width = spec.KeyValueHeads * spec.HeadSize;
        for (int s = 0; s < caches.Count; s++)
        {
            KeyValuePages source = caches[s].Source!;
            int rows = offsets[s + 1] - offsets[s];
            Tensor k = tape.New(source.Length, width), v = tape.New(source.Length, width), logSumExp = tape.New(rows, spec.Heads);
            source.CopyTo(layer, k.Data, v.Data);
            Attention.ForwardAcross(SelfAttention.Rows(q, offsets, s), k.Data, v.Data, [0, rows], [0, source.Length],
                spec.Heads, spec.KeyValueHeads, spec.HeadSize, SelfAttention.Rows(y, offsets, s), logSumExp.Data, rule);
        }
        return y;
    }

    internal void Visit(WeightVisitor visitor, int layer)
    {
        Query = visitor.Linear(WeightNames.CrossQuery(layer), Query);
        Key = visitor.Linear(WeightNames.CrossKey(layer), Key);
        Value = visitor.Linear(WeightNames.CrossValue(layer), Value);
        Output = visitor.Linear(WeightNames.CrossOutput(layer), Output);
    }
}
