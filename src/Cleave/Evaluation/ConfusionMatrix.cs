using Cleave.Data;

namespace Cleave.Evaluation;

/// <summary>One class's scores; 0 where a ratio has no items.</summary>
/// <param name="Precision">Right / found.</param>
/// <param name="Recall">Right / expected.</param>
/// <param name="Support">How many items are of the class.</param>
public sealed record LabelScores(string Label, double Precision, double Recall, double F1, int Support);

/// <summary>How often each expected label met each predicted one.</summary>
public sealed class ConfusionMatrix
{
    /// <summary>The name under which missing predictions are counted.</summary>
    public const string NoLabel = "(none)";

    private readonly int[,] _counts;

    private ConfusionMatrix(IReadOnlyList<string> labels, int[,] counts, int items) =>
        (Labels, _counts, Items) = (labels, counts, items);

    /// <summary>The labels of examples and predictions, in ordinal order.</summary>
    public IReadOnlyList<string> Labels { get; }

    public int Items { get; }

    /// <summary>How many items of label number <paramref name="expected"/> were given label number <paramref
    /// name="predicted"/>.</summary>
    public int this[int expected, int predicted] => _counts[expected, predicted];

    public static ConfusionMatrix Of(IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(predictions);
        if (examples.Count != predictions.Count)
            throw new ArgumentException($"{examples.Count} examples but {predictions.Count} predictions", nameof(predictions));
        string[] expected = [.. examples.Select(e =>
            e.Label ?? throw new ArgumentException($"the example {e.Source} has no label", nameof(examples)))];
        string[] predicted = [.. predictions.Select(p => p.Label ?? NoLabel)];
        string[] labels = [.. expected.Concat(predicted).Distinct().Order(StringComparer.Ordinal)];
        var counts = new int[labels.Length, labels.Length];
        for (int i = 0; i < expected.Length; i++)
            counts[Number(labels, expected[i]), Number(labels, predicted[i])]++;
        return new ConfusionMatrix(labels, counts, expected.Length);
    }

    /// <summary>Precision, recall and F1 of every label, in the order of <see cref="Labels"/>.</summary>
    public IReadOnlyList<LabelScores> Scores() => [.. Labels.Select((label, k) =>
    {
        int right = _counts[k, k], expected = 0, found = 0;
        for (int j = 0; j < Labels.Count; j++)
        {
            expected += _counts[k, j];
            found += _counts[j, k];
        }
        return new LabelScores(label, found == 0 ? 0 : (double)right / found, expected == 0 ? 0 : (double)right / expected,
            expected + found == 0 ? 0 : 2.0 * right / (expected + found), expected);
    })];

    private static int Number(string[] labels, string label) => Array.BinarySearch(labels, label, StringComparer.Ordinal);
}
