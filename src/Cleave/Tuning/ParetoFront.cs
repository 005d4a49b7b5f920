namespace Cleave.Tuning;

/// <summary>
/// The geometry of several objectives. Points are losses: smaller is better in every coordinate
/// (<see cref="ToLosses"/> turns the maximized ones round). A point dominates another when it is nowhere worse and somewhere better.
/// </summary>
public static class ParetoFront
{
    public static double[] ToLosses(IReadOnlyList<double> values, IReadOnlyList<Direction> directions)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(directions);
        if (values.Count != directions.Count)
            throw new ArgumentException($"{values.Count} values for {directions.Count} objectives", nameof(values));
        return [.. values.Select((v, i) => directions[i] == Direction.Minimize ? v : -v)];
    }

    public static bool Dominates(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        bool better = false;
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] > b[i])
                return false;
            better |= a[i] < b[i];
        }
        return better;
    }

    /// <summary>The indices, rising, of the points that no point dominates; equal points stay together.</summary>
    public static int[] Nondominated(IReadOnlyList<double[]> losses)
    {
        ArgumentNullException.ThrowIfNull(losses);
        // In lexicographic order a point can only be dominated by one before it, and then by one that is itself on the front.
        int[] order = [.. Enumerable.Range(0, losses.Count)];
        Array.Sort(order, (a, b) => losses[a].AsSpan().SequenceCompareTo(losses[b]) is var by && by != 0 ? by : a.CompareTo(b));
        var front = new List<int>();
        foreach (int candidate in order)
        {
            if (!front.Exists(f => Dominates(losses[f], losses[candidate])))
                front.Add(candidate);
        }
        front.Sort();
        return [.. front];
    }

    /// <summary>For each point the number of fronts that must be taken away before nothing dominates it (0 for the front itself).</summary>
    public static int[] Ranks(IReadOnlyList<double[]> losses)
    {
        ArgumentNullException.ThrowIfNull(losses);
        int[] ranks = new int[losses.Count];
        List<int> left = [.. Enumerable.Range(0, losses.Count)];
        for (int rank = 0; left.Count > 0; rank++)
        {
            int[] front = Nondominated([.. left.Select(i => losses[i])]);
            foreach (int at in front)
                ranks[left[at]] = rank;
            for (int i = front.Length - 1; i >= 0; i--)
                left.RemoveAt(front[i]);
        }
        return ranks;
    }

    /// <summary>
    /// How alone each point is among those of its rank: the sum over the objectives of the distance between its
    /// neighbours, in units of the rank's range; infinite at the ends (Deb et al., "NSGA-II", 2002).
    /// </summary>
    public static double[] Crowding(IReadOnlyList<double[]> losses, IReadOnlyList<int> ranks)
    {
        ArgumentNullException.ThrowIfNull(losses);
        ArgumentNullException.ThrowIfNull(ranks);
        double[] crowding = new double[losses.Count];
        foreach (IGrouping<int, int> rank in Enumerable.Range(0, losses.Count).GroupBy(i => ranks[i]))
        {
            for (int objective = 0; objective < losses[0].Length; objective++)
            {
                int[] order = [.. rank.OrderBy(i => losses[i][objective])];
                double range = losses[order[^1]][objective] - losses[order[0]][objective];
                crowding[order[0]] = crowding[order[^1]] = double.PositiveInfinity;
                for (int i = 1; i < order.Length - 1 && range > 0; i++)
                    crowding[order[i]] += (losses[order[i + 1]][objective] - losses[order[i - 1]][objective]) / range;
            }
        }
        return crowding;
    }

    /// <summary>
    /// The measure of the region that the points dominate and that lies below <paramref name="reference"/> in every
    /// coordinate (Zitzler and Thiele, 1998), exact in any number of dimensions; made for two and three.
    /// </summary>
    public static double Hypervolume(IReadOnlyList<double[]> losses, double[] reference)
    {
        ArgumentNullException.ThrowIfNull(losses);
        ArgumentNullException.ThrowIfNull(reference);
        return Volume([.. losses.Where(p => p.Zip(reference).All(c => c.First < c.Second))], reference, reference.Length);
    }

    /// <summary>What the hypervolume loses when each point is taken away.</summary>
    public static double[] Contributions(IReadOnlyList<double[]> losses, double[] reference)
    {
        double whole = Hypervolume(losses, reference);
        return [.. Enumerable.Range(0, losses.Count).Select(i => Math.Max(0, whole - Hypervolume([.. losses.Where((_, j) => j != i)], reference)))];
    }

    /// <summary>Sweeps the last coordinate: between two neighbours the cross-section is the volume of the points so far, one dimension lower.</summary>
    private static double Volume(double[][] points, double[] reference, int dimensions)
    {
        if (points.Length == 0)
            return 0;
        if (dimensions == 1)
            return reference[0] - points.Min(p => p[0]);
        int last = dimensions - 1;
        Array.Sort(points, (a, b) => a[last].CompareTo(b[last]));
        if (dimensions == 2)
            return Area(points, reference);
        double volume = 0;
        for (int i = 0; i < points.Length; i++)
        {
            double depth = (i + 1 < points.Length ? points[i + 1][last] : reference[last]) - points[i][last];
            if (depth > 0)
                volume += depth * Volume(points[..(i + 1)], reference, last);
        }
        return volume;
    }

    /// <summary>The staircase of points sorted by the second coordinate.</summary>
    private static double Area(double[][] points, double[] reference)
    {
        double area = 0, edge = reference[0];
        foreach (double[] point in points)
        {
            if (point[0] < edge)
            {
                area += (edge - point[0]) * (reference[1] - point[1]);
                edge = point[0];
            }
        }
        return area;
    }
}
