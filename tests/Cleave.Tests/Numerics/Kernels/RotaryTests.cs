using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class RotaryTests
{
    [Fact]
    public void Every_pair_turns_by_its_angle() => Variants.Each(where =>
    {
        foreach (int size in new[] { 2, 4, 6, 14, 16, 30, 32, 34, 64, 66 })
        {
            const int Heads = 3;
            int[] positions = [.. Enumerable.Range(0, 100).Select(i => i * 7 % 41)];
            var table = new RotaryTable(size, 10000, 41);
            float[] x = Reference.Random(positions.Length * Heads * size, 1), y = [.. x];
            Rotary.Apply(y, positions, Heads, size, table, inverse: false);
            var expected = new double[x.Length];
            for (int r = 0; r < positions.Length * Heads; r++)
            {
                for (int i = 0; i < size / 2; i++)
                {
                    (double sin, double cos) = Math.SinCos(positions[r / Heads] * Math.Pow(10000, -2.0 * i / size));
                    int a = r * size + i, b = a + size / 2;
                    expected[a] = x[a] * cos - x[b] * sin;
                    expected[b] = x[b] * cos + x[a] * sin;
                }
            }
            Reference.Close(expected, y, 3e-7, $"{where}D = {size}");
            Rotary.Apply(y, positions, Heads, size, table, inverse: true);
            Reference.Close([.. x.Select(v => (double)v)], y, 5e-7, $"{where}back, D = {size}");
        }
    });

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        var table = new RotaryTable(4, 10000, 3);
        Assert.Throws<ArgumentException>(() => Rotary.Apply(new float[4], [3], 1, 4, table, false));
        Assert.Throws<ArgumentException>(() => Rotary.Apply(new float[4], [-1], 1, 4, table, false));
        Assert.Throws<ArgumentException>(() => Rotary.Apply(new float[2], [0], 1, 2, table, false));
        Assert.Throws<ArgumentException>(() => Rotary.Apply(new float[5], [0], 1, 4, table, false));
        Assert.Throws<ArgumentException>(() => new RotaryTable(5, 10000, 3));
        Assert.Throws<ArgumentException>(() => new RotaryTable(4, 0, 3));
    }
}
