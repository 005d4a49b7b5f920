using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Numerics;
using Cleave.Splitting.Certificates;

namespace Cleave.Tests.Evaluation;

public class SignificanceTests
{
    private static readonly string[] Classes = ["a", "b", "c"];

    private static Example[] Labelled(int n) => [.. Enumerable.Range(0, n).Select(i => new Example { Text = "", Label = Classes[i % 3] })];

    private static Prediction Answer(Example e, bool right) =>
        new() { Label = right ? e.Label : Classes[(Array.IndexOf(Classes, e.Label) + 1) % 3] };

    /// <summary>Pairs of predictions of which the reference alone is right with one chance, the candidate alone with another.</summary>
    private static (Prediction[] Reference, Prediction[] Candidate) Pairs(Example[] examples, double onlyReference, double onlyCandidate, double both, Rng rng)
    {
        double[] draws = [.. examples.Select(_ => rng.NextDouble())];
        return ([.. examples.Select((e, i) => Answer(e, draws[i] < onlyReference || draws[i] >= onlyReference + onlyCandidate && draws[i] < onlyReference + onlyCandidate + both))],
            [.. examples.Select((e, i) => Answer(e, draws[i] >= onlyReference && draws[i] < onlyReference + onlyCandidate + both))]);
    }

    [Fact]
    public void Bootstrap_intervals_cover_the_true_value_as_often_as_they_say()
    {
        var rng = new Rng(21);
        const double Truth = 0.7;
        int covered = 0;
        const int Rounds = 300;
        for (int round = 0; round < Rounds; round++)
        {
            Example[] examples = Labelled(100);
            IScored scored = Metric.Accuracy.Score(examples, [.. examples.Select(e => Answer(e, rng.NextDouble() < Truth))]);
            ConfidenceInterval interval = Bootstrap.Interval(scored, 0.9, 199, (ulong)round);
            covered += interval.Low <= Truth && Truth <= interval.High ? 1 : 0;
            Assert.Equal(100, interval.Items);
        }
        Assert.InRange(covered / (double)Rounds, 0.85, 0.95);
    }

    [Fact]
    public void Intervals_suit_the_metric_hold_the_value_and_repeat()
    {
        Example[] examples = Labelled(200);
        var rng = new Rng(22);
        Prediction[] predictions = [.. examples.Select(e => Answer(e, rng.NextDouble() < 0.8))];
        Assert.Equal("wilson", ConfidenceInterval.Of(Metric.Accuracy.Score(examples, predictions)).Method);
        ConfidenceInterval interval = ConfidenceInterval.Of(Metric.MacroF1.Score(examples, predictions), seed: 4);
        Assert.Equal(("bootstrap", 200), (interval.Method, interval.Items));
        Assert.InRange(interval.Value, interval.Low, interval.High);
        Assert.Equal(interval, ConfidenceInterval.Of(Metric.MacroF1.Score(examples, predictions), seed: 4));
        Assert.NotEqual(interval.Low, ConfidenceInterval.Of(Metric.MacroF1.Score(examples, predictions), seed: 5).Low);
    }

    [Theory]
    [InlineData(0.8413447460685429, 1)]
    [InlineData(0.975, 1.959963984540054)]
    [InlineData(0.95, 1.6448536269514722)]
    [InlineData(1e-10, -6.361340902404056)]
    [InlineData(0.5, 0)]
    public void Normal_quantiles_are_the_tabulated_ones(double share, double expected)
    {
        Assert.Equal(expected, Normal.Quantile(share), 1e-12);
        Assert.Equal(share, Normal.Cdf(expected), 1e-13);
    }

    [Fact]
    public void Tangos_bound_without_any_difference_has_its_closed_form()
    {
        double z = 1.6448536269514722;
        foreach (int n in new[] { 1, 10, 50, 3080 })
            Assert.Equal(-z * z / (n + z * z), PairedProportions.LowerBound(0, 0, n), 1e-9);
    }

