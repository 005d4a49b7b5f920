using System.Text.Json;
using Cleave.Data.Reading;
using Cleave.Evaluation.Baselines;

namespace Cleave.Tests.Evaluation.Baselines;

public sealed class TfidfLogisticRegressionTests : IDisposable
{
    private static readonly TfidfLogisticOptions Exact = new() { MaxIterations = 300, Tolerance = 1e-5 };

    private readonly JsonDocument _golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden/Baselines/logistic.json")));

    public void Dispose() => _golden.Dispose();

    [Theory]
    [InlineData("three", 3)]
    [InlineData("two", 2)]
    public void Probabilities_are_scikit_learns(string name, int classes)
    {
        JsonElement root = _golden.RootElement;
        string[] texts = [.. root.GetProperty("texts").EnumerateArray().Select(t => t.GetString()!)];
        int[] labels = [.. root.GetProperty("labels").EnumerateArray().Select(l => Math.Min(l.GetInt32(), classes - 1))];
        int train = root.GetProperty("train").GetInt32();
        TfidfLogisticRegression model = TfidfLogisticRegression.Fit(texts[..train], labels[..train], classes, Exact);
        JsonElement expected = root.GetProperty(name);
        Assert.Equal(texts.Length - train, expected.GetArrayLength());
        for (int i = train; i < texts.Length; i++)
        {
            float[] actual = model.Predict(texts[i]);
            for (int c = 0; c < classes; c++)
                Assert.Equal(expected[i - train][c].GetDouble(), actual[c], 2e-4);
        }
    }

    [SharedFact]
    public void Accuracy_on_confusable_bank_intents_is_scikit_learns()
    {
        JsonElement bank = _golden.RootElement.GetProperty("bank");
        string[] names = [.. bank.GetProperty("names").EnumerateArray().Select(n => n.GetString()!)];
        (string[] texts, int[] labels) = Read("banking77/train.csv", names);
        (string[] testTexts, int[] testLabels) = Read("banking77/test.csv", names);
        TfidfLogisticRegression model = TfidfLogisticRegression.Fit(texts, labels, names.Length);
        int correct = testTexts.Zip(testLabels).Count(t => model.Predict(t.First) is var p && Array.IndexOf(p, p.Max()) == t.Second);
        Assert.Equal(bank.GetProperty("accuracy").GetDouble(), (double)correct / testTexts.Length, 0.005);
    }

    [Fact]
    public void The_same_texts_give_the_same_bits()
    {
        string[] texts = ["my card is lost", "send a wire", "card gone", "wire sent"];
        float[] Fit() => TfidfLogisticRegression.Fit(texts, [0, 1, 0, 1], 2).Predict("a card wire");
        Assert.Equal(Fit(), Fit());
    }

    [Fact]
    public void Callers_mistakes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => TfidfLogisticRegression.Fit(["a"], [2], 2));
        Assert.Throws<ArgumentException>(() => TfidfLogisticRegression.Fit(["a"], [0, 1], 2));
        Assert.Throws<ArgumentException>(() => MajorityBaseline.Fit([], 2));
        Assert.Throws<ArgumentException>(() => MajorityBaseline.Fit([2], 2));
    }

    [Fact]
    public void The_majority_is_the_most_frequent_class()
    {
        MajorityBaseline majority = MajorityBaseline.Fit([0, 2, 1, 2, 2, 1], 4);
        Assert.Equal((2, 0.5), (majority.Label, majority.Share));
        Assert.Equal(1, MajorityBaseline.Fit([2, 1, 2, 1], 3).Label);
    }

    private static (string[] Texts, int[] Labels) Read(string file, string[] names)
    {
        Row[] rows = [.. RowReader.Read(Shared.Data(file)).Where(r => names.Contains(r["category"]))];
        return ([.. rows.Select(r => r["text"]!)], [.. rows.Select(r => Array.IndexOf(names, r["category"]))]);
    }
}
