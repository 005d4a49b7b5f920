using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>Attention and a feed-forward network, each added to the residual stream, with norms before or behind them.</summary>
public sealed class Layer(LayerSpec spec, bool parallel, SelfAttention attention, FeedForward? feedForward, Experts? experts)
{
    public LayerSpec Spec { get; } = spec;
    public SelfAttention Attention { get; } = attention;

    /// <summary>The one network, or null where there are <see cref="Experts"/>.</summary>
    public FeedForward? FeedForward { get; } = feedForward;

    public Experts? Experts { get; } = experts;

    /// <summary>Before the attention, where the spec has norms there.</summary>
    public Norm? AttentionNorm { get; init; }

    /// <summary>Behind the attention.</summary>
    public Norm? AttentionPostNorm { get; init; }

    /// <summary>Before the feed-forward network.</summary>
    public Norm? FeedForwardNorm { get; init; }

    /// <summary>Behind the feed-forward network.</summary>
    public Norm? FeedForwardPostNorm { get; init; }

    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int index)
    {
        Tensor a = Attention.Forward(tape, AttentionNorm?.Forward(tape, x) ?? x, context, index);
        Tensor h = Op.Add(tape, x, AttentionPostNorm?.Forward(tape, a) ?? a);
        Tensor input = parallel ? x : h;
        Tensor normed = FeedForwardNorm?.Forward(tape, input) ?? input;
        Tensor f = FeedForward is not null ? FeedForward.Forward(tape, normed, context, index) : Experts!.Forward(tape, normed, context, index);
        Tensor y = Op.Add(tape, h, FeedForwardPostNorm?.Forward(tape, f) ?? f);
        context.Observer?.Layer(index, x, y);
        return y;
    }

    /// <summary>The layer's weights as <see cref="Transformer.Weights"/> lists them.</summary>
    internal IEnumerable<(string Name, object Weight)> Weights(int index)
    {
        var list = new WeightList();
        Visit(list, index);
        return list.Items;
    }

    /// <summary>As <see cref="Transformer.ReplaceLinears"/>, for one layer.</summary>
    internal void ReplaceLinears(int index, Func<string, Linear, Linear> choose) => Visit(new WeightReplacement(choose), index);

    internal void Visit(WeightVisitor visitor, int index)
    {
        AttentionNorm?.Visit(visitor, WeightNames.AttentionNorm(index));
        Attention.Visit(visitor, index);
        AttentionPostNorm?.Visit(visitor, WeightNames.AttentionPostNorm(index));
        FeedForwardNorm?.Visit(visitor, WeightNames.FeedForwardNorm(index));
        FeedForward?.Visit(visitor, WeightNames.FeedForward(index));
        Experts?.Visit(visitor, index);
        FeedForwardPostNorm?.Visit(visitor, WeightNames.FeedForwardPostNorm(index));
    }
}
