using Cleave.Data.Reading;
using Cleave.Models.Bag;
using Cleave.Training.Bag;

namespace Cleave.Tests.Training.Bag;

public sealed class BagOnBankingTests
{
    [SharedFact]
    public void Tells_confusable_bank_intents_apart_in_few_bytes()
    {
        LabelledTexts train = Read("banking77/train.csv", out string[] names), test = Read("banking77/test.csv", out _);
        var options = new BagTrainingOptions { Dim = 32, Hidden = 64, MaxRows = 4000, Epochs = 8, LearningRate = 4e-3f };
        BagTrainingResult result = BagTrainer.Train(options, train, names.Length, test);
        BagClassifier classifier = BagClassifier.From(result.Model, names, bits: 4);
        int correct = 0;
        var logits = new float[names.Length];
        foreach ((string text, int label) in test.Texts.Zip(test.Labels))
        {
            classifier.Predict(text, logits);
            correct += Array.IndexOf(logits, logits.Max()) == label ? 1 : 0;
        }
        Assert.True(result.Epochs[^1].ValidationAccuracy > 0.9, $"{result.Epochs[^1]}");
        Assert.Equal(result.Epochs[^1].ValidationAccuracy, (double)correct / test.Texts.Count, 0.01);
        Assert.InRange(classifier.WeightBytes, 1, 120_000);
    }

    private static LabelledTexts Read(string file, out string[] names)
    {
        Row[] rows = [.. RowReader.Read(Shared.Data(file)).Where(r => r["category"]!.StartsWith("pending_", StringComparison.Ordinal)
            || r["category"]!.StartsWith("top_up_", StringComparison.Ordinal) || r["category"]!.StartsWith("transfer_", StringComparison.Ordinal))];
        string[] found = [.. rows.Select(r => r["category"]!).Distinct().Order(StringComparer.Ordinal)];
        names = found;
        return new LabelledTexts([.. rows.Select(r => r["text"]!)], [.. rows.Select(r => Array.IndexOf(found, r["category"]))]);
    }
}
