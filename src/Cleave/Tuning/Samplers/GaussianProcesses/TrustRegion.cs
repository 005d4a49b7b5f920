namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>
/// The box around a good trial in which a study looks when it has outgrown its model (after Eriksson et al., "Scalable Global Optimization
/// via Local Bayesian Optimization", 2019): it grows with every better trial and shrinks while there is none; when it is tiny, the next
/// one opens around the next basin. It follows from the history alone.
/// </summary>
/// <param name="HalfWidth">In unit coordinates.</param>
/// <param name="Cycle">How many regions have ended before.</param>
internal readonly record struct TrustRegion(double HalfWidth, int Cycle)
{
    private const double Start = 0.2, Most = 0.8, Least = 0.004;

    /// <param name="losses">Of the trials in order.</param>
    /// <param name="from">The trial from which the study counts.</param>
    public static TrustRegion After(ReadOnlySpan<double> losses, int from, int dimensions)
    {
        double best = double.PositiveInfinity, width = Start, shrink = Math.Pow(0.5, 1.0 / (dimensions + 2));
        int cycle = 0;
        for (int i = 0; i < losses.Length; i++)
        {
            bool better = losses[i] < best;
            best = Math.Min(best, losses[i]);
            if (i < from)
                continue;
            width = better ? Math.Min(Most, width * 1.5) : width * shrink;
            if (width < Least)
                (width, cycle) = (Start, cycle + 1);
        }
        return new TrustRegion(width, cycle);
    }

    /// <summary>The box of a point, cut to the space; choices are free.</summary>
    public SearchBox Around(double[] centre)
    {
        double half = HalfWidth;
        return new SearchBox([.. centre.Select(c => Math.Max(0, c - half))], [.. centre.Select(c => Math.Min(1, c + half))]);
    }
}

/// <summary>The least and the largest coordinate of each number that a search may try.</summary>
internal sealed record SearchBox(double[] Low, double[] High)
{
    public static SearchBox Whole(int dimensions) => new(new double[dimensions], [.. Enumerable.Repeat(1.0, dimensions)]);

    /// <summary>Whether the numbers of a point lie inside.</summary>
    public bool Contains(double[] point, bool[] isChoice)
    {
        for (int d = 0; d < point.Length; d++)
        {
            if (!isChoice[d] && (point[d] < Low[d] || point[d] > High[d]))
                return false;
        }
        return true;
    }
}
