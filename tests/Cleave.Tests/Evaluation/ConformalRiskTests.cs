using System.Text.Json;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Numerics;

namespace Cleave.Tests.Evaluation;

[Trait("Kernels", "unused")]
public class ConformalRiskTests
{
    /// <summary>By hand: of nine items, the losses left behind a threshold plus 1 may come to at most 10 times the risk.</summary>
    [Fact]
    public void The_lowest_threshold_that_leaves_little_enough_loss_is_taken()
    {
        double[] confidences = [0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], losses = [0, 0.5, 0, 0, 1, 0, 1, 0, 1];
        ConformalThreshold some = ConformalRisk.Control(confidences, losses, 0.25); // 1.5 is left: the two least sure mistakes go
        Assert.Equal((0.55, 3.0 / 9, 1.5 / 9), (Math.Round(some.Threshold, 12), some.Rate, some.Loss));
        Assert.Equal((0, 0), (ConformalRisk.Control(confidences, losses, 0.45).Threshold, ConformalRisk.Control(confidences, losses, 0.45).Rate));
        ConformalThreshold all = ConformalRisk.Control(confidences, losses, 0.09); // nine items cannot show a tenth
        Assert.True(all is { Rate: 1, Loss: 0, Threshold: > 1 });
        ConformalThreshold tied = ConformalRisk.Control([0.5, 0.5, 0.9], [0, 1, 0], 0.3); // equal confidences cannot be parted
        Assert.Equal((0.7, 2.0 / 3), (Math.Round(tied.Threshold, 12), tied.Rate));
        Assert.Equal(1, ConformalRisk.Control([0.5, 0.5, 0.9], [0, 1, 0], 0.2).Rate);
    }

    /// <summary>Against the definition in exact fractions: Golden/routing/make_conformal.py.</summary>
    [Fact]
    public void Thresholds_are_those_of_the_definition()
    {
        JsonElement[] cases = [.. JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "routing", "conformal.json"))).RootElement.EnumerateArray()];
        Assert.Equal(40, cases.Length);
        foreach (JsonElement golden in cases)
        {
            double[] confidences = Numbers("confidences"), losses = Numbers("losses");
            ConformalThreshold found = ConformalRisk.Control(confidences, losses, golden.GetProperty("risk").GetDouble());
            Assert.Equal(golden.GetProperty("handed_over").GetInt32(), confidences.Count(c => c < found.Threshold));
            Assert.Equal(golden.GetProperty("handed_over").GetInt32(), found.Rate * found.Items, 1e-9);
            Assert.Equal(golden.GetProperty("left").GetDouble(), found.Loss * found.Items, 1e-9);

            double[] Numbers(string name) => [.. golden.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];
        }
    }

    /// <summary>The theorems: over draws of calibration items and one more, the loss of that one is at most the risk, and hardly less.</summary>
    [Theory]
    [InlineData(0.02, 100)]
    [InlineData(0.1, 40)]
    [InlineData(0.2, 120)]
    public void The_loss_of_one_more_item_is_at_most_the_risk(double risk, int items)
    {
        var rng = new Rng(17);
        const int Rounds = 4000;
        double sum = 0, square = 0;
        for (int round = 0; round < Rounds; round++)
        {
            (double[] confidences, double[] losses) = Draw(rng, items + 1);
            double threshold = ConformalRisk.Control(confidences[..items], losses[..items], risk).Threshold;
            double loss = confidences[items] < threshold ? 0 : losses[items];
            (sum, square) = (sum + loss, square + loss * loss);
        }
        double mean = sum / Rounds, error = 4 * Math.Sqrt(square / Rounds - mean * mean) / Math.Sqrt(Rounds);
        Assert.InRange(mean, risk - 3.0 / (items + 1) - error, risk + error);

        // A classifier that is surer than it is right: wrong more often where it is unsure, by a fraction of an item at times.
        static (double[], double[]) Draw(Rng rng, int count)
        {
            var (confidences, losses) = (new double[count], new double[count]);
            for (int i = 0; i < count; i++)
            {
                confidences[i] = Math.Sqrt(rng.NextDouble());
                losses[i] = rng.NextDouble() < 0.8 * (1 - confidences[i]) + 0.1 ? rng.NextInt(2) == 0 ? 1 : rng.NextDouble() : 0;
            }
            return (confidences, losses);
        }
    }

    [Fact]
    public void Escalation_under_control_loses_at_most_the_risk_and_says_what_it_comes_to()
    {
        // 60 items, the module sure of those that it gets right; it is also right twice where the monolith is not.
        Example[] examples = [.. Enumerable.Range(0, 60).Select(i => new Example { Text = "", Label = i % 2 == 0 ? "a" : "b" })];
        Prediction[] module = [.. examples.Select((e, i) => new Prediction { Label = i < 10 ? "c" : e.Label, Confidence = 0.3 + 0.01 * i })];
        Prediction[] monolith = [.. examples.Select((e, i) => new Prediction { Label = i is 3 or 30 or 31 ? "c" : e.Label })];
        IReadOnlyList<double> own = ItemScores.Of(Metric.MacroF1, examples, module)!, reference = ItemScores.Of(Metric.MacroF1, examples, monolith)!;
        Assert.Equal((50, 57), (own.Sum(), reference.Sum()));
        Escalation e = Escalation.Control(Metric.Accuracy, examples, module, monolith, own, reference, 0.05);
        // (left + 1) / 61 ≤ 0.05 leaves two mistakes; item 3 costs nothing, as the monolith errs too.
        Assert.Equal((8.0 / 60, 0.375, 0.05), (e.Rate, Math.Round(e.Threshold, 9), e.Risk));
        Assert.Equal((50.0 / 60, 57.0 / 60), (e.Module, e.Monolith));
        Assert.Equal(57.0 / 60, e.Cascade, 1e-12); // 7 mended, and 2 the other way still right
        Assert.Equal(0, Escalation.Control(Metric.Accuracy, examples, module, monolith, own, reference, 0.2).Rate);
        Assert.Null(ItemScores.Of(Metric.Perplexity, examples, [.. examples.Select(_ => new Prediction { NegativeLogLikelihood = 1, Tokens = 1 })]));
    }
}
