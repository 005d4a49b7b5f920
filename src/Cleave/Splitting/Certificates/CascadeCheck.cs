using Cleave.Data;
using Cleave.Evaluation;

namespace Cleave.Splitting.Certificates;

/// <summary>What a module and the monolith that it hands over to come to together, on test items: the threshold was not chosen on them.</summary>
/// <param name="Rate">The share that is handed over.</param>
/// <param name="Quality">The task's metric of both together.</param>
/// <param name="Shortfall">What an item's score loses against the monolith's on average, never gaining: what the risk is a bound of.</param>
public sealed record CascadeCheck(double Rate, double Quality, double Shortfall, int Items)
{
    /// <param name="metric">Not perplexity.</param>
    public static CascadeCheck Of(Metric metric, IReadOnlyList<Example> items, IReadOnlyList<Prediction> module, IReadOnlyList<Prediction> monolith, double threshold)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(monolith);
        Prediction[] together = [.. module.Zip(monolith, (m, r) => m.Confidence < threshold ? r : m)];
        IEnumerable<double> shortfalls = ItemScores.Of(metric, items, together)!.Zip(ItemScores.Of(metric, items, monolith)!, (c, r) => Math.Max(0, r - c));
        return new CascadeCheck(module.Count(m => m.Confidence < threshold) / (double)items.Count, metric.Score(items, together).Value(), shortfalls.Average(), items.Count);
    }
}
