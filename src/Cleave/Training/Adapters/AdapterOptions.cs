namespace Cleave.Training.Adapters;

/// <summary>How a frozen matrix is adapted.</summary>
public enum AdapterKind
{
    /// <summary>y = x·Wᵀ + s·x·Aᵀ·Bᵀ (Hu et al., 2021).</summary>
    Lora,

    /// <summary>LoRA's sum with a learnt length of every row: y = m / ‖W + s·B·A‖ · (x·Wᵀ + s·x·Aᵀ·Bᵀ) (Liu et al., 2024).</summary>
    Dora,

    /// <summary>A learnt factor for every output, or for every input of a feed-forward network's last matrix (Liu et al., 2022).</summary>
    Ia3,
}

/// <summary>Which matrices are adapted, and how.</summary>
public sealed record AdapterOptions(AdapterKind Kind)
{
    /// <summary>All matrices of the layers.</summary>
    public const string AllLinear = "all-linear";

    /// <summary>r, the rows of A; LoRA and DoRA.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>α; the adapter's part is scaled by α / r.</summary>
    public double Alpha { get; init; } = 16;

    /// <summary>Scale by α / √r, which higher ranks need (Kalajdzievski, 2023).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>
    /// Names of matrices, as Llama calls them (q_proj) or as the family's files do (c_attn), or <see cref="AllLinear"/>; empty for the usual
    /// ones: all for LoRA and DoRA, keys, values and the feed-forward network's last for (IA)³.
    /// </summary>
    public IReadOnlyList<string> Targets { get; init; } = [];

    internal double Scale(int rank, double alpha) => alpha / (RankStabilized ? Math.Sqrt(rank) : rank);

    internal IReadOnlyList<string> Chosen => Targets.Count > 0 ? Targets : Kind == AdapterKind.Ia3 ? ["k_proj", "v_proj", "down_proj"] : [AllLinear];
}
