using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Training.Bag;

namespace Cleave.Tests.Training.Bag;

public sealed class BagTrainerTests
{
    private static readonly string[][] Telling =
    [
        ["card", "plastic", "chip", "visa"], ["transfer", "wire", "iban", "send"], ["pin", "passcode", "blocked", "unlock"],
    ];

    private static readonly BagTrainingOptions Options = new()
    {
        Ngrams = new NgramOptions { Buckets = 1 << 14 },
        Dim = 16,
        Hidden = 32,
        Epochs = 12,
        BatchSize = 8,
        FeatureDropout = 0.3f,
        LearningRate = 5e-3f,
    };

    /// <summary>Short texts in which one word in four tells the class.</summary>
    private static LabelledTexts Texts(int count, ulong seed)
    {
        var rng = new Rng(seed);
        string[] filler = ["please", "my", "the", "help", "why", "when", "did", "not", "today", "account"];
        int[] labels = [.. Enumerable.Range(0, count).Select(_ => rng.NextInt(3))];
        string[] texts = [.. labels.Select(label =>
        {
            string[] words = [.. Enumerable.Range(0, 4).Select(_ => filler[rng.NextInt(filler.Length)])];
            words[rng.NextInt(4)] = Telling[label][rng.NextInt(4)];
            return string.Join(' ', words);
        })];
        return new LabelledTexts(texts, labels);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(32)]
    public void Learns_what_can_be_learnt(int hidden)
    {
        BagTrainingResult result = BagTrainer.Train(Options with { Hidden = hidden }, Texts(200, 1), 3, Texts(100, 2));
        Assert.Equal(Options.Epochs, result.Epochs.Count);
        Assert.Equal(1, result.Epochs[^1].ValidationAccuracy);
        Assert.True(result.Epochs[^1].TrainLoss < result.Epochs[0].TrainLoss);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bits_and_another_does_not()
    {
        float[] Table(ulong seed) => BagTrainer.Train(Options with { Seed = seed, Epochs = 2 }, Texts(60, 1), 3).Model.Embedding.Table;
        Assert.Equal(Table(7), Table(7));
        Assert.NotEqual(Table(7), Table(8));
    }

    [Fact]
    public void Stops_when_told_and_is_called_after_the_last_epoch()
    {
        BagTrainingResult stopped = BagTrainer.Train(Options, Texts(30, 1), 3, onEpoch: e => e.Epoch < 3);
        Assert.Equal(3, stopped.Epochs.Count);
        var seen = new List<int>();
        BagTrainer.Train(Options with { Epochs = 2 }, Texts(30, 1), 3, onEpoch: e =>
        {
            seen.Add(e.Epoch);
            return true;
        });
        Assert.Equal([1, 2], seen);
    }

    [Fact]
    public void A_teacher_alone_teaches_its_own_view()
    {
        LabelledTexts train = Texts(200, 1), test = Texts(100, 2);
        // The teacher calls every class by the next one's number, and the labels are ignored.
        float[][] teacher = [.. train.Labels.Select(l => Enumerable.Range(0, 3).Select(c => c == (l + 1) % 3 ? 0.9f : 0.05f).ToArray())];
        var shifted = new LabelledTexts(test.Texts, [.. test.Labels.Select(l => (l + 1) % 3)]);
        BagTrainingResult result = BagTrainer.Train(Options, train, 3, shifted, BagTeacher.FromProbabilities(teacher, 2, 1));
        Assert.Equal(1, result.Epochs[^1].ValidationAccuracy);
    }

    [Fact]
    public void A_teachers_loss_is_zero_for_a_student_that_agrees_and_its_gradient_a_finite_difference()
    {
        float[] logits = [0.3f, -1, 2];
        var teacher = new BagTeacher([logits], temperature: 3, weight: 0.4f);
        float[] student = [.. logits];
        Assert.Equal(0, teacher.ForwardBackward(0, student, 1), 1e-5);
        Assert.All(student, d => Assert.Equal(0, d, 1e-6));
        float[] at = [1, 0.5f, 0];
        float[] gradient = [.. at];
        teacher.ForwardBackward(0, gradient, 1);
        for (int c = 0; c < 3; c++)
        {
            float[] above = [.. at], below = [.. at];
            above[c] += 0.01f;
            below[c] -= 0.01f;
            Assert.Equal((teacher.ForwardBackward(0, above, 1) - teacher.ForwardBackward(0, below, 1)) / 0.02, gradient[c], 1e-3);
        }
    }

    [Fact]
    public void A_heavier_class_is_chosen_where_nothing_else_decides()
    {
        // The same text with two labels, one of them more often; the weights turn the majority round.
        var train = new LabelledTexts([.. Enumerable.Repeat("same text", 30)], [.. Enumerable.Range(0, 30).Select(i => i % 3 == 0 ? 1 : 0)]);
        int Chosen(float[]? weights)
        {
            BagModel model = BagTrainer.Train(Options with { ClassWeights = weights }, train, 2).Model;
            var logits = new float[2];
            model.Predict("same text", logits);
            return logits[1] > logits[0] ? 1 : 0;
        }
        Assert.Equal(0, Chosen(null));
        Assert.Equal(1, Chosen([1, 5]));
    }

    [Fact]
    public void Callers_mistakes_are_refused()
    {
        LabelledTexts texts = Texts(10, 1);
        Assert.Throws<ArgumentException>(() => BagTrainer.Train(Options, texts with { Labels = [1] }, 3));
        Assert.Throws<ArgumentException>(() => BagTrainer.Train(Options, texts, 2));
        Assert.Throws<ArgumentException>(() => BagTrainer.Train(Options with { FeatureDropout = 1 }, texts, 3));
        Assert.Throws<ArgumentException>(() => BagTrainer.Train(Options with { ClassWeights = [1, 2] }, texts, 3));
        Assert.Throws<ArgumentException>(() => BagTrainer.Train(Options, texts, 3, teacher: new BagTeacher([[1, 2, 3]])));
        Assert.Throws<ArgumentException>(() => new BagTeacher([[1, 2, 3]], temperature: 0));
        Assert.Throws<ArgumentException>(() => new BagTeacher([[1, float.NaN, 3]]));
    }
}
