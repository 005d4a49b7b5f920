using Cleave.Proposing;

namespace Cleave.Tests.Proposing;

public sealed class TrialRowsTests
{
    private static readonly ProposerShape Shape = new();
    private static readonly int[] Choices = [0, 3, 0];
    private static readonly double[][] Known = [[0.1, 0, 0.5], [0.9, 1, double.NaN], [0.4, 2, 0.2]];
    private static readonly ProcessAverage Average = new(Choices, Known, [-1, 0, 1]);

    private static float[] Asked(params double[] point)
    {
        var rows = new TrialRows(Shape);
        float[] row = new float[rows.Columns];
        rows.Asked(Choices, point, Average, row, new float[Shape.Bins]);
        return row;
    }

    [Fact]
    public void A_value_lies_between_the_edges_of_its_interval_and_what_is_outside_goes_to_the_nearest()
    {
        double[] edges = Shape.Edges();
        Assert.Equal((Shape.Bins + 1, Shape.Lowest, Shape.Highest), (edges.Length, edges[0], edges[^1]));
        for (int k = 0; k < Shape.Bins; k++)
        {
            Assert.True(edges[k] < edges[k + 1]);
            Assert.Equal(k, Shape.BinOf((edges[k] + edges[k + 1]) / 2));
        }
        Assert.Equal((0, Shape.Bins - 1), (Shape.BinOf(-1e300), Shape.BinOf(1e300)));
    }

    [Fact]
    public void What_takes_no_part_leaves_its_slot_empty_and_other_slots_as_they_are()
    {
        float[] with = Asked(0.3, 1, 0.7), without = Asked(0.3, 1, double.NaN);
        int slot = (with.Length - 14) / Shape.Slots;
        Assert.Equal(with[..(2 * slot)], without[..(2 * slot)]);
        Assert.All(without[(2 * slot)..(3 * slot)], v => Assert.Equal(0, v));
        Assert.Contains(with[(2 * slot)..(3 * slot)], v => v != 0);
    }

    [Fact]
    public void Choices_differ_by_their_codes_and_parameters_behind_the_last_slot_are_not_seen()
    {
        Assert.NotEqual(Asked(0.3, 0, 0.7), Asked(0.3, 1, 0.7));
        int[] many = [.. Enumerable.Repeat(0, Shape.Slots + 2)];
        double[] point = [.. Enumerable.Repeat(0.5, many.Length)], other = [.. point[..^1], 0.9];
        var average = new ProcessAverage(many, [point], [0]);
        var rows = new TrialRows(Shape);
        (float[] a, float[] b) = (new float[rows.Columns], new float[rows.Columns]);
        rows.Known(many, point, average, 0, 0, a);
        rows.Known(many, other, average, 0, 0, b);
        Assert.Equal(a, b);
    }

    [Fact]
    public void Ranks_are_shares_of_what_is_less()
    {
        Assert.Equal([1, 0, 1.0 / 3, 1.0 / 3], TrialRows.Ranks([5, 1, 2, 2]));
        Assert.Equal([0], TrialRows.Ranks([7]));
    }

    [Fact]
    public void The_average_of_processes_knows_its_points_and_is_unsure_far_from_them()
    {
        double[][] points = [.. Enumerable.Range(0, 9).Select(i => new[] { i / 16.0 })];
        double[] values = [.. points.Select(p => Math.Sin(6 * p[0]))];
        var average = new ProcessAverage([0], points, values);
        Forecast at = average.At([0.25]), between = average.At([0.28]), far = average.At([1]);
        Assert.Equal(values[4], at.Mean, 0.05);
        Assert.Equal(Math.Sin(6 * 0.28), between.Mean, 0.05);
        Assert.True(far.Deviation > 3 * between.Deviation, $"{far.Deviation} far, {between.Deviation} between");
    }

    [Fact]
    public void Logits_of_a_forecast_are_the_logarithms_of_probabilities()
    {
        float[] logits = new float[Shape.Bins];
        ProcessAverage.Logits(new Forecast(0.5, 0.3, 0.1), Shape, logits);
        double[] edges = Shape.Edges();
        Assert.Equal(1, logits.Sum(l => Math.Exp(l)), 1e-5);
        Assert.Equal(0.5, logits.Select((l, k) => Math.Exp(l) * (edges[k] + edges[k + 1]) / 2).Sum(), 0.02);
    }
}
