using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>The normal distribution cut to [0, 1].</summary>
internal static class TruncatedNormal
{
    private const double HalfLogTwoPi = 0.91893853320467274178;

    /// <summary>The log of what the density is divided by: σ √(2π) times the mass inside [0, 1].</summary>
    public static double LogNormalizer(double mean, double deviation)
    {
        double mass = Normal.Cumulative((1 - mean) / deviation) - Normal.Cumulative(-mean / deviation);
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
}
