namespace Cleave.Evaluation;

/// <summary>The standard normal distribution.</summary>
internal static class Normal
{
    /// <summary>P(Z ≤ z), relative error about 1e-15 (through <see cref="UpperTail"/>).</summary>
    public static double Cdf(double z) => z < 0 ? UpperTail(-z) : 1 - UpperTail(z);

    /// <summary>The z with P(Z ≤ z) = p, by bisection on the distribution function: exact to the last few bits, and
    /// rare.</summary>
    public static double Quantile(double p)
    {
        if (p is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(p), "a quantile's share lies between 0 and 1");
        double low = -40, high = 40;
        for (int i = 0; i < 200 && low < high; i++)
        {
            double middle = (low + high) / 2;
            if (middle == low || middle == high)
                break;
            if (Cdf(middle) < p)
                low = middle;
            else
                high = middle;
        }
        return (low + high) / 2;
    }

    /// <summary>P(Z > z) for z ≥ 0: the series of the distribution function below 3, the continued fraction of Mills'
    /// ratio above.</summary>
    private static double UpperTail(double z)
    {
        double density = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
        if (z < 3)
        {
            double term = z, sum = z;
            for (int k = 3; term > sum * 1e-17; k += 2)
            {
                term *= z * z / k;
                sum += term;
            }
            return 0.5 - density * sum;
        }
        double fraction = 0;
        for (int k = 200; k > 0; k--)
            fraction = k / (z + fraction);
        return density / (z + fraction);
    }
}
