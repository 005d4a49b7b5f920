using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Splitting.Modules;
using Cleave.Tests.Models;
using Cleave.Training.FineTuning;

namespace Cleave.Tests.Training.FineTuning;

public sealed class MixupTests
{
    [Theory]
    [InlineData(0.2)]
    [InlineData(1)]
    [InlineData(3)]
    public void Shares_have_the_moments_of_a_beta_distribution(double alpha)
    {
        var rng = new Rng(7);
        double[] shares = [.. Enumerable.Range(0, 40_000).Select(_ => Mixup.Beta(alpha, rng))];
        double mean = shares.Average(), variance = shares.Average(s => (s - mean) * (s - mean));
        Assert.All(shares, s => Assert.InRange(s, 0, 1));
        Assert.Equal(0.5, mean, 0.01);
        Assert.Equal(1 / (4 * (2 * alpha + 1)), variance, 0.003);
    }

    [Fact]
    public void The_seed_and_the_update_decide()
    {
        Assert.Equal(Drawn(1, 5).Shares, Drawn(1, 5).Shares);
        Assert.NotEqual(Drawn(1, 5).Shares, Drawn(1, 6).Shares);
        Assert.NotEqual(Drawn(1, 5).Shares, Drawn(2, 5).Shares);
        Assert.Equal(Enumerable.Range(0, 20), Drawn(1, 5).Partners.Order());
    }

    /// <summary>The loss of a mixture of pooled states is λ·CE(first label) + (1 − λ)·CE(second), from the plain logits by hand.</summary>
    [Fact]
    public void The_loss_is_that_of_mixed_texts_and_labels()
    {
        LanguageModel model = TinyModel.Create(layers: 1);
        TaskHead head = TaskHead.Create("mood", HeadKind.Classify, ["a", "b", "c"], model.Transformer.Spec.Width, new Rng(3));
        TaskItem[] items = [.. new[] { "thank you", "where is my order", "that was very quick, thanks" }.Select((t, i) => new TaskItem(model.Tokenizer.Encode(t), [i], i))];
        var mixup = new Mixup(1, 9);
        mixup.Begin(4);
        using var tape = new Tape(records: true);
        double loss = new TaskObjective(TaskKind.Classify, model.Transformer, head) { Mixup = mixup }.Loss(tape, items);
        tape.Reset();
        var logits = new float[3][];
        using (var outputs = new TransformerOutputs(model.Transformer, head))
            outputs.Run(items, (i, _, _, row) => logits[i] = row.ToArray());
        (int[] partners, float[] shares) = mixup.Draw(3);
        double expected = 0;
        for (int r = 0; r < 3; r++)
        {
            double[] z = [.. logits[r].Zip(logits[partners[r]], (own, other) => shares[r] * (double)own + (1 - shares[r]) * other)];
            double all = Math.Log(z.Sum(Math.Exp));
            expected += (shares[r] * (all - z[r]) + (1 - shares[r]) * (all - z[partners[r]])) / 3;
        }
        Assert.Equal(expected, loss, 1e-5);
    }

    private static (int[] Partners, float[] Shares) Drawn(ulong seed, int update)
    {
        var mixup = new Mixup(0.4, seed);
        mixup.Begin(update);
        return mixup.Draw(20);
    }
}
