using Cleave.Data;

namespace Cleave.Evaluation.Metrics;

/// <summary>A metric that is a function of two sums over the items: a numerator's and a denominator's.</summary>
internal sealed class RatioScored(Metric metric, double[] numerators, double[] denominators, Func<double, double, double> ratio)
    : IScored
{
    public Metric Metric => metric;
    public int Count => numerators.Length;

    /// <summary>2 · right / (expected + found).</summary>
    public static IScored SpanF1(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions)
    {
        var right = new double[examples.Count];
        var total = new double[examples.Count];
        for (int i = 0; i < right.Length; i++)
        {
            var expected = examples[i].Spans.ToHashSet();
            var found = predictions[i].Spans.ToHashSet();
            total[i] = expected.Count + found.Count;
            expected.IntersectWith(found);
            right[i] = 2 * expected.Count;
        }
        return new RatioScored(metric, right, total, (a, b) => b == 0 ? 1 : a / b);
    }

    public static IScored Perplexity(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions)
    {
        var losses = new double[examples.Count];
        var tokens = new double[examples.Count];
        for (int i = 0; i < losses.Length; i++)
        {
            losses[i] = predictions[i].NegativeLogLikelihood ?? double.NaN;
            tokens[i] = predictions[i].Tokens;
            if (!double.IsFinite(losses[i]) || tokens[i] <= 0)
            {
                throw new ArgumentException(
                    $"prediction {i} has no finite log-likelihood over at least one token", nameof(predictions));
            }
        }
        return new RatioScored(metric, losses, tokens, (a, b) => Math.Exp(a / b));
    }

    public double Value(ReadOnlySpan<int> chosen)
    {
        if (chosen.IsEmpty)
            throw new ArgumentException("a metric over no item is undefined", nameof(chosen));
        double numerator = 0, denominator = 0;
        foreach (int i in chosen)
        {
            numerator += numerators[i];
            denominator += denominators[i];
        }
        return ratio(numerator, denominator);
    }
}
