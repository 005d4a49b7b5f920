using Cleave.Data;

namespace Cleave.Evaluation;

/// <summary>Scores of single items, where a metric over all of them has one: what a loss an item is made of.</summary>
public static class ItemScores
{
    /// <summary>
    /// By item, in [0, 1]: 1 for the right class and 0 for another, whatever the metric of classes; the metric of the one item
    /// otherwise. Null for perplexity, which has no bounds.
    /// </summary>
    public static IReadOnlyList<double>? Of(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(examples);
        if (metric.Name == Metric.Perplexity.Name)
            return null;
        IScored scored = (metric.Kinds.Contains(TaskKind.Classify) ? Metric.Accuracy : metric).Score(examples, predictions);
        return [.. Enumerable.Range(0, examples.Count).Select(i => scored.Value([i]))];
    }
}