    /// <summary>At the margin a test may pass with a chance of 5%; whatever the number of items and of differences.</summary>
    [Theory]
    [InlineData("accuracy", 60, 0.05, 0.00, 0.05, NonInferiorityMethod.PairedBootstrap)]
    [InlineData("accuracy", 60, 0.15, 0.10, 0.05, NonInferiorityMethod.PairedBootstrap)]
    [InlineData("accuracy", 50, 0.01, 0.00, 0.01, NonInferiorityMethod.PairedBootstrap)]
    [InlineData("accuracy", 150, 0.06, 0.03, 0.03, NonInferiorityMethod.PairedBootstrap)]
    [InlineData("accuracy", 60, 0.15, 0.10, 0.05, NonInferiorityMethod.PairedScore)]
    [InlineData("accuracy", 400, 0.05, 0.03, 0.02, NonInferiorityMethod.PairedScore)]
    [InlineData("macro-f1", 120, 0.10, 0.05, 0.05, NonInferiorityMethod.PairedBootstrap)]
    public void False_passes_at_the_margin_are_rare(string metric, int items, double onlyReference, double onlyCandidate, double margin, NonInferiorityMethod method)
    {
        var rng = new Rng(23);
        Example[] examples = Labelled(items);
        int passed = 0;
        const int Rounds = 200;
        for (int round = 0; round < Rounds; round++)
        {
            (Prediction[] reference, Prediction[] candidate) = Pairs(examples, onlyReference, onlyCandidate, 0.75, rng);
            passed += NonInferiority.Test(Metric.Parse(metric, TaskKind.Classify), examples, reference, candidate, margin, seed: (ulong)round, method: method, resamples: 119).Passed ? 1 : 0;
        }
        Assert.True(passed <= 0.075 * Rounds, $"{passed} of {Rounds} passed");
    }

    [Fact]
    public void Modules_with_headroom_on_some_items_nearly_always_pass_on_others()
    {
        var rng = new Rng(29);
        Example[] items = Labelled(200), test = Labelled(400);
        int sure = 0, passed = 0;
        for (int round = 0; round < 300; round++)
        {
            double onlyReference = 0.1 * rng.NextDouble(), onlyModule = 0.1 * rng.NextDouble();
            (Prediction[] reference, Prediction[] module) = Pairs(items, onlyReference, onlyModule, 0.75, rng);
            if (CertificateForecast.Headroom(Metric.Accuracy, items, reference, module, 0.05, test.Length, (ulong)round) < 0)
                continue;
            sure++;
            (reference, module) = Pairs(test, onlyReference, onlyModule, 0.75, rng);
            passed += NonInferiority.Test(Metric.Accuracy, test, reference, module, 0.05, seed: (ulong)round, resamples: 199).Passed ? 1 : 0;
        }
        Assert.InRange(sure, 50, 250); // those that are equal and worse are not
        Assert.True(passed >= 0.93 * sure, $"{passed} of {sure}");
    }

    [Fact]
    public void Headroom_follows_the_margin_and_grows_with_the_items_of_the_certificate()
    {
        Example[] items = Labelled(300);
        (Prediction[] reference, Prediction[] module) = Pairs(items, 0.05, 0.05, 0.8, new Rng(30));
        double Of(double margin, int testItems) => CertificateForecast.Headroom(Metric.MacroF1, items, reference, module, margin, testItems, 1);
        Assert.Equal(Of(0.02, 300) + 0.03, Of(0.05, 300), 1e-12);
        Assert.True(Of(0.05, 100) < Of(0.05, 1000) && Of(0.05, 1000) < Of(0.05, 100_000));
        // Without chance on the test items what is left is the difference's own lower bound.
        NonInferiorityResult own = NonInferiority.Test(Metric.MacroF1, items, reference, module, 0.05, seed: 1);
        Assert.Equal(own.LowerBound + own.Margin, Of(0.05, int.MaxValue), 1e-3);
    }

