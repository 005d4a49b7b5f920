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
    public void A_table_that_grew_turns_to_the_bit_as_one_that_was_made_at_once()
    {
        const int Size = 6, Last = 700;
        var grown = new RotaryTable(Size, 10000, 1000);
        float[] turned = new float[Size];
        for (int position = 0; position <= Last; position++)
            turned = Turned(grown, position);
        Assert.Equal(Turned(new RotaryTable(Size, 10000, 1000), Last), turned);
        Assert.Equal(Turned(new RotaryTable(Size, 10000, Last + 1), 65), Turned(grown, 65));
        Assert.Equal(1000, grown.First(1000).Count);
    }

    [Fact]
    public void Memory_is_that_of_the_positions_that_were_asked_for()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var table = new RotaryTable(128, 10000, int.MaxValue);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
        var x = new float[128];
        before = GC.GetAllocatedBytesForCurrentThread();
        for (int position = 0; position < 1000; position++)
            Rotary.Apply(x, [position], 1, 128, table, inverse: false);
        // 1024 positions, after all the tables of half, a quarter, … of them.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1024 * 128 * 4, 2 * 1024 * 128 * 4);
        before = GC.GetAllocatedBytesForCurrentThread();
        for (int position = 0; position < 1000; position++)
            Rotary.Apply(x, [position], 1, 128, table, inverse: false);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Throws<ArgumentException>(() => Rotary.Apply(x, [int.MaxValue - 1], 1, 128, table, inverse: false));
    }

    [Fact]
    public void A_table_grows_under_many_threads()
    {
        const int Size = 4, Positions = 3000;
        var together = new RotaryTable(Size, 10000, Positions);
        var alone = new RotaryTable(Size, 10000, Positions);
        float[][] expected = [.. Enumerable.Range(0, Positions).Select(p => Turned(alone, p))];
        Parallel.For(0, Positions, p => Assert.Equal(expected[p * 1009 % Positions], Turned(together, p * 1009 % Positions)));
    }

    private static float[] Turned(RotaryTable table, int position)
    {
        float[] x = [.. Enumerable.Range(1, table.HeadSize).Select(i => 1f / i)];
        Rotary.Apply(x, [position], 1, table.HeadSize, table, inverse: false);
        return x;
    }

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
