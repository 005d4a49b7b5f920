using Cleave.Models;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training.Ensembles;

namespace Cleave.Tests.Training.Ensembles;

public class WeightSoupTests
{
    [Fact]
    public void Every_weight_is_the_mean_of_the_members()
    {
        LanguageModel[] members = [.. Enumerable.Range(1, 3).Select(s => TinyModel.Create(layers: 1, seed: (ulong)s))];
        LanguageModel into = TinyModel.Create(layers: 1, seed: 9);
        WeightSoup.Mean(into, members);
        foreach ((string name, Tensor tensor) in into.Transformer.Parameters())
        {
            Tensor[] parts = [.. members.Select(m => m.Transformer.Parameters().First(p => p.Name == name).Tensor)];
            for (int i = 0; i < tensor.Length; i += 7)
                Assert.Equal(parts.Average(p => (double)p.Data[i]), tensor.Data[i], 1e-6);
        }
        Assert.Throws<ArgumentException>(() => WeightSoup.Mean(into, [members[0], TinyModel.Create(layers: 2)]));
    }

    /// <summary>The score is the closeness of one weight to a target: 0 and 1 average to it, 5 leads away, and 0.5 stays.</summary>
    [Fact]
    public void Greedy_keeps_what_makes_it_no_worse()
    {
        float[] values = [0, 1, 5, 0.5f];
        LanguageModel[] members = [.. values.Select(v => Filled(v))];
        LanguageModel into = Filled(7);
        IReadOnlyList<int> kept = WeightSoup.Greedy(into, members, m => -Math.Abs(First(m) - 0.5));
        Assert.Equal([0, 1, 3], kept);
        Assert.Equal(0.5, First(into), 1e-6);
    }

    private static double First(LanguageModel model) => model.Transformer.Parameters().First().Tensor.Data[0];

    private static LanguageModel Filled(float value)
    {
        LanguageModel model = TinyModel.Create(layers: 1);
        foreach ((_, Tensor tensor) in model.Transformer.Parameters())
            tensor.Data.Fill(value);
        return model;
    }
}
