using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Numerics;

namespace Cleave.Tests.Evaluation;

public class CalibrationTests
{
    [Fact]
    public void Temperature_keeps_the_order_of_classes_and_sums_to_one()
    {
        TemperatureScaling fit = TemperatureScaling.Fit([[3, 1, 0], [2, 0, 1], [0, 4, 1]], [0, 2, 1]);
        var p = new float[3];
        fit.Apply([1, 3, 2], p);
        Assert.True(p[1] > p[2] && p[2] > p[0]);
        Assert.Equal(1, p.Sum(), 1e-6f);
        Assert.True(fit.LossAfter <= fit.LossBefore);
    }

    [Fact]
    public void Logits_that_part_the_labels_without_error_stop_at_the_coldest_temperature()
    {
        Assert.Equal(0.05, TemperatureScaling.Fit([[1, 0], [0, 1]], [0, 1]).Temperature, 1e-6);
        Assert.Equal(100, TemperatureScaling.Fit([[1, 0], [0, 1]], [1, 0]).Temperature, 1e-3);
    }

    [Fact]
    public void Escalation_takes_the_fewest_items_that_reach_the_monolith()
    {
        // The module is wrong on its least and its third least certain item; the monolith is wrong on the second.
        double[] confidences = [0.9, 0.2, 0.6, 0.3, 0.4];
        Escalation e = Escalation.Choose(confidences, [1, 0, 1, 1, 0], [1, 1, 1, 0, 1]);
        Assert.Equal(0.8, e.Monolith);
        Assert.Equal(0.6, e.Module);
        Assert.Equal((0.25, 0.2, 0.8), (e.Threshold, e.Rate, e.Cascade));
        Assert.Equal(0, Escalation.Choose(confidences, [1, 0, 1, 1, 0], [1, 1, 1, 0, 1], tolerance: 0.2).Rate);
        Assert.Equal(0, Escalation.Choose(confidences, [1, 1, 1, 1, 1], [1, 0, 1, 1, 1]).Threshold);
        Escalation all = Escalation.Choose([0.5, 0.5], [0, 1], [1, 1]);
        Assert.True(all is { Rate: 1, Threshold: > 1 }); // equal confidences cannot be parted
    }

    [Fact]
    public void A_chosen_threshold_gives_the_promised_cascade_for_any_metric()
    {
        var rng = new Rng(31);
        for (int round = 0; round < 30; round++)
        {
            int n = 20 + rng.NextInt(200);
            Example[] examples = [.. Enumerable.Range(0, n).Select(i => new Example { Text = "", Label = i % 3 == 0 ? "a" : "b" })];
            Prediction[] module = [.. examples.Select(_ => new Prediction { Label = rng.NextInt(2) == 0 ? "a" : "b", Confidence = rng.NextInt(20) / 20.0 })];
            Prediction[] monolith = [.. examples.Select(e => new Prediction { Label = rng.NextDouble() < 0.8 ? e.Label : "a" })];
            Escalation e = Escalation.Choose(Metric.MacroF1, examples, module, monolith);
            bool[] escalated = [.. module.Select(p => p.Confidence < e.Threshold)];
            Assert.Equal(e.Rate, escalated.Count(x => x) / (double)n, 1e-12);
            double cascade = Metric.MacroF1.Score(examples, [.. module.Select((p, i) => escalated[i] ? monolith[i] : p)]).Value();
            Assert.Equal(e.Cascade, cascade, 1e-12);
            Assert.True(cascade >= e.Monolith - 1e-9);
        }
    }
}
