namespace Cleave.Evaluation;

/// <summary>A metric's value with an interval and the number of items behind it.</summary>
/// <param name="Method">How the interval was found: <c>wilson</c> or <c>bootstrap</c>.</param>
/// <param name="Confidence">The share of such intervals that hold the true value.</param>
public sealed record ConfidenceInterval(string Method, double Value, double Low, double High, double Confidence, int Items)
{
    /// <summary>The interval that suits the metric: Wilson's for accuracy and exact match, the bootstrap's for others.</summary>
    public static ConfidenceInterval Of(IScored scored, double confidence = 0.95, int resamples = 2000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(scored);
        if (scored.Metric != Metric.Accuracy && scored.Metric != Metric.ExactMatch)
            return Bootstrap.Interval(scored, confidence, resamples, seed);
        return Wilson((int)Math.Round(scored.Value() * scored.Count), scored.Count, confidence);
    }

    /// <summary>
    /// Wilson's score interval for a proportion (Wilson 1927), without continuity correction:
    /// (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
    /// </summary>
    public static ConfidenceInterval Wilson(int successes, int items, double confidence = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(items);
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, items);
        double z = Normal.Quantile(0.5 + Bootstrap.CheckConfidence(confidence) / 2);
        double n = items, p = successes / n, square = z * z / n;
        double centre = (p + square / 2) / (1 + square);
        double half = z * Math.Sqrt(p * (1 - p) / n + square / (4 * n)) / (1 + square);
        double low = successes == 0 ? 0 : centre - half, high = successes == items ? 1 : centre + half;
        return new ConfidenceInterval("wilson", p, low, high, confidence, items);
    }

    public override string ToString() => $"{Value:0.0000} [{Low:0.0000}, {High:0.0000}] (n = {Items})";
}
