using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training.Distillation;

namespace Cleave.Tests.Training.Distillation;

public class LiveTeachersTests
{
    private static readonly int[] Ids = [.. Enumerable.Range(0, 40).Select(i => 7 * i % 300)];

    [Fact]
    public void Several_teachers_teach_the_weighted_mean_of_their_probabilities()
    {
        Transformer[] models = [TinyModel.Create(seed: 1).Transformer, TinyModel.Create(layers: 1, seed: 2).Transformer];
        using var teachers = new LiveTeachers(models, 3, [3, 1]);
        teachers.Read(new TokenBatch().Add(Ids), [0]);
        Tensor[] logits = [.. models.Select(Logits)];
        float[] row = new float[teachers.VocabularySize];
        foreach (int first in new[] { 0, 16 })
        {
            teachers.Begin(first, 16);
            for (int r = first; r < first + 16; r++)
            {
                teachers.Probabilities(r, default, row);
                for (int c = 0; c < row.Length; c += 37)
                    Assert.Equal(0.75 * Softmax(logits[0], r, c, 3) + 0.25 * Softmax(logits[1], r, c, 3), row[c], 1e-7);
            }
        }
    }

    [Fact]
    public void A_fingerprint_is_of_the_weights_and_their_shares()
    {
        Transformer first = TinyModel.Create(seed: 1).Transformer, same = TinyModel.Create(seed: 1).Transformer, other = TinyModel.Create(seed: 1).Transformer;
        other.Parameters().Last().Tensor.Data[^1] += 1e-6f;
        Assert.Equal(Fingerprint([first]), Fingerprint([same]));
        Assert.NotEqual(Fingerprint([first]), Fingerprint([other]));
        Assert.NotEqual(Fingerprint([first, other]), Fingerprint([first, other], 2, 1));
    }

    [Fact]
    public void Teachers_that_do_not_go_together_are_refused()
    {
        Transformer model = TinyModel.Create().Transformer;
        Assert.Contains("encoder", Refused([TinyModel.CreateEncoder().Transformer]), StringComparison.Ordinal);
        Assert.Contains("no mean", Refused([model, Transformer.Create(model.Spec with { VocabularySize = 64 }, new Rng(1))]), StringComparison.Ordinal);
        Assert.Contains("weights for 1 teachers", Refused([model], 1, 2), StringComparison.Ordinal);
        Assert.Contains("not all of them 0", Refused([model, model], 0, 0), StringComparison.Ordinal);
        Assert.Contains("a number from 0", Refused([model, model], 1, double.NaN), StringComparison.Ordinal);
    }

    private static string Fingerprint(Transformer[] models, params double[] weights)
    {
        using var teachers = new LiveTeachers(models, 1, weights);
        return teachers.Fingerprint;
    }

    private static string Refused(Transformer[] models, params double[] weights) => Assert.Throws<CleaveException>(() => new LiveTeachers(models, 1, weights)).Message;

    private static Tensor Logits(Transformer model)
    {
        var tape = new Tape(records: false);
        return model.Logits(tape, model.Forward(tape, new TokenBatch().Add(Ids)));
    }

    private static double Softmax(Tensor logits, int row, int column, double t)
    {
        float[] z = logits.Data.Slice(row * logits.Columns, logits.Columns).ToArray();
        return Math.Exp(z[column] / t) / z.Sum(x => Math.Exp(x / t));
    }
}
