namespace Cleave.Serving.Allocation;

/// <summary>What share of the processor each of several modules has while all of them are busy.</summary>
public static class ProcessorShares
{
    /// <summary>Of the processor, what minimum shares may take together: something is left for those without one.</summary>
    public const double MostMinimums = 0.95;

    /// <summary>
    /// Shares that sum to 1: proportional to the weights, except that nobody has less than its minimum; what that takes is taken from the others, again
    /// by their weights. As weights of <see cref="Engine.ComputeShare"/> they hold whatever the others do, and what somebody does not use the others share.
    /// </summary>
    /// <param name="weights">Above 0.</param>
    /// <param name="minimums">From 0, together at most <see cref="MostMinimums"/>.</param>
    /// <exception cref="ArgumentException">Different counts, or a value is out of range.</exception>
    public static double[] Of(IReadOnlyList<double> weights, IReadOnlyList<double> minimums)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(minimums);
        if (weights.Count != minimums.Count || weights.Any(w => !(w > 0) || !double.IsFinite(w)))
            throw new ArgumentException("each has a weight above 0 and a minimum", nameof(weights));
        if (minimums.Any(m => !(m >= 0)) || minimums.Sum() > MostMinimums + 1e-9)
            throw new ArgumentException($"minimums are at least 0 and together at most {MostMinimums}", nameof(minimums));
        var shares = new double[weights.Count];
        var held = new bool[weights.Count]; // at its minimum
        for (bool again = true; again;)
        {
            again = false;
            double left = 1, sum = 0;
            for (int i = 0; i < shares.Length; i++)
            {
                left -= held[i] ? minimums[i] : 0;
                sum += held[i] ? 0 : weights[i];
            }
            for (int i = 0; i < shares.Length; i++)
            {
                shares[i] = held[i] ? minimums[i] : left * weights[i] / sum;
                if (!held[i] && shares[i] < minimums[i])
                    held[i] = again = true;
            }
        }
        return shares;
    }
}
