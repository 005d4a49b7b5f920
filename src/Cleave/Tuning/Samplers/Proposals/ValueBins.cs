namespace Cleave.Tuning.Samplers.Proposals;

/// <summary>What follows from probabilities of intervals in each of which a value is uniform.</summary>
internal static class ValueBins
{
    /// <summary>E[max(0, best − value)].</summary>
    public static double Improvement(IReadOnlyList<double> edges, ReadOnlySpan<float> probabilities, double best)
    {
        double sum = 0;
        for (int k = 0; k < probabilities.Length && edges[k] < best; k++)
        {
            double low = edges[k], high = edges[k + 1];
            sum += probabilities[k] * (best >= high ? best - (low + high) / 2 : (best - low) * (best - low) / (2 * (high - low)));
        }
        return sum;
    }

    /// <summary>P(value ≤ limit).</summary>
    public static double Below(IReadOnlyList<double> edges, ReadOnlySpan<float> probabilities, double limit)
    {
        double sum = 0;
        for (int k = 0; k < probabilities.Length && edges[k] < limit; k++)
            sum += probabilities[k] * Math.Min(1, (limit - edges[k]) / (edges[k + 1] - edges[k]));
        return sum;
    }

    public static double Mean(IReadOnlyList<double> edges, ReadOnlySpan<float> probabilities)
    {
        double sum = 0;
        for (int k = 0; k < probabilities.Length; k++)
            sum += probabilities[k] * (edges[k] + edges[k + 1]) / 2;
        return sum;
    }
}
