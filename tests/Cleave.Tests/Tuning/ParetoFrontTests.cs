using Cleave.Numerics;
using Cleave.Tuning;
using FsCheck;
using FsCheck.Fluent;

namespace Cleave.Tests.Tuning;

public sealed class ParetoFrontTests
{
    /// <summary>Points on a coarse lattice, so that equal coordinates and equal points are common.</summary>
    private static double[][] Points(ulong seed, int dimensions)
    {
        var rng = new Rng(seed);
        return [.. Enumerable.Range(0, 1 + rng.NextInt(12)).Select(_ => Enumerable.Range(0, dimensions).Select(_ => (double)rng.NextInt(6)).ToArray())];
    }

    [Fact]
    public void The_front_and_the_ranks_match_brute_force()
    {
        Check.QuickThrowOnFailure(Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), Gen.Choose(1, 3).ToArbitrary(), (seed, dimensions) =>
        {
            double[][] points = Points(seed, dimensions);
            bool Beats(double[] a, double[] b) => a.Zip(b).All(c => c.First <= c.Second) && a.Zip(b).Any(c => c.First < c.Second);
            int[] front = [.. Enumerable.Range(0, points.Length).Where(i => !points.Any(p => Beats(p, points[i])))];
            int[] ranks = ParetoFront.Ranks(points);
            // A rank is the length of the longest chain of points, each beating the next, that ends at the point.
            int Chain(int i) => points.Select((p, j) => Beats(p, points[i]) ? 1 + Chain(j) : 0).Max();
            return front.SequenceEqual(ParetoFront.Nondominated(points)) && ranks.Select((r, i) => r == Chain(i)).All(ok => ok);
        }));
    }

    [Fact]
    public void The_hypervolume_matches_the_count_of_dominated_cells()
    {
        Check.QuickThrowOnFailure(Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), Gen.Choose(1, 3).ToArbitrary(), (seed, dimensions) =>
        {
            double[][] points = Points(seed, dimensions);
            double[] reference = [.. Enumerable.Repeat(5.0, dimensions)];
            double Cells(double[][] of)
            {
                int count = 0;
                for (int cell = 0; cell < (int)Math.Pow(5, dimensions); cell++)
                {
                    int[] at = [.. Enumerable.Range(0, dimensions).Select(d => cell / (int)Math.Pow(5, d) % 5)];
                    count += of.Any(p => p.Zip(at).All(c => c.First <= c.Second)) ? 1 : 0;
                }
                return count;
            }
            double[] contributions = ParetoFront.Contributions(points, reference);
            return ParetoFront.Hypervolume(points, reference) == Cells(points)
                && contributions.Select((c, i) => c == Cells(points) - Cells([.. points.Where((_, j) => j != i)])).All(ok => ok);
        }));
        Assert.Equal(0, ParetoFront.Hypervolume([], [1, 1]));
    }

    [Fact]
    public void Maximized_objectives_are_turned_round() =>
        Assert.Equal([1.0, -2.0], ParetoFront.ToLosses([1, 2], [Direction.Minimize, Direction.Maximize]));
}
