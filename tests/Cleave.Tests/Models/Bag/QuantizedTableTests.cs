using Cleave.Models.Bag;
using Cleave.Numerics;

namespace Cleave.Tests.Models.Bag;

public sealed class QuantizedTableTests
{
    [Theory]
    [InlineData(8, 1)]
    [InlineData(8, 32)]
    [InlineData(8, 77)]
    [InlineData(4, 5)]
    [InlineData(4, 17)]
    [InlineData(4, 64)]
    public void Values_are_within_half_a_step(int bits, int columns)
    {
        var rng = new Rng(2);
        float[] values = [.. Enumerable.Range(0, 9 * columns).Select(_ => (float)rng.NextGaussian())];
        values.AsSpan(0, columns).Clear(); // a row of zeros has the scale zero
        QuantizedTable table = QuantizedTable.From(values, 9, columns, bits);
        float[] back = table.ToFloats();
        for (int i = 0; i < values.Length; i++)
        {
            float largest = values.AsSpan(i / columns * columns, columns).ToArray().Max(Math.Abs);
            // Half a step, and the scale's own rounding to 11 bits at the far end.
            Assert.Equal(values[i], back[i], (largest / (bits == 8 ? 127 : 7) * 0.501) + (largest * 0.0005));
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public void Pooling_is_the_sum_of_the_rounded_rows(int bits)
    {
        var rng = new Rng(9);
        const int Columns = 45;
        QuantizedTable table = QuantizedTable.From([.. Enumerable.Range(0, 7 * Columns).Select(_ => (float)rng.NextGaussian())], 7, Columns, bits);
        float[] values = table.ToFloats(), sum = new float[table.PaddedColumns];
        int[] rows = [0, 3, 6];
        float[] weights = [0.5f, -2, 0.25f];
        table.Pool(rows, weights, sum);
        for (int j = 0; j < Columns; j++)
            Assert.Equal(rows.Select((r, i) => (double)weights[i] * values[(r * Columns) + j]).Sum(), sum[j], 1e-5);
        Assert.All(sum[Columns..], padding => Assert.Equal(0, padding));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new QuantizedTable(2, 3, 8, new byte[63], new float[2]));
        Assert.Throws<ArgumentException>(() => new QuantizedTable(1, 3, 8, new byte[32], [float.NaN]));
        Assert.Throws<ArgumentException>(() => new QuantizedTable(1, 3, 6, new byte[24], [1]));
        Assert.Throws<ArgumentException>(() => QuantizedTable.From([float.NaN, float.PositiveInfinity], 1, 2, 8));
    }
}
