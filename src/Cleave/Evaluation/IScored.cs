namespace Cleave.Evaluation;

/// <summary>
/// The sufficient statistics of a metric, one set an item, so that its value over any resample of the items costs one
/// pass over small numbers. Not safe for use from two threads at once.
/// </summary>
public interface IScored
{
    Metric Metric { get; }

    /// <summary>The number of items.</summary>
    int Count { get; }

    /// <summary>The metric over the items with these numbers; a number may occur any number of times.</summary>
    /// <exception cref="ArgumentException"><paramref name="items"/> is empty.</exception>
    double Value(ReadOnlySpan<int> items);
}

public static class ScoredExtensions
{
    /// <summary>The metric over all items.</summary>
    public static double Value(this IScored scored)
    {
        ArgumentNullException.ThrowIfNull(scored);
        return scored.Value([.. Enumerable.Range(0, scored.Count)]);
    }
}
