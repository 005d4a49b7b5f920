using Cleave.Models.Bag;
using Cleave.Numerics;

namespace Cleave.Tests.Models.Bag;

public sealed class BagClassifierTests
{
    private static readonly string[] Examples = ["where is my card", "the transfer failed", "unlock my pin", "top up by card", "a wire to my iban"];
    private static readonly string[] LabelNames = ["card", "transfer", "pin"];

    internal static BagModel Model(int hidden, int dim = 48)
    {
        var rng = new Rng(3);
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(new NgramOptions { Buckets = 1 << 12 }, Examples);
        var head = new BagHead(dim, hidden, LabelNames.Length);
        head.Initialise(rng);
        return new BagModel(featurizer, NgramEmbedding.Random(featurizer.Vocabulary.Count, dim, 1, rng), head);
    }

    [Theory]
    [InlineData(0, 8, 0.02)]
    [InlineData(40, 8, 0.03)]
    [InlineData(0, 4, 0.3)]
    [InlineData(40, 4, 0.4)]
    public void Logits_are_close_to_the_float_models(int hidden, int bits, double tolerance)
    {
        BagModel model = Model(hidden);
        BagClassifier classifier = BagClassifier.From(model, LabelNames, bits);
        float[] expected = new float[3], actual = new float[3];
        foreach (string text in Examples.Append(""))
        {
            model.Predict(text, expected);
            classifier.Predict(text, actual);
            for (int c = 0; c < 3; c++)
                Assert.Equal(expected[c], actual[c], tolerance);
        }
    }

    [Fact]
    public void Predicting_does_not_allocate()
    {
        BagClassifier classifier = BagClassifier.From(Model(40), LabelNames);
        var logits = new float[3];
        classifier.Predict(Examples[0], logits);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            classifier.Predict(Examples[0], logits);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Threads_share_a_classifier()
    {
        BagClassifier classifier = BagClassifier.From(Model(40), LabelNames);
        float[][] expected = [.. Examples.Select(Logits)];
        Parallel.For(0, 200, i => Assert.Equal(expected[i % Examples.Length], Logits(Examples[i % Examples.Length])));

        float[] Logits(string text)
        {
            var logits = new float[3];
            classifier.Predict(text, logits);
            return logits;
        }
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(40, 4)]
    public void The_computed_cost_is_the_real_size(int hidden, int bits)
    {
        BagClassifier classifier = BagClassifier.From(Model(hidden), LabelNames, bits);
        BagCost cost = BagCost.Of(classifier, 25);
        Assert.Equal(classifier.WeightBytes, cost.WeightBytes);
        Assert.Equal((25 * 48) + (hidden > 0 ? (48 * hidden) + (hidden * 3) : 48 * 3), cost.MultiplyAdds);
        Assert.True(cost.BytesTouched < cost.WeightBytes);
    }

    [Fact]
    public void The_wrong_room_for_logits_is_refused()
        => Assert.Throws<ArgumentException>(() => BagClassifier.From(Model(0), LabelNames).Predict("x", new float[2]));
}
