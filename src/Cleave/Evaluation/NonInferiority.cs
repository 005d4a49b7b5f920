using Cleave.Data;
using Cleave.Numerics;

namespace Cleave.Evaluation;

/// <summary>How a non-inferiority test is done.</summary>
public enum NonInferiorityMethod
{
    /// <summary>The bootstrap over items, the same items for both sides: any metric.</summary>
    PairedBootstrap,

    /// <summary>Tango's score test for the difference of two proportions on the same items (Tango 1998): accuracy and
    /// exact match.</summary>
    PairedScore,
}

/// <summary>Whether a candidate is at most a margin worse than a reference.</summary>
/// <param name="Method"><c>paired bootstrap</c> or <c>paired score</c>.</param>
/// <param name="Reference">The reference's metric.</param>
/// <param name="Candidate">The candidate's metric.</param>
/// <param name="Difference">How much better the candidate is, whichever way the metric points.</param>
/// <param name="LowerBound">The one-sided lower bound of the difference.</param>
/// <param name="Margin">How much worse the candidate may be, at least 0.</param>
/// <param name="Confidence">The bound's confidence.</param>
/// <param name="PValue">Of the hypothesis that the candidate is worse by the margin or more.</param>
/// <param name="Passed">The lower bound is above −margin; the same as a p-value of at most 1 − confidence.</param>
public sealed record NonInferiorityResult(string Method, string MetricName, double Reference, double Candidate, double Difference,
    double LowerBound, double Margin, double Confidence, double PValue, int Items, bool Passed);

/// <summary>Tests that a module is not worse than the monolith by more than a margin.</summary>
public static class NonInferiority
{
    /// <summary>
    /// One-sided test of H0: difference ≤ −margin. The paired bootstrap draws n items of a population of the n items and
    /// two made-up ones: one that only the reference gets right and one that only the candidate does, each with a random
    /// item's expected answer (as Bonett and Price 2012 add one to both discordant counts). Without them, two models that
    /// never differ on a few items would look certain to be equal. Perplexity needs and has no made-up items. The p-value is
    /// (1 + number of resampled differences ≤ −margin) / (1 + resamples), and the bound is the resampled difference
    /// that makes "bound > −margin" and "p ≤ 1 − confidence" the same statement.
    /// </summary>
    /// <param name="reference">The monolith's predictions.</param>
    /// <param name="candidate">The module's predictions.</param>
    /// <exception cref="ArgumentException">The counts differ, or the method does not fit the metric.</exception>
    public static NonInferiorityResult Test(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> reference,
        IReadOnlyList<Prediction> candidate, double margin, double confidence = 0.95, ulong seed = 0,
        NonInferiorityMethod method = NonInferiorityMethod.PairedBootstrap, int resamples = 4000)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(candidate);
        Bootstrap.CheckConfidence(confidence);
        if (!(margin >= 0) || !double.IsFinite(margin))
            throw new ArgumentOutOfRangeException(nameof(margin), "a margin is a finite number of at least 0");
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 100);
        return method == NonInferiorityMethod.PairedScore
            ? PairedScore(metric, examples, reference, candidate, margin, confidence)
            : PairedBootstrap(metric, examples, reference, candidate, margin, confidence, seed, resamples);
    }

    private static NonInferiorityResult PairedBootstrap(Metric metric, IReadOnlyList<Example> examples,
        IReadOnlyList<Prediction> reference, IReadOnlyList<Prediction> candidate, double margin, double confidence, ulong seed,
        int resamples)
    {
        double sign = metric.HigherIsBetter ? 1 : -1;
        PairedItems pairs = PairedItems.Of(metric, examples, reference, candidate);
        double[] differences = pairs.Resample(resamples, Rng.For(seed, "non-inferiority"), sign);
        Array.Sort(differences);
        // A tie with the margin counts against the candidate, also where rounding has parted the two.
        const double Tie = 1e-12;
        int against = differences.Count(d => d <= -margin + Tie);
        int rank = (int)Math.Floor((1 - confidence) * (resamples + 1) + Tie);
        if (rank < 1)
            throw new ArgumentException($"{resamples} resamples are too few for a confidence of {confidence}", nameof(resamples));
        double bound = differences[rank - 1];
        (double r, double c) = (pairs.Reference(), pairs.Candidate());
        return new NonInferiorityResult("paired bootstrap", metric.Name, r, c, sign * (c - r), bound, margin, confidence,
            (1.0 + against) / (1 + resamples), examples.Count, against < rank);
    }

    private static NonInferiorityResult PairedScore(Metric metric, IReadOnlyList<Example> examples,
        IReadOnlyList<Prediction> reference, IReadOnlyList<Prediction> candidate, double margin, double confidence)
    {
        if (metric != Metric.Accuracy && metric != Metric.ExactMatch)
        {
            throw new ArgumentException(
                $"the paired score test is for accuracy and exact-match, not {metric.Name}", nameof(metric));
        }
        IScored r = metric.Score(examples, reference), c = metric.Score(examples, candidate);
        int onlyReference = 0, onlyCandidate = 0, n = examples.Count;
        for (int i = 0; i < n; i++)
        {
            double better = c.Value([i]) - r.Value([i]);
            onlyReference += better < 0 ? 1 : 0;
            onlyCandidate += better > 0 ? 1 : 0;
        }
        double bound = PairedProportions.LowerBound(onlyCandidate, onlyReference, n, confidence);
        double p = PairedProportions.PValue(onlyCandidate, onlyReference, n, -margin);
        double difference = (double)(onlyCandidate - onlyReference) / n;
        return new NonInferiorityResult("paired score", metric.Name, r.Value(), c.Value(), difference, bound, margin,
            confidence, p, n, bound > -margin);
    }
}
