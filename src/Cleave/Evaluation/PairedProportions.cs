namespace Cleave.Evaluation;

/// <summary>Two proportions measured on the same items: McNemar's test and Tango's score bound.</summary>
public static class PairedProportions
{
    /// <summary>
    /// McNemar's exact test that both sides are right equally often (two-sided): twice the smaller tail of a binomial
    /// with one half over the items on which they differ, at most 1 (McNemar 1947).
    /// </summary>
    /// <param name="onlyFirst">Items that only the first side gets right.</param>
    /// <param name="onlySecond">Items that only the second side gets right.</param>
    public static double McNemar(int onlyFirst, int onlySecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyFirst);
        ArgumentOutOfRangeException.ThrowIfNegative(onlySecond);
        int n = onlyFirst + onlySecond, k = Math.Min(onlyFirst, onlySecond);
        double term = -n * Math.Log(2), sum = 0; // log of C(n, i) / 2^n
        for (int i = 0; i <= k; i++)
        {
            sum += Math.Exp(term);
            term += Math.Log(n - i) - Math.Log(i + 1);
        }
        return Math.Min(1, 2 * sum);
    }

    /// <summary>
    /// The one-sided p-value of "first minus second ≤ <paramref name="difference"/>" by Tango's score statistic (Tango,
    /// Statistics in Medicine 17, 1998): z = (b − c − nΔ) / √(n(2q + Δ(1 − Δ))), q the likelihood's largest share of
    /// items that only the second gets right where the difference is Δ.
    /// </summary>
    public static double PValue(int onlyFirst, int onlySecond, int items, double difference)
    {
        Check(onlyFirst, onlySecond, items);
        if (difference is not (> -1 and < 1))
            throw new ArgumentOutOfRangeException(nameof(difference), "a difference of proportions lies between -1 and 1");
        return 1 - Normal.Cdf(Score(onlyFirst, onlySecond, items, difference));
    }

    /// <summary>The largest difference that <see cref="PValue"/> rejects at 1 − confidence: the lower bound of first
    /// minus second.</summary>
    public static double LowerBound(int onlyFirst, int onlySecond, int items, double confidence = 0.95)
    {
        Check(onlyFirst, onlySecond, items);
        double z = Normal.Quantile(Bootstrap.CheckConfidence(confidence));
        double low = -1 + 1e-15, high = (double)(onlyFirst - onlySecond) / items;
        for (int i = 0; i < 200 && low < high; i++)
        {
            double middle = (low + high) / 2;
            if (middle == low || middle == high)
                break;
            if (Score(onlyFirst, onlySecond, items, middle) > z)
                low = middle;
            else
                high = middle;
        }
        return low;
    }

    private static double Score(int onlyFirst, int onlySecond, int items, double difference)
    {
        // q solves 2n q² + B q + C = 0 (Tango's equation for the restricted maximum of the likelihood).
        double b = onlyFirst, c = onlySecond, n = items, d = difference;
        double linear = -b - c + (2 * n - b + c) * d, constant = -c * d * (1 - d);
        double q = (Math.Sqrt(Math.Max(0, linear * linear - 8 * n * constant)) - linear) / (4 * n);
        double variance = n * (2 * q + d * (1 - d));
        double distance = b - c - n * d;
        return variance > 0 ? distance / Math.Sqrt(variance) : distance == 0 ? 0 : Math.Sign(distance) * double.PositiveInfinity;
    }

    private static void Check(int onlyFirst, int onlySecond, int items)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyFirst);
        ArgumentOutOfRangeException.ThrowIfNegative(onlySecond);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(items);
        if ((long)onlyFirst + onlySecond > items)
            throw new ArgumentException("more items differ than there are", nameof(items));
    }
}
