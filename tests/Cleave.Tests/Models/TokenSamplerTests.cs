using Cleave.Models.Sampling;
using Cleave.Tests.Numerics.Kernels;

namespace Cleave.Tests.Models;

public class TokenSamplerTests
{
    [Theory]
    [InlineData(1, 0.5)]
    [InlineData(5, 0.9)]
    [InlineData(300, 0.3)]
    [InlineData(300, 0.95)]
    [InlineData(300, 1)]
    public void Tokens_come_from_the_smallest_set_that_reaches_top_p_as_often_as_they_are_likely(int vocabulary, double topP)
    {
        const double Temperature = 0.7;
        const int Draws = 20_000;
        float[] logits = [.. Reference.Random(vocabulary, 5).Select(v => 3 * v)];
        if (vocabulary > 10)
            logits[7] = logits[9] = logits[3]; // ties
        (int Token, double P)[] sorted = [.. logits.Select((v, i) => (i, Math.Exp(v / Temperature))).OrderByDescending(t => t.Item2)];
        double total = sorted.Sum(t => t.P), sum = 0;
        int kept = 0;
        while (kept < sorted.Length && sum < topP * total * (1 - 1e-9))
            sum += sorted[kept++].P;
        double least = sorted[kept - 1].P;
        var sampler = new TokenSampler(new SamplingOptions { Temperature = Temperature, TopP = topP, Seed = 3 });
        var counts = new int[vocabulary];
        for (int i = 0; i < Draws; i++)
            counts[sampler.Next(logits).Token]++;
        Assert.True(counts.Count(c => c > 0) <= kept);
        foreach ((int token, double p) in sorted)
        {
            double expected = p >= least * (1 - 1e-6) ? p / sum : 0;
            if (expected == 0)
                Assert.Equal(0, counts[token]);
            else if (p > least * (1 + 1e-6))
                Assert.InRange(counts[token] / (double)Draws, expected - 5 * Math.Sqrt(expected / Draws), expected + 5 * Math.Sqrt(expected / Draws));
        }
    }

    [Fact]
    public void Without_temperature_it_is_the_first_of_the_largest()
    {
        float[] logits = [1, 5, -2, 5, 0, 5, 1, 1, 2, 3];
        (int token, float probability) = new TokenSampler(new SamplingOptions()).Next(logits);
        Assert.Equal(1, token);
        Assert.Equal(Math.Exp(5) / logits.Sum(l => Math.Exp(l)), probability, 1e-6);
        Assert.Equal(0, TokenSampler.ArgMax([float.NegativeInfinity]));
        Assert.Equal(1, TokenSampler.ArgMax([1, float.NaN, 3]));
    }
}
