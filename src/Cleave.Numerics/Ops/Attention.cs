using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// y = softmax(q·kᵀ/√D)·v within each sequence and head: q (N, H·D), k and v (N, G·D), y (N, H·D); heads h share
    /// the key-value head h·G/H; <paramref name="rule"/> may scale, cap or leave out scores otherwise. Sequence b is rows offsets[b] … offsets[b+1]−1. The T×T scores are never stored:
    /// Dao et al., 2022.
    /// </summary>
    /// <param name="bias">(H, 2R + 1), added to the scores by distance as <see cref="RelativeBias"/> gives it, or null.</param>
    public static Tensor Attention(Tape tape, Tensor q, Tensor k, Tensor v, ReadOnlyMemory<int> offsets,
        int heads, int kvHeads, bool causal, ScoreRule rule = default, Tensor? bias = null)
    {
        Check.Same("Attention: rows of q and k", q.Rows, k.Rows);
        Check.Same("Attention: shapes of k and v", k.Shape, v.Shape);
        if (bias is not null)
            Check.Same("Attention: heads of q and bias", heads, bias.Rows);
        int headSize = q.Columns / heads;
        Tensor y = tape.New(q.Rows, q.Columns, q.RequiresGradient || k.RequiresGradient || v.RequiresGradient || bias is { RequiresGradient: true });
        Tensor logSumExp = tape.New(q.Rows, heads);
        Kernels.Attention.Forward(q.Data, k.Data, v.Data, offsets.Span, heads, kvHeads, headSize, causal, y.Data, logSumExp.Data, rule, bias is null ? default : bias.Data);
        if (y.RequiresGradient)
        {
            AttentionNode node = tape.Record<AttentionNode>(y);
            (node.Q, node.K, node.V, node.LogSumExp, node.Offsets, node.Bias) = (q, k, v, logSumExp, offsets, bias);
            (node.Heads, node.KvHeads, node.Causal, node.Rule, node.Tape) = (heads, kvHeads, causal, rule, tape);
        }
        return y;
    }

    private sealed class AttentionNode : Node
    {
        public Tensor Q = null!;
        public Tensor K = null!;
        public Tensor V = null!;
        public Tensor LogSumExp = null!;
        public ReadOnlyMemory<int> Offsets;
        public int Heads;
        public int KvHeads;
        public bool Causal;
        public ScoreRule Rule;
        public Tensor? Bias;
        public Tape Tape = null!;

        public override void Backward()
        {
            bool freshQ = Target(Q, out Span<float> gq), freshK = Target(K, out Span<float> gk), freshV = Target(V, out Span<float> gv);
            Span<float> dq = freshQ ? gq : Tape.New(Q.Rows, Q.Columns).Data;
            Span<float> dk = freshK ? gk : Tape.New(K.Rows, K.Columns).Data;
            Span<float> dv = freshV ? gv : Tape.New(V.Rows, V.Columns).Data;
            Span<float> bias = Bias is null ? default : Bias.Data, dBias = Bias is null ? default : Tape.New(Bias.Rows, Bias.Columns).Data;
            Kernels.Attention.Backward(Output!.Gradient, Q.Data, K.Data, V.Data, Output.Data, LogSumExp.Data, Offsets.Span,
                Heads, KvHeads, Q.Columns / Heads, Causal, dq, dk, dv, Rule, bias, dBias);
            if (Bias is { RequiresGradient: true })
                VectorMath.AddInPlace(Bias.Gradient, dBias);
            if (!freshQ && Q.RequiresGradient)
                VectorMath.AddInPlace(gq, dq);
            if (!freshK && K.RequiresGradient)
                VectorMath.AddInPlace(gk, dk);
            if (!freshV && V.RequiresGradient)
                VectorMath.AddInPlace(gv, dv);
        }
    }
}