    [Fact]
    public void Equal_models_pass_on_many_items_and_not_on_few()
    {
        foreach (NonInferiorityMethod method in Enum.GetValues<NonInferiorityMethod>())
        {
            NonInferiorityResult Same(int n)
            {
                Example[] examples = Labelled(n);
                Prediction[] answers = [.. examples.Select((e, i) => Answer(e, i % 10 != 0))];
                return NonInferiority.Test(Metric.Accuracy, examples, answers, answers, 0.01, method: method, resamples: 399);
            }
            NonInferiorityResult many = Same(2000), few = Same(40);
            Assert.True(many.Passed);
            Assert.False(few.Passed);
            Assert.Equal((0.0, 2000, 0.9), (many.Difference, many.Items, Math.Round(many.Reference, 12)));
            Assert.InRange(many.LowerBound, -0.01, 0);
            Assert.Equal(few.Passed, few.LowerBound > -few.Margin);
        }
    }

    [Fact]
    public void A_worse_model_fails_a_better_one_passes_and_the_verdict_follows_the_bound()
    {
        var rng = new Rng(24);
        Example[] examples = Labelled(500);
        (Prediction[] good, Prediction[] bad) = Pairs(examples, 0.12, 0.02, 0.8, rng);
        NonInferiorityResult worse = NonInferiority.Test(Metric.MacroF1, examples, good, bad, 0.02);
        NonInferiorityResult better = NonInferiority.Test(Metric.MacroF1, examples, bad, good, 0.02);
        Assert.True(!worse.Passed && better.Passed);
        Assert.True(worse.Difference < 0 && better.Difference > 0 && worse.PValue > 0.9 && better.PValue < 0.001);
        Assert.Equal(worse, NonInferiority.Test(Metric.MacroF1, examples, good, bad, 0.02));
        foreach (double margin in new[] { 0, 0.05, 0.08, 0.1, 0.12, 0.13, 0.14, 0.2 })
        {
            NonInferiorityResult r = NonInferiority.Test(Metric.MacroF1, examples, good, bad, margin, resamples: 499);
            Assert.Equal(r.LowerBound > -margin, r.Passed);
            Assert.Equal(r.PValue <= 0.05, r.Passed);
        }
    }

    [Fact]
    public void Differences_are_positive_where_the_candidate_is_better_also_for_perplexity()
    {
        Example[] examples = [.. Enumerable.Range(0, 60).Select(_ => new Example { Text = "x" })];
        Prediction[] Of(double loss) => [.. examples.Select((_, i) => new Prediction { NegativeLogLikelihood = loss + i % 5, Tokens = 10 })];
        NonInferiorityResult r = NonInferiority.Test(Metric.Perplexity, examples, Of(20), Of(19), 0.1);
        Assert.True(r.Difference > 0 && r.Passed);
        Assert.Equal(r.Reference - r.Candidate, r.Difference, 1e-12);
    }

    [Fact]
    public void Extraction_and_generation_are_tested_with_their_metrics()
    {
        Example[] examples = [.. Enumerable.Range(0, 400).Select(i => new Example { Text = "0123456789", Target = i % 4 == 0 ? "" : $"word {i}", Spans = i % 4 == 0 ? [] : [new TextSpan(0, 4, "s")] })];
        Prediction[] right = [.. examples.Select(e => new Prediction { Text = e.Target, Spans = e.Spans })];
        Prediction[] mostly = [.. right.Select((p, i) => i % 20 == 1 ? new Prediction { Text = "wrong", Spans = [new TextSpan(1, 2, "s")] } : p)];
        foreach (Metric metric in new[] { Metric.SpanF1, Metric.TokenF1, Metric.ExactMatch, Metric.RougeL })
        {
            Assert.True(NonInferiority.Test(metric, examples, right, mostly, 0.1, resamples: 499).Passed, metric.Name);
            Assert.False(NonInferiority.Test(metric, examples, right, mostly, 0.02, resamples: 499).Passed, metric.Name);
        }
        Assert.Throws<ArgumentException>(() => NonInferiority.Test(Metric.SpanF1, examples, right, mostly, 0.1, method: NonInferiorityMethod.PairedScore));
    }
}
