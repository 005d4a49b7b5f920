using Cleave.Numerics;

namespace Cleave.Evaluation;

/// <summary>The bootstrap over items (Efron 1979).</summary>
public static class Bootstrap
{
    /// <summary>
    /// The percentile interval: the metric's (1 − confidence)/2 and (1 + confidence)/2 quantiles over resamples of the
    /// items, drawn with replacement. Too narrow below about 30 items.
    /// </summary>
    public static ConfidenceInterval Interval(IScored scored, double confidence = 0.95, int resamples = 2000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(scored);
        CheckConfidence(confidence);
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 100);
        Rng rng = Rng.For(seed, "bootstrap");
        var items = new int[scored.Count];
        var values = new double[resamples];
        for (int b = 0; b < resamples; b++)
        {
            for (int i = 0; i < items.Length; i++)
                items[i] = rng.NextInt(items.Length);
            values[b] = scored.Value(items);
        }
        Array.Sort(values);
        double tail = (1 - confidence) / 2;
        (double low, double high) = (Quantile(values, tail), Quantile(values, 1 - tail));
        return new ConfidenceInterval("bootstrap", scored.Value(), low, high, confidence, scored.Count);
    }

    internal static double CheckConfidence(double confidence) => confidence is > 0 and < 1
        ? confidence : throw new ArgumentOutOfRangeException(nameof(confidence), "a confidence lies between 0 and 1");

    /// <summary>The quantile of sorted values, interpolated linearly at (n − 1)·share.</summary>
    internal static double Quantile(ReadOnlySpan<double> sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int below = (int)at;
        return below + 1 < sorted.Length ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) : sorted[^1];
    }
}
