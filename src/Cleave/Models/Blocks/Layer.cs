using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>Attention and a feed-forward network, each added to the residual stream, with norms before or behind them, or of the sums.</summary>
public sealed class Layer(LayerSpec spec, bool parallel, SelfAttention attention, FeedForward? feedForward, Experts? experts)
{
    public LayerSpec Spec { get; } = spec;
    public SelfAttention Attention { get; } = attention;

    /// <summary>The one network, or null where there are <see cref="Experts"/>.</summary>
    public FeedForward? FeedForward { get; } = feedForward;

    public Experts? Experts { get; } = experts;

    /// <summary>Before the attention, where the spec has norms there.</summary>
    public Norm? AttentionNorm { get; init; }

    /// <summary>True: the norms behind are of the residual stream, once something was added to it.</summary>
    internal bool NormsSum { get; init; }

    /// <summary>Behind the attention.</summary>
    public Norm? AttentionPostNorm { get; init; }

    /// <summary>Behind the attention to its own sequence, where there is an encoder.</summary>
    public CrossAttention? Cross { get; init; }

    /// <summary>Before <see cref="Cross"/>.</summary>
    public Norm? CrossNorm { get; init; }

    /// <summary>Before the feed-forward network.</summary>
    public Norm? FeedForwardNorm { get; init; }

    /// <summary>Behind the feed-forward network.</summary>
    public Norm? FeedForwardPostNorm { get; init; }

    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int index)
    {
        Tensor a = Attention.Forward(tape, AttentionNorm?.Forward(tape, x) ?? x, context, index);
        Tensor h = Added(tape, x, a, AttentionPostNorm, context.Noise, index, 2);
        if (Cross is not null)
            h = Op.Add(tape, h, Cross.Forward(tape, CrossNorm!.Forward(tape, h), context, index));
        Tensor input = parallel ? x : h;
        Tensor normed = FeedForwardNorm?.Forward(tape, input) ?? input;
        Tensor f = FeedForward is not null ? FeedForward.Forward(tape, normed, context, index) : Experts!.Forward(tape, normed, context, index);
        Tensor y = Added(tape, h, f, FeedForwardPostNorm, context.Noise, index, 3);
        context.Observer?.Layer(index, x, y);
        return y;
    }

    private Tensor Added(Tape tape, Tensor x, Tensor f, Norm? behind, TrainingNoise? noise, int layer, int place)
    {
        if (behind is not null && !NormsSum)
            f = behind.Forward(tape, f);
        Tensor sum = Op.Add(tape, x, Dropped(tape, f, noise, layer, place));
        return behind is not null && NormsSum ? behind.Forward(tape, sum) : sum;
    }

    private static Tensor Dropped(Tape tape, Tensor x, TrainingNoise? noise, int layer, int place) =>
        noise is { Residual: > 0 } ? Op.Dropout(tape, x, noise.Residual, noise.Draw(layer, place)) : x;

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
        CrossNorm?.Visit(visitor, WeightNames.CrossNorm(index));
        Cross?.Visit(visitor, index);
        FeedForwardNorm?.Visit(visitor, WeightNames.FeedForwardNorm(index));
        FeedForward?.Visit(visitor, WeightNames.FeedForward(index));
        Experts?.Visit(visitor, index);
        FeedForwardPostNorm?.Visit(visitor, WeightNames.FeedForwardPostNorm(index));
    }
}
