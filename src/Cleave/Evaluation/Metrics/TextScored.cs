using Cleave.Data;

namespace Cleave.Evaluation.Metrics;

/// <summary>Metrics that compare a written text with the expected one.</summary>
internal static class TextScored
{
    public static IScored ExactMatch(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions) =>
        Mean(metric, examples, predictions, (expected, found) => Words.Squad(expected).SequenceEqual(Words.Squad(found)) ? 1 : 0);

    public static IScored TokenF1(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions) =>
        Mean(metric, examples, predictions, (expected, found) => BagF1(Words.Squad(expected), Words.Squad(found)));

    public static IScored RougeL(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions) =>
        Mean(metric, examples, predictions, (expected, found) => SubsequenceF1(Words.Rouge(expected), Words.Rouge(found)));

    private static MeanScored Mean(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions,
        Func<string, string, double> score)
    {
        var items = new double[examples.Count];
        for (int i = 0; i < items.Length; i++)
            items[i] = score(Expected(examples[i]), Found(examples[i], predictions[i]));
        return new MeanScored(metric, items);
    }

    /// <summary>The expected text: the target, or the words of the first span, or nothing.</summary>
    private static string Expected(Example e) => e.Target ?? FirstSpan(e.Text, e.Spans);

    private static string Found(Example e, Prediction p) => p.Text ?? FirstSpan(e.Text, p.Spans);

    /// <summary>A model's span may reach outside of the text: the part within counts.</summary>
    private static string FirstSpan(string text, IReadOnlyList<TextSpan> spans)
    {
        if (spans.Count == 0)
            return "";
        int start = Math.Clamp(spans[0].Start, 0, text.Length);
        return text[start..Math.Clamp(spans[0].End, start, text.Length)];
    }

    /// <summary>F1 of the words common to both, each as often as in the poorer one; where either has no words, 1 if both
    /// have none.</summary>
    private static double BagF1(IReadOnlyList<string> expected, IReadOnlyList<string> found)
    {
        if (expected.Count == 0 || found.Count == 0)
            return expected.Count == found.Count ? 1 : 0;
        Dictionary<string, int> left = expected.CountBy(w => w).ToDictionary(StringComparer.Ordinal);
        int common = 0;
        foreach (string word in found)
        {
            int n = left.GetValueOrDefault(word);
            if (n <= 0)
                continue;
            left[word] = n - 1;
            common++;
        }
        return 2.0 * common / (expected.Count + found.Count);
    }

    /// <summary>2 · LCS / (m + n): the harmonic mean of LCS / m and LCS / n; 0 where either has no words.</summary>
    private static double SubsequenceF1(IReadOnlyList<string> expected, IReadOnlyList<string> found)
    {
        if (expected.Count == 0 || found.Count == 0)
            return 0;
        var row = new int[found.Count + 1];
        foreach (string word in expected)
        {
            int diagonal = 0;
            for (int j = 1; j <= found.Count; j++)
            {
                int above = row[j];
                row[j] = word == found[j - 1] ? diagonal + 1 : Math.Max(above, row[j - 1]);
                diagonal = above;
            }
        }
        return 2.0 * row[^1] / (expected.Count + found.Count);
    }
}
