namespace Cleave.Evaluation.Metrics;

/// <summary>A metric that is the mean of one number an item.</summary>
internal sealed class MeanScored(Metric metric, double[] items) : IScored
{
    public Metric Metric => metric;
    public int Count => items.Length;

    public double Value(ReadOnlySpan<int> chosen)
    {
        if (chosen.IsEmpty)
            throw new ArgumentException("a metric over no item is undefined", nameof(chosen));
        double sum = 0;
        foreach (int i in chosen)
            sum += items[i];
        return sum / chosen.Length;
    }
}
