using Cleave.Numerics;

namespace Cleave.Tests.Numerics;

public class RngTests
{
    [Fact]
    public void State_round_trips_and_continues_the_same_stream()
    {
        var rng = new Rng(7);
        rng.NextUInt64();
        var copy = new Rng(1) { State = rng.State };
        for (int i = 0; i < 100; i++)
            Assert.Equal(rng.NextUInt64(), copy.NextUInt64());
    }

    [Fact]
    public void Named_streams_differ_and_repeat()
    {
        Assert.Equal(Rng.For(1, "data").NextUInt64(), Rng.For(1, "data").NextUInt64());
        Assert.NotEqual(Rng.For(1, "data").NextUInt64(), Rng.For(1, "init").NextUInt64());
        Assert.NotEqual(Rng.For(1, "data").NextUInt64(), Rng.For(2, "data").NextUInt64());
    }

    [Fact]
    public void Moments_are_those_of_the_distributions()
    {
        var rng = new Rng(3);
        double sum = 0, squares = 0;
        var counts = new int[7];
        const int N = 200_000;
        for (int i = 0; i < N; i++)
        {
            double g = rng.NextGaussian();
            sum += g;
            squares += g * g;
            counts[rng.NextInt(7)]++;
        }
        Assert.InRange(sum / N, -0.01, 0.01);
        Assert.InRange(squares / N, 0.98, 1.02);
        Assert.All(counts, c => Assert.InRange(c, N / 7 * 0.97, N / 7 * 1.03));
    }
}
