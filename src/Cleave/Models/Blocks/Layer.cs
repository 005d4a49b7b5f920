using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>A pre-norm layer: x + attention(norm(x)), then x + feedForward(norm(x)).</summary>
public sealed class Layer(LayerSpec spec, Tensor attentionNorm, SelfAttention attention, Tensor feedForwardNorm, FeedForward feedForward)
{
    public LayerSpec Spec { get; } = spec;
    public Tensor AttentionNorm { get; } = attentionNorm;
    public SelfAttention Attention { get; } = attention;
    public Tensor FeedForwardNorm { get; } = feedForwardNorm;
    public FeedForward FeedForward { get; } = feedForward;

    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int index, float epsilon)
    {
        Tensor a = Attention.Forward(tape, Op.RmsNorm(tape, x, AttentionNorm, epsilon), context, index);
        Tensor h = Op.Add(tape, x, a);
        Tensor f = FeedForward.Forward(tape, Op.RmsNorm(tape, h, FeedForwardNorm, epsilon), context, index);
        Tensor y = Op.Add(tape, h, f);
        context.Observer?.Layer(index, x, y);
        return y;
    }
}
