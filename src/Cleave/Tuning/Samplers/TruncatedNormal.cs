using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>The normal distribution cut to [0, 1].</summary>
internal static class TruncatedNormal
{
    private const double HalfLogTwoPi = 0.91893853320467274178;

    /// <summary>The log of what the density is divided by: σ √(2π) times the mass inside [0, 1].</summary>
    public static double LogNormalizer(double mean, double deviation)
    {
        double mass = Cumulative((1 - mean) / deviation) - Cumulative(-mean / deviation);
        return HalfLogTwoPi + Math.Log(deviation * Math.Max(mass, 1e-12));
    }

    /// <summary>By rejection: a mean in [0, 1] keeps at least the share of the mass on one side of it that a normal has within 1/σ.</summary>
    public static double Sample(Rng rng, double mean, double deviation)
    {
        while (true)
        {
            double x = mean + deviation * rng.NextGaussian();
            if (x is >= 0 and <= 1)
                return x;
        }
    }

    /// <summary>Φ(z) to 1.5e-7 (Abramowitz and Stegun, 7.1.26).</summary>
    public static double Cumulative(double z)
    {
        double x = Math.Abs(z) / Math.Sqrt(2), t = 1 / (1 + 0.3275911 * x);
        double tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.Exp(-x * x) / 2;
        return z > 0 ? 1 - tail : tail;
    }
}
