namespace Cleave.Models;

/// <summary>
/// The shape of a decoder: a list of layers, each with its own widths, so that a pruned model is an ordinary model.
/// Letters: C <see cref="Width"/>, H heads, G key-value heads, D head size, F feed-forward width, V vocabulary.
/// </summary>
public sealed record TransformerSpec
{
    public required int VocabularySize { get; init; }

    /// <summary>C, the width of the residual stream.</summary>
    public required int Width { get; init; }

    /// <summary>The longest sequence, in tokens.</summary>
    public required int ContextLength { get; init; }

    public required IReadOnlyList<LayerSpec> Layers { get; init; }

    /// <summary>ε of the root-mean-square norms.</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>θ of the rotary position embedding.</summary>
    public double RotaryBase { get; init; } = 10_000;

    /// <summary>True: the output projection is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; } = true;

    /// <summary>A model whose layers are all alike.</summary>
    public static TransformerSpec Uniform(int vocabulary, int width, int layers, int heads, int kvHeads, int feedForward, int context) => new()
    {
        VocabularySize = vocabulary,
        Width = width,
        ContextLength = context,
        Layers = [.. Enumerable.Repeat(new LayerSpec(heads, kvHeads, width / heads, feedForward), layers)],
    };

    /// <summary>Weights of the trunk and the language-model head.</summary>
    public long Parameters => (long)VocabularySize * Width * (TiedEmbeddings ? 1 : 2) + Width
        + Layers.Sum(l => 2L * Width + (long)Width * l.HeadSize * (2 * l.Heads + 2 * l.KeyValueHeads) + 3L * Width * l.FeedForwardWidth);

    /// <summary>The first thing that makes this spec impossible, or null.</summary>
    public string? Problem()
    {
        if (VocabularySize < 1 || Width < 1 || ContextLength < 1)
            return "vocabulary, width and context must be positive";
        if (!(NormEpsilon > 0) || !(RotaryBase > 1))
            return "the norm's epsilon must be positive and the rotary base above 1";
        foreach (LayerSpec layer in Layers)
        {
            if (layer.Heads < 1 || layer.KeyValueHeads < 1 || layer.Heads % layer.KeyValueHeads != 0)
                return $"{layer.Heads} heads cannot share {layer.KeyValueHeads} key-value heads";
            if (layer.HeadSize < 2 || layer.HeadSize % 2 != 0 || layer.HeadSize != Layers[0].HeadSize)
                return $"head size {layer.HeadSize} must be even and the same in every layer";
            if (layer.FeedForwardWidth < 1)
                return "a feed-forward width must be positive";
        }
        return Parameters > 1L << 40 ? "more than 2^40 weights" : null;
    }
}

/// <summary>One layer's widths.</summary>
/// <param name="Heads">H, query heads.</param>
/// <param name="KeyValueHeads">G, key-value heads, a divisor of H.</param>
/// <param name="HeadSize">D.</param>
/// <param name="FeedForwardWidth">F.</param>
public sealed record LayerSpec(int Heads, int KeyValueHeads, int HeadSize, int FeedForwardWidth);
