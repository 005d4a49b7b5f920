namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>The logarithm of what a normal variable is expected to gain below a threshold, accurate where the gain itself vanishes (Ament et al., "Unexpected Improvements to Expected Improvement", 2023).</summary>
internal static class Improvement
{
    private const double InverseRootTwoPi = 0.39894228040143267794, HalfLogTwoPi = 0.91893853320467274178;

    /// <summary>log E[max(0, best − N(mean, deviation²))].</summary>
    public static double Log(double best, double mean, double deviation) => Math.Log(deviation) + LogUnit((best - mean) / deviation);

    /// <summary>The derivatives of <see cref="Log"/> by the mean and by the deviation.</summary>
    public static (double Mean, double Deviation) Slopes(double best, double mean, double deviation)
    {
        double z = (best - mean) / deviation;
        // d log h / dz = Φ / h and d/dσ = φ / (σ h) with h(z) = φ + z Φ.
        double h = LogUnit(z), cumulative = Math.Exp(LogCumulative(z) - h), density = Math.Exp(-z * z / 2 - HalfLogTwoPi - h);
        return (-cumulative / deviation, density / deviation);
    }

    /// <summary>log Φ(z).</summary>
    public static double LogCumulative(double z) => z > -30 ? Math.Log(Normal.Cumulative(z)) : -z * z / 2 - HalfLogTwoPi - Math.Log(-z) - 1 / (z * z);

    /// <summary>log(φ(z) + z Φ(z)).</summary>
    internal static double LogUnit(double z)
    {
        double square = z * z;
        if (z > -12)
            return Math.Log(InverseRootTwoPi * Math.Exp(-square / 2) + z * Normal.Cumulative(z));
        // Three terms of the asymptotic series of 1 + z Φ/φ.
        return -square / 2 - HalfLogTwoPi + Math.Log((1 - (3 - 15 / square) / square) / square);
    }
}
