namespace Cleave.Tuning.Samplers;

/// <summary>The standard normal distribution.</summary>
internal static class Normal
{
    private static readonly double[] Above = [3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931, 220.206867912376];
    private static readonly double[] Below = [8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831, 793.826512519948, 440.413735824752];

    /// <summary>Φ(z) to 15 digits, of the tails too (Hart et al., "Computer Approximations", 1968, number 5666).</summary>
    public static double Cumulative(double z)
    {
        double x = Math.Abs(z), tail = Math.Exp(-x * x / 2);
        if (x < 7.07106781186547)
            tail *= Polynomial(Above, x) / Polynomial(Below, x);
        else
            tail /= 2.506628274631 * (x + 1 / (x + 2 / (x + 3 / (x + 4 / (x + 0.65)))));
        return z > 0 ? 1 - tail : tail;
    }

    private static double Polynomial(double[] coefficients, double x)
    {
        double sum = 0;
        foreach (double c in coefficients)
            sum = sum * x + c;
        return sum;
    }
}
