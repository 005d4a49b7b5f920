using System.Globalization;
using Cleave.Numerics.Quantized;
using Cleave.Splitting.Studies;

namespace Cleave.Tests.Splitting;

public class CostRatesTests
{
    /// <summary>What is computed is what was measured: the record's first table.</summary>
    [Fact]
    public void The_cost_model_has_the_rates_of_the_record()
    {
        string record = Path.Combine(Shared.Repository, "bench", "results", "amd-epyc-family-26-model-2", "block-rates.md");
        BlockFormat[] formats = Enum.GetValues<BlockFormat>();
        string[][] rows = [.. File.ReadLines(record).Where(l => l.StartsWith('|')).Skip(2).Take(formats.Length).Select(l => l.Split('|', StringSplitOptions.TrimEntries))];
        Assert.Equal(formats, rows.Select(r => Enum.Parse<BlockFormat>(r[1])));
        Assert.All(rows, r => Assert.Equal((Number(r[4]), Number(r[6])), CostCoefficients.SpeedOf(Enum.Parse<BlockFormat>(r[1]))));
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
