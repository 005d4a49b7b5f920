using Cleave.Numerics.Kernels;

namespace Cleave.Models.Positions;

/// <summary>A change of the rotary frequencies for contexts longer than those of pre-training.</summary>
public abstract record RotaryScaling
{
    /// <summary>The frequencies, in radians per position.</summary>
    /// <param name="plain">θ^(−2i/D), without scaling.</param>
    public abstract double[] Frequencies(double[] plain, double theta);

    /// <summary>What cos and sin are multiplied with.</summary>
    public virtual double Magnitude => 1;

    /// <summary>The first thing that makes it impossible, or null.</summary>
    public abstract string? Problem();

    /// <summary>The table of angles for so many elements of a head.</summary>
    public static RotaryTable Table(RotaryScaling? scaling, int size, double theta, int positions)
    {
        double[] plain = RotaryTable.Frequencies(size, theta);
        return scaling is null ? new RotaryTable(plain, positions) : new RotaryTable(scaling.Frequencies(plain, theta), positions, scaling.Magnitude);
    }
}

/// <summary>Positions divided by a factor (Chen et al., 2023).</summary>
public sealed record LinearScaling(double Factor) : RotaryScaling
{
    public override double[] Frequencies(double[] plain, double theta) => [.. plain.Select(f => f / Factor)];

    public override string? Problem() => Factor >= 1 ? null : "the factor must be at least 1";
}

/// <summary>
/// The base grows with a sequence that is longer than the context, which is refused here: within the context nothing changes.
/// </summary>
public sealed record DynamicScaling(double Factor) : RotaryScaling
{
    public override double[] Frequencies(double[] plain, double theta) => plain;

    public override string? Problem() => Factor >= 1 ? null : "the factor must be at least 1";
}

/// <summary>Llama 3.1's: long wavelengths are divided, short ones kept, with a smooth passage (Llama Team, 2024).</summary>
/// <param name="LowFactor">Wavelengths above OriginalContext / LowFactor are divided.</param>
/// <param name="HighFactor">Wavelengths below OriginalContext / HighFactor are kept.</param>
public sealed record Llama3Scaling(double Factor, double LowFactor, double HighFactor, int OriginalContext) : RotaryScaling
{
    public override double[] Frequencies(double[] plain, double theta) => [.. plain.Select(Scaled)];

    private double Scaled(double frequency)
    {
        double turns = OriginalContext * frequency / (2 * Math.PI); // within the original context
        double kept = Math.Clamp((turns - LowFactor) / (HighFactor - LowFactor), 0, 1);
        return (1 - kept) * frequency / Factor + kept * frequency;
    }

    public override string? Problem() =>
        Factor >= 1 && LowFactor > 0 && HighFactor > LowFactor ? null : "the factor must be at least 1 and high_freq_factor above low_freq_factor";
}

/// <summary>YaRN (Peng et al., 2023): as many dimensions as turn seldom are divided, with a ramp, and scores are sharpened.</summary>
/// <param name="BetaFast">Turns within the original context from which a dimension is kept.</param>
/// <param name="BetaSlow">Turns below which it is divided.</param>
/// <param name="AttentionFactor">The magnitude of cos and sin, or null for the paper's 0.1·ln(factor) + 1.</param>
/// <param name="MScale">With <paramref name="MScaleAllDimensions"/>: the magnitude is the quotient of the paper's with these coefficients.</param>
/// <param name="Truncate">Whether the ramp begins and ends at whole dimensions.</param>
public sealed record YarnScaling(double Factor, int OriginalContext, double BetaFast = 32, double BetaSlow = 1,
    double? AttentionFactor = null, double? MScale = null, double? MScaleAllDimensions = null, bool Truncate = true) : RotaryScaling
{
    public override double Magnitude => AttentionFactor
        ?? (MScale is { } m && MScaleAllDimensions is { } all && m != 0 && all != 0 ? Sharpened(m) / Sharpened(all) : Sharpened(1));

    public override double[] Frequencies(double[] plain, double theta)
    {
        int size = 2 * plain.Length;
        double low = Dimension(BetaFast, size, theta), high = Dimension(BetaSlow, size, theta);
        if (Truncate)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, size - 1));
        if (low == high)
            high += 0.001;
        return [.. plain.Select((f, i) =>
        {
            double divided = Math.Clamp((i - low) / (high - low), 0, 1);
            return divided * f / Factor + (1 - divided) * f;
        })];
    }

    // The dimension that turns so often within the original context.
    private double Dimension(double turns, int size, double theta) =>
        size * Math.Log(OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));

    private double Sharpened(double coefficient) => Factor <= 1 ? 1 : 0.1 * coefficient * Math.Log(Factor) + 1;

    public override string? Problem() =>
        Factor >= 1 && BetaFast > BetaSlow && BetaSlow > 0 && Magnitude > 0 ? null : "the factor must be at least 1, beta_fast above beta_slow and attention_factor positive";
}

/// <summary>
/// LongRoPE (Ding et al., 2024): each frequency has a divisor of its own, one list up to the original context and one for
/// longer sequences. Which list applies depends on the length of a sequence, so the context here is the original one.
/// </summary>
/// <param name="DeclaredContext">The context with the second list: <c>max_position_embeddings</c>.</param>
public sealed record LongScaling(IReadOnlyList<double> Short, IReadOnlyList<double> Long, int OriginalContext, int DeclaredContext, double? AttentionFactor) : RotaryScaling
{
    public override double Magnitude
    {
        get
        {
            double factor = (double)DeclaredContext / OriginalContext;
            return AttentionFactor ?? (factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(OriginalContext)));
        }
    }

    public override double[] Frequencies(double[] plain, double theta) => plain.Length == Short.Count
        ? [.. plain.Select((f, i) => f / Short[i])]
        : throw new ArgumentException($"{Short.Count} factors for {plain.Length} frequencies", nameof(plain));

    public override string? Problem() =>
        Short.Concat(Long).All(f => f > 0) && OriginalContext > 1 && Magnitude > 0 ? null : "every factor must be positive";
}
