using System.Text.Json;
using Cleave.Models.Sampling;
using Cleave.Training.Ensembles;

namespace Cleave.Tests.Training.Ensembles;

/// <summary>SAMME and stacking against an independent implementation in double precision. Made by Golden/ensembles/make_ensembles.py.</summary>
public class EnsembleGoldenTests
{
    private static readonly JsonElement Expected =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "ensembles", "ensembles.json"))).RootElement;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Boosting_weighs_items_and_counts_votes_by_the_papers_formulas(int index)
    {
        JsonElement golden = Expected.GetProperty("samme")[index];
        int classes = golden.GetProperty("classes").GetInt32();
        int[] labels = Ints(golden.GetProperty("labels"));
        var samme = new Samme(labels.Length, classes);
        var answers = new List<int[]>();
        foreach (JsonElement round in golden.GetProperty("rounds").EnumerateArray())
        {
            answers.Add(Ints(round.GetProperty("answers")));
            Assert.True(samme.Add([.. answers[^1].Zip(labels, (a, l) => a != l)]));
            Assert.Equal(round.GetProperty("alpha").GetDouble(), samme.Votes[^1], 1e-9);
            AssertClose(Doubles(round.GetProperty("weights")), samme.Weights, 1e-12);
        }
        for (int i = 0; i < labels.Length; i++)
        {
            float[] votes = Samme.Count(samme.Votes, [.. answers.Select(a => a[i])], classes);
            AssertClose(Doubles(golden.GetProperty("votes")[i]), [.. votes.Select(v => (double)v)], 1e-5);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Stacking_finds_the_regressions_minimum(int index)
    {
        JsonElement golden = Expected.GetProperty("stacking")[index];
        int classes = golden.GetProperty("classes").GetInt32();
        IReadOnlyList<float[]>[] train = Rows(golden.GetProperty("train")), test = Rows(golden.GetProperty("test"));
        Stacker fitted = Stacker.Fit(train, Ints(golden.GetProperty("labels")), classes, golden.GetProperty("c").GetDouble());
        var read = new Stacker(fitted.Weights, train.Length, classes);
        for (int i = 0; i < test[0].Count; i++)
        {
            double[] exps = [.. read.Logits([.. test.Select(m => m[i])]).Select(z => Math.Exp(z))];
            AssertClose(Doubles(golden.GetProperty("expected")[i]), [.. exps.Select(e => e / exps.Sum())], 5e-4);
        }
    }

    [Fact]
    public void A_member_without_an_error_ends_the_boosting_and_one_of_chance_is_not_taken()
    {
        var samme = new Samme(6, 3);
        Assert.False(samme.Add([true, true, true, true, false, false])); // wrong at two thirds: guessing
        Assert.Empty(samme.Votes);
        Assert.True(samme.Add([true, false, false, false, false, false]));
        Assert.False(samme.Finished);
        Assert.True(samme.Add(new bool[6]));
        Assert.True(samme.Finished);
        Assert.Equal(1, samme.Votes[^1]);
        Assert.Equal(1, samme.Weights.Sum(), 1e-12);
        Assert.Throws<ArgumentException>(() => samme.Add([true]));
    }

    [Fact]
    public void A_regression_of_another_shape_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new Stacker(new float[6], 2, 3));
        Assert.Throws<ArgumentException>(() => new Stacker([1, float.NaN], 1, 2));
        Assert.Equal(1, TokenSampler.ArgMax(new Stacker([5, -2], 1, 2).Logits([[0.1f, 0.9f]])));
        Assert.Throws<ArgumentException>(() => new Stacker([5, -2], 1, 2).Logits([[0.1f, 0.9f], [0.1f, 0.9f]]));
    }

    private static IReadOnlyList<float[]>[] Rows(JsonElement members) =>
        [.. members.EnumerateArray().Select(m => (IReadOnlyList<float[]>)[.. m.EnumerateArray().Select(r => Doubles(r).Select(x => (float)x).ToArray())])];

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(x => x.GetInt32())];

    private static double[] Doubles(JsonElement list) => [.. list.EnumerateArray().Select(x => x.GetDouble())];

    private static void AssertClose(double[] expected, IReadOnlyList<double> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"{i}: {actual[i]}, expected {expected[i]}");
    }
}
