using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// y = softmax(q·kᵀ/√D)·v of sequences that look at others: q (N, H·D), k and v (M, G·D), y (N, H·D). The rows offsets[b] …
    /// offsets[b+1]−1 of q see all of the rows keyOffsets[b] … keyOffsets[b+1]−1 of k (Vaswani et al., 2017).
    /// </summary>
    public static Tensor CrossAttention(Tape tape, Tensor q, Tensor k, Tensor v, ReadOnlyMemory<int> offsets, ReadOnlyMemory<int> keyOffsets,
        int heads, int kvHeads, ScoreRule rule = default)
    {
        Check.Same("CrossAttention: shapes of k and v", k.Shape, v.Shape);
        Tensor y = tape.New(q.Rows, q.Columns, q.RequiresGradient || k.RequiresGradient || v.RequiresGradient);
        Tensor logSumExp = tape.New(q.Rows, heads);
        Kernels.Attention.ForwardAcross(q.Data, k.Data, v.Data, offsets.Span, keyOffsets.Span, heads, kvHeads, q.Columns / heads, y.Data, logSumExp.Data, rule);
        if (y.RequiresGradient)
        {
            CrossAttentionNode node = tape.Record<CrossAttentionNode>(y);
            (node.Q, node.K, node.V, node.LogSumExp, node.Offsets, node.KeyOffsets) = (q, k, v, logSumExp, offsets, keyOffsets);
            (node.Heads, node.KvHeads, node.Rule, node.Tape) = (heads, kvHeads, rule, tape);
        }
        return y;
    }

    private sealed class CrossAttentionNode : Node
    {
        public Tensor Q = null!;
        public Tensor K = null!;
        public Tensor V = null!;
        public Tensor LogSumExp = null!;
        public ReadOnlyMemory<int> Offsets;
        public ReadOnlyMemory<int> KeyOffsets;
        public int Heads;
        public int KvHeads;
        public ScoreRule Rule;
        public Tape Tape = null!;

        public override void Backward()
        {
            Span<float> dq = Tape.New(Q.Rows, Q.Columns).Data, dk = Tape.New(K.Rows, K.Columns).Data, dv = Tape.New(V.Rows, V.Columns).Data;
            Kernels.Attention.BackwardAcross(Output!.Gradient, Q.Data, K.Data, V.Data, Output.Data, LogSumExp.Data, Offsets.Span, KeyOffsets.Span,
                Heads, KvHeads, Q.Columns / Heads, dq, dk, dv, Rule);
            Accumulate(Q, dq);
            Accumulate(K, dk);
            Accumulate(V, dv);
        }
    }
}
