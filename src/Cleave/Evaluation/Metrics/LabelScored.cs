using Cleave.Data;
using Cleave.Formats;

namespace Cleave.Evaluation.Metrics;

/// <summary>A metric of one label an item, computed from each class's counts.</summary>
internal sealed class LabelScored : IScored
{
    /// <summary>A prediction without a label; labels are trimmed text, so none is NUL.</summary>
    private const string NoLabel = "\0";

    private readonly int[] _expected, _found;
    private readonly Func<ClassCounts, double> _formula;
    private readonly ClassCounts _counts;

    private LabelScored(Metric metric, int[] expected, int[] found, int classes, int noLabel, Func<ClassCounts, double> formula)
    {
        (Metric, _expected, _found, _formula) = (metric, expected, found, formula);
        _counts = new ClassCounts(classes, noLabel);
    }

    public Metric Metric { get; }
    public int Count => _expected.Length;

    public static IScored Accuracy(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions) =>
        Of(metric, examples, predictions, c => (double)c.Right / c.Items);

    public static IScored MacroF1(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions) =>
        Of(metric, examples, predictions, c => c.MacroF1());

    public static IScored Matthews(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions) =>
        Of(metric, examples, predictions, c => c.Matthews());

    public static IScored F1(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions,
        string? positive)
    {
        KeyValuePair<string, int>[] classes = [.. examples.Select(Expected).CountBy(l => l)];
        if (positive is not null && !classes.Any(c => c.Key == positive))
        {
            string[] labels = [.. classes.Select(c => c.Key).Order(StringComparer.Ordinal)];
            throw new CleaveException($"the positive label '{positive}' is none of the labels; {Suggest.Hint(positive, labels)}");
        }
        if (classes.Length > 2)
            return Accuracy(metric, examples, predictions);
        string one = positive ?? classes.OrderBy(c => c.Value).ThenByDescending(c => c.Key, StringComparer.Ordinal).First().Key;
        return Of(metric, examples, predictions, (c, number) => c.F1(number[one]));
    }

    public double Value(ReadOnlySpan<int> items)
    {
        if (items.IsEmpty)
            throw new ArgumentException("a metric over no item is undefined", nameof(items));
        _counts.Clear();
        foreach (int i in items)
            _counts.Add(_expected[i], _found[i]);
        return _formula(_counts);
    }

    private static LabelScored Of(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions,
        Func<ClassCounts, double> formula) =>
        Of(metric, examples, predictions, (counts, _) => formula(counts));

    private static LabelScored Of(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions,
        Func<ClassCounts, Dictionary<string, int>, double> formula)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        int[] expected = [.. examples.Select(e => Number(Expected(e)))];
        int[] found = [.. predictions.Select(p => Number(p.Label ?? NoLabel))];
        int noLabel = numbers.GetValueOrDefault(NoLabel, -1);
        return new LabelScored(metric, expected, found, numbers.Count, noLabel, c => formula(c, numbers));

        int Number(string label) => numbers.TryGetValue(label, out int n) ? n : numbers[label] = numbers.Count;
    }

    private static string Expected(Example e) =>
        e.Label ?? throw new ArgumentException($"the example {e.Source} has no label, which this metric needs", nameof(e));
}
