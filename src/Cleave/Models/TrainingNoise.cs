using Cleave.Numerics;

namespace Cleave.Models;

/// <summary>
/// What is left out at random while a model trains, so that it relies on nothing alone. What is left out depends on the seed and the
/// update's number, so a run that is continued, or computes its activations again, leaves out the same.
/// </summary>
public sealed class TrainingNoise(ulong seed)
{
    private ulong _update;

    /// <summary>The share of attention's probabilities that are dropped (Vaswani et al., 2017).</summary>
    public float Attention { get; init; }

    /// <summary>The share of what a layer's two halves add to the residual stream that is dropped.</summary>
    public float Residual { get; init; }

    /// <summary>The share of layers that are skipped as a whole (LayerDrop: Fan et al., 2020).</summary>
    public float Layers { get; init; }

    /// <summary>The share of what an adapter reads that is dropped (Hu et al., 2021).</summary>
    public float Adapters { get; init; }

    public bool IsNone => Attention == 0 && Residual == 0 && Layers == 0 && Adapters == 0;

    /// <summary>Whether a micro-batch is being trained on; nothing is left out otherwise.</summary>
    public bool Active { get; private set; }

    /// <summary>Called before each micro-batch's forward pass.</summary>
    public void Begin(int update, int micro) => (_update, Active) = (((ulong)(uint)update << 32) | (uint)micro, true);

    /// <summary>Called after the backward passes, when the model is to be used between updates.</summary>
    public void End() => Active = false;

    /// <summary>Refuses a model that would be trained without some of this.</summary>
    /// <exception cref="CleaveException">It has two stacks, or an attention that drops nothing.</exception>
    internal void RequirePlaces(Transformer model)
    {
        string family = model.Spec.Family;
        if (model.Encoder is not null && (Attention > 0 || Residual > 0 || Layers > 0))
            throw new CleaveException($"this {family} model is an encoder-decoder: attention-dropout, residual-dropout and layer-drop are not available for two stacks; leave them at 0");
        if (Attention > 0 && model.RelativeBias is not null)
            throw new CleaveException($"attention-dropout is not available for {family} models, whose attention adds a trained bias of positions; use residual-dropout");
        if (Attention > 0 && model.Spec.AttentionSoftCap > 0)
            throw new CleaveException("attention-dropout is not available for models whose attention scores are capped; use residual-dropout");
    }

    internal bool Skips(int layer) => Layers > 0 && Draw(layer, 0).NextSingle() < Layers;

    /// <summary>The generator of one place: 1 for the attention's probabilities, 2 and 3 for what the two halves add; adapters count on as layers of their own.</summary>
    internal Rng Draw(int layer, int place) => new(seed ^ ((_update + 1) * 0x9E3779B97F4A7C15) ^ ((ulong)(uint)(layer * 4 + place + 1) * 0xD1B54A32D192ED03));
}
