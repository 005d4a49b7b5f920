using Cleave.Compression.Conversion;
using Cleave.Compression.Quantization;
using Cleave.Models;
using Cleave.Numerics.Quantized;
using Cleave.Tests.Models;

namespace Cleave.Tests.Compression;

public class MixedPrecisionTests
{
    // The middle format of b is worth less than its neighbours: no budget should choose it.
    private static readonly FormatCost[] Costs =
    [
        new("a", BlockFormat.Q8_0, 100, 0.0), new("a", BlockFormat.Q4_0, 50, 0.1), new("a", BlockFormat.Q2_K, 30, 1.0),
        new("b", BlockFormat.Q8_0, 200, 0.0), new("b", BlockFormat.Q5_0, 190, 0.5), new("b", BlockFormat.Q4_0, 100, 0.6),
    ];

    [Theory]
    [InlineData(300, 0, 100, 200)]
    [InlineData(299, 0.3, 50, 200)]
    [InlineData(249, 0.7, 50, 100)]
    [InlineData(130, 2, 30, 100)]
    public void Bytes_are_saved_where_they_cost_least_and_no_budget_is_passed(long bytes, double divergence, long a, long b)
    {
        IReadOnlyDictionary<string, FormatCost> small = MixedPrecision.WithinBytes(Costs, bytes), close = MixedPrecision.WithinDivergence(Costs, divergence);
        Assert.Equal((a, b), (small["a"].Bytes, small["b"].Bytes));
        Assert.Equal((a, b), (close["a"].Bytes, close["b"].Bytes));
        Assert.True(close.Values.Sum(c => c.Divergence) <= divergence + 1e-12);
    }

    [Fact]
    public void What_does_not_fit_is_said()
    {
        Assert.Contains("130 bytes", Assert.Throws<CleaveException>(() => MixedPrecision.WithinBytes(Costs, 129)).Message, StringComparison.Ordinal);
        FormatCost[] lossy = [new("a", BlockFormat.Q4_0, 50, 0.1)];
        Assert.Contains("0.01 nats", Assert.Throws<CleaveException>(() => MixedPrecision.WithinDivergence(lossy, 0.01)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_nothing_fits_in_are_refused_before_anything_is_measured()
    {
        Transformer model = FamilyCases.Load("qwen2");
        string message = Assert.Throws<CleaveException>(() => MixedPrecision.RequireBytes(model, TypeMix.Find("Q4_K_M"), 1000)).Message;
        Assert.Contains("more than 1000", message, StringComparison.Ordinal);
        MixedPrecision.RequireBytes(model, TypeMix.Find("Q4_K_M"), 1 << 20);
    }
}
