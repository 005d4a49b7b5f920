using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;

namespace Cleave.Tests.Evaluation;

/// <summary>Against scikit-learn, SciPy and plain definitions in Python: Golden/metrics/make_metrics.py.</summary>
public class GoldenMetricsTests
{
    private const double Tolerance = 1e-9;

    private static readonly JsonNode Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "metrics", "metrics.json")))!;

    private static T[] Values<T>(JsonNode? list) => [.. list!.AsArray().Select(v => v!.GetValue<T>())];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Label_metrics_agree_with_scikit_learn(int number)
    {
        JsonNode golden = Golden["labels"]![number]!;
        Example[] examples = [.. Values<string>(golden["truth"]).Select(l => new Example { Text = "", Label = l })];
        Prediction[] predictions = [.. Values<string>(golden["found"]).Select(l => new Prediction { Label = l })];
        string? positive = golden["positive"]?.GetValue<string>();
        foreach (string name in Metric.Names(TaskKind.Classify))
        {
            double value = Metric.Parse(name, TaskKind.Classify, positive).Score(examples, predictions).Value();
            Assert.Equal(golden[name]!.GetValue<double>(), value, Tolerance);
        }
        Assert.Equal(golden["f1"]!.GetValue<double>(), Metric.F1().Score(examples, predictions).Value(), Tolerance);

        ConfusionMatrix matrix = ConfusionMatrix.Of(examples, predictions);
        Assert.Equal(Values<string>(golden["labels"]), matrix.Labels);
        for (int i = 0; i < matrix.Labels.Count; i++)
        {
            int[] row = Values<int>(golden["confusion"]![i]);
            Assert.Equal(row, Enumerable.Range(0, row.Length).Select(j => matrix[i, j]));
            LabelScores scores = matrix.Scores()[i];
            Assert.Equal(golden["precision"]![i]!.GetValue<double>(), scores.Precision, Tolerance);
            Assert.Equal(golden["recall"]![i]!.GetValue<double>(), scores.Recall, Tolerance);
            Assert.Equal(golden["f1-each"]![i]!.GetValue<double>(), scores.F1, Tolerance);
            Assert.Equal(golden["support"]![i]!.GetValue<int>(), scores.Support);
        }
    }

    [Theory]
    [InlineData("exact-match")]
    [InlineData("token-f1")]
    [InlineData("rouge-l")]
    public void Text_metrics_agree_with_their_definitions(string name)
    {
        JsonArray pairs = Golden["texts"]!.AsArray();
        Assert.True(pairs.Count > 60);
        Example[] examples = [.. pairs.Select(p => new Example { Text = "", Target = p!["gold"]!.GetValue<string>() })];
        Prediction[] predictions = [.. pairs.Select(p => new Prediction { Text = p!["found"]!.GetValue<string>() })];
        IScored scored = Metric.Parse(name, TaskKind.Generate).Score(examples, predictions);
        for (int i = 0; i < pairs.Count; i++)
            Assert.Equal(pairs[i]![name]!.GetValue<double>(), scored.Value([i]), Tolerance);
    }

    [Fact]
    public void Wilson_intervals_agree_with_scipy()
    {
        foreach (JsonNode? g in Golden["wilson"]!.AsArray())
        {
            ConfidenceInterval interval = ConfidenceInterval.Wilson(g!["successes"]!.GetValue<int>(), g["items"]!.GetValue<int>(), g["confidence"]!.GetValue<double>());
            Assert.Equal(g["low"]!.GetValue<double>(), interval.Low, Tolerance);
            Assert.Equal(g["high"]!.GetValue<double>(), interval.High, Tolerance);
        }
    }

    [Fact]
    public void McNemar_agrees_with_scipys_binomial_test()
    {
        foreach (JsonNode? g in Golden["mcnemar"]!.AsArray())
            Assert.Equal(g!["p"]!.GetValue<double>(), PairedProportions.McNemar(g["first"]!.GetValue<int>(), g["second"]!.GetValue<int>()), Tolerance);
    }

    [Fact]
    public void Tangos_test_agrees_with_a_numerical_maximum_of_the_likelihood()
    {
        foreach (JsonNode? g in Golden["tango"]!.AsArray())
        {
            int first = g!["first"]!.GetValue<int>(), second = g["second"]!.GetValue<int>(), items = g["items"]!.GetValue<int>();
            Assert.Equal(g["p"]!.GetValue<double>(), PairedProportions.PValue(first, second, items, -g["margin"]!.GetValue<double>()), 1e-6);
            Assert.Equal(g["bound"]!.GetValue<double>(), PairedProportions.LowerBound(first, second, items), 1e-6);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Temperatures_agree_with_a_numerical_minimum(int number)
    {
        JsonNode golden = Golden["temperature"]![number]!;
        float[][] logits = [.. golden["logits"]!.AsArray().Select(row => Values<double>(row).Select(z => (float)z).ToArray())];
        TemperatureScaling fit = TemperatureScaling.Fit(logits, Values<int>(golden["labels"]));
        Assert.Equal(golden["temperature"]!.GetValue<double>(), fit.Temperature, 1e-5);
        Assert.Equal(golden["before"]!.GetValue<double>(), fit.LossBefore, 1e-7);
        Assert.Equal(golden["after"]!.GetValue<double>(), fit.LossAfter, 1e-7);
    }

    [Fact]
    public void Calibration_errors_agree_with_numpy()
    {
        JsonNode golden = Golden["calibration"]!;
        Calibration calibration = Calibration.Of(Values<double>(golden["confidences"]), Values<bool>(golden["right"]), golden["bins"]!.GetValue<int>());
        Assert.Equal(golden["error"]!.GetValue<double>(), calibration.ExpectedError, Tolerance);
        Assert.Equal(golden["largest"]!.GetValue<double>(), calibration.LargestError, Tolerance);
        Assert.Equal(150, calibration.Bins.Sum(b => b.Items));
    }
}
