namespace Cleave.Models;

/// <summary>One layer's widths, and what else may differ from layer to layer.</summary>
/// <param name="Heads">H, query heads.</param>
/// <param name="KeyValueHeads">G, key-value heads, a divisor of H.</param>
/// <param name="HeadSize">D.</param>
/// <param name="FeedForwardWidth">F; of each expert where there are several.</param>
public sealed record LayerSpec(int Heads, int KeyValueHeads, int HeadSize, int FeedForwardWidth)
{
    /// <summary>A token sees those fewer than this many positions away; 0 for all.</summary>
    public int Window { get; init; }

    /// <summary>Sparse experts in place of one feed-forward network, or null.</summary>
    public ExpertSpec? Experts { get; init; }

    /// <summary>Weights of attention's four projections.</summary>
    public long AttentionWeights(int width) => (long)width * HeadSize * (2L * Heads + 2L * KeyValueHeads);

    /// <summary>Weights of the projections, without biases and norms.</summary>
    /// <param name="matrices">Matrices of a feed-forward network: 3 with a gate, 2 without.</param>
    /// <param name="active">True: only what one token uses.</param>
    public long Weights(int width, int matrices, bool active)
    {
        long network = (long)matrices * width * FeedForwardWidth;
        return AttentionWeights(width) + (Experts is not { } e ? network
            : (active ? e.PerToken : e.Count) * network + (long)width * e.Count + (e.SharedWidth > 0 ? (long)matrices * width * e.SharedWidth + width : 0));
    }
}

/// <summary>Feed-forward networks of which every token uses a few (Shazeer et al., 2017; Jiang et al., 2024).</summary>
/// <param name="Count">E.</param>
/// <param name="PerToken">K, the experts that a token is sent to: those with the highest probability.</param>
/// <param name="Normalized">Whether the probabilities of a token's K experts are made to sum to 1.</param>
/// <param name="SharedWidth">The width of a network that every token uses besides, behind a gate of its own; 0 for none.</param>
public sealed record ExpertSpec(int Count, int PerToken, bool Normalized, int SharedWidth = 0);
