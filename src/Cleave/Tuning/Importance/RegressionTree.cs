using Cleave.Numerics;

namespace Cleave.Tuning.Importance;

/// <summary>A box of the unit cube and the value in it.</summary>
internal sealed record Leaf(double[] Low, double[] High, double Value)
{
    public double Volume { get; } = Low.Zip(High, (l, h) => h - l).Aggregate(1.0, (a, b) => a * b);
}

/// <summary>A tree that halves the unit cube where that explains most of the variance, among some of the coordinates (Breiman, "Random Forests", 2001).</summary>
internal static class RegressionTree
{
    private const int LeastInLeaf = 3;

    public static List<Leaf> Grow(double[][] points, double[] values, int[] sample, Rng rng)
    {
        int d = points[0].Length;
        var leaves = new List<Leaf>();
        Split(points, values, sample, new double[d], [.. Enumerable.Repeat(1.0, d)], rng, leaves);
        return leaves;
    }

    private static void Split(double[][] points, double[] values, int[] rows, double[] low, double[] high, Rng rng, List<Leaf> leaves)
    {
        (int at, double cut, double gain) = (-1, 0, 1e-9);
        if (rows.Length >= 2 * LeastInLeaf)
        {
            for (int d = 0; d < low.Length; d++)
            {
                // Two of three coordinates compete; the only one always does.
                if (low.Length > 1 && rng.NextInt(3) == 0)
                    continue;
                (double where, double much) = Best(points, values, rows, d);
                if (much > gain)
                    (at, cut, gain) = (d, where, much);
            }
        }
        if (at < 0)
        {
            leaves.Add(new Leaf(low, high, rows.Average(r => values[r])));
            return;
        }
        double[] left = [.. high], right = [.. low];
        (left[at], right[at]) = (cut, cut);
        Split(points, values, [.. rows.Where(r => points[r][at] < cut)], low, left, rng, leaves);
        Split(points, values, [.. rows.Where(r => points[r][at] >= cut)], right, high, rng, leaves);
    }

    private static (double Cut, double Gain) Best(double[][] points, double[] values, int[] rows, int d)
    {
        int[] order = [.. rows.OrderBy(r => points[r][d])];
        double total = order.Sum(r => values[r]), left = 0, best = 0, cut = 0;
        for (int i = 1; i < order.Length; i++)
        {
            left += values[order[i - 1]];
            double before = points[order[i - 1]][d], after = points[order[i]][d];
            if (i < LeastInLeaf || order.Length - i < LeastInLeaf || after <= before)
                continue;
            double right = total - left, gain = left * left / i + right * right / (order.Length - i) - total * total / order.Length;
            if (gain > best)
                (best, cut) = (gain, (before + after) / 2);
        }
        return (cut, best);
    }
}
