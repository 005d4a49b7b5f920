namespace Cleave.Models;

/// <summary>How training keeps the activations that its backward pass needs.</summary>
/// <param name="Recompute">Only each layer's input is kept and the rest computed again: about a third more work, the same result.</param>
/// <param name="BFloat16">What is kept is kept in bfloat16: half the memory, gradients as of rounded activations. Sums and weights stay float32.</param>
public readonly record struct TrainingMemory(bool Recompute, bool BFloat16)
{
    /// <summary>
    /// Bytes that the layers' activations take for so many tokens in one micro-batch, about: what lies between the embedding and the final
    /// norm, in each stack where there are two.
    /// </summary>
    public long Activations(TransformerSpec spec, long tokens)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Stack(spec, tokens) + (spec.Encoder is null ? 0 : Stack(spec.Encoder, tokens));
    }

    private long Stack(TransformerSpec spec, long tokens)
    {
        long whole = spec.Layers.Sum(l => Floats(spec, l)), largest = spec.Layers.Select(l => Floats(spec, l)).DefaultIfEmpty(0).Max();
        long kept = Recompute ? (long)spec.Width * spec.Layers.Count : whole;
        return tokens * (kept * (BFloat16 ? sizeof(ushort) : sizeof(float)) + (Recompute || BFloat16 ? largest * sizeof(float) : 0));
    }

    // Two norms, attention's and feed-forward's results and two sums; queries, keys, values, heads; gate, up, product, in
    // each expert that a token uses.
    private static long Floats(TransformerSpec spec, LayerSpec l) => 6L * spec.Width + l.HeadSize * (2L * l.Heads + 2L * l.KeyValueHeads)
        + (spec.Encoder is null ? 0 : 2L * spec.Width + l.HeadSize * (2L * l.Heads + 2L * l.KeyValueHeads))
        + 3L * (l.FeedForwardWidth * (l.Experts?.PerToken ?? 1) + (l.Experts?.SharedWidth ?? 0));
}
