namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>The trials of a study as the points and outputs of its processes, and which of them a model of limited size looks at.</summary>
internal sealed class GpData
{
    private readonly double[][] _points; // as Coordinates, absent numbers at 0.5 and absent choices at -1

    private GpData(SamplerInput input, Trial[] ended, Trial[] running)
    {
        SearchSpace space = input.Study.Space;
        IsChoice = [.. space.Parameters.Select(p => p is CategoricalParameter)];
        (Ended, Running) = (ended, running);
        _points = [.. ended.Concat(running).Select(t => Coordinates.Encode(space, t.Parameters!))];
        foreach (double[] point in _points)
            Fill(point);
        Losses = [.. Enumerable.Range(0, input.Study.Directions.Count).Select(o => ObjectiveOf(ended, o, input.Study.Directions[o]))];
        int constraints = ended.Max(t => t.Constraints.Count);
        Constraints = [.. Enumerable.Range(0, constraints).Select(c => ended.Select(t => c < t.Constraints.Count ? t.Constraints[c] : double.NaN).ToArray())];
        foreach (double[] constraint in Constraints)
            Impute(constraint);
    }

    public bool[] IsChoice { get; }

    /// <summary>The finished trials, by number.</summary>
    public Trial[] Ended { get; }

    public Trial[] Running { get; }

    /// <summary>Smaller is better: objectives × trials.</summary>
    public double[][] Losses { get; }

    /// <summary>Met at 0 and below: constraints × trials.</summary>
    public double[][] Constraints { get; }

    /// <returns>Null before enough trials are complete.</returns>
    public static GpData? Of(SamplerInput input, int startup)
    {
        Trial[] ended = [.. input.History.Where(t => t.IsFinished)];
        return ended.Count(t => t.State == TrialState.Complete) < startup ? null
            : new GpData(input, ended, [.. input.History.Where(t => !t.IsFinished)]);
    }

    /// <summary>The point of a trial; the running ones follow the ended ones.</summary>
    public double[] Point(int trial) => _points[trial];

    /// <summary>Gives a coordinate to what takes no part: equal ones where two points lack the same parameter.</summary>
    public void Fill(Span<double> point)
    {
        for (int d = 0; d < point.Length; d++)
        {
            if (double.IsNaN(point[d]))
                point[d] = IsChoice[d] ? -1 : 0.5;
        }
    }

    public double[][] Columns(IReadOnlyList<int> trials) =>
        [.. IsChoice.Select((_, d) => trials.Select(t => _points[t][d]).ToArray())];

    /// <summary>
    /// At most <paramref name="most"/> of the first <paramref name="count"/> trials. One objective: the nearest to a trial. Several: the best half,
    /// and the rest spread over the study's time.
    /// </summary>
    public int[] Select(int count, int most, IReadOnlyList<int> bestFirst, int centre)
    {
        if (count <= most)
            return [.. Enumerable.Range(0, count)];
        if (Losses.Length == 1)
            return [.. Enumerable.Range(0, count).OrderBy(t => Distance(_points[t], _points[centre])).Take(most).Order()];
        var chosen = new SortedSet<int>(bestFirst.Where(t => t < count).Take(most / 2));
        int[] left = [.. Enumerable.Range(0, count).Where(t => !chosen.Contains(t))];
        int room = most - chosen.Count;
        for (int i = 0; i < room; i++)
            chosen.Add(left[(int)((long)i * left.Length / room)]);
        return [.. chosen];
    }

    /// <summary>The best trials that lie apart from each other: the n-th is where a search goes after n − 1 others have ended.</summary>
    public int[] Basins(IReadOnlyList<int> bestFirst, int most)
    {
        const double Apart = 0.15;
        var basins = new List<int>();
        foreach (int trial in bestFirst)
        {
            if (basins.TrueForAll(b => Distance(_points[b], _points[trial]) > Apart * Apart * IsChoice.Length))
                basins.Add(trial);
            if (basins.Count == most)
                break;
        }
        return [.. basins];
    }

    private double Distance(double[] a, double[] b)
    {
        double sum = 0;
        for (int d = 0; d < a.Length; d++)
            sum += IsChoice[d] ? a[d] == b[d] ? 0 : 1 : (a[d] - b[d]) * (a[d] - b[d]);
        return sum;
    }

    // A stopped trial is no better than the median, a failed one as bad as the worst: both repel without a scale of their own.
    private static double[] ObjectiveOf(Trial[] ended, int objective, Direction direction)
    {
        double sign = direction == Direction.Minimize ? 1 : -1;
        double[] complete = [.. ended.Where(t => t.State == TrialState.Complete).Select(t => sign * t.Values[objective])];
        Array.Sort(complete);
        double median = complete[complete.Length / 2], worst = complete[^1];
        return [.. ended.Select(t => t.State switch
        {
            TrialState.Complete => sign * t.Values[objective],
            TrialState.Stopped or TrialState.Paused when objective == 0 && t.Steps.Count > 0 && double.IsFinite(t.Steps[^1].Value) => Math.Clamp(sign * t.Steps[^1].Value, median, worst),
            TrialState.Stopped or TrialState.Paused => median,
            _ => worst,
        })];
    }

    private static void Impute(double[] values)
    {
        double[] known = [.. values.Where(double.IsFinite).Order()];
        for (int i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]))
                values[i] = known[known.Length / 2];
        }
    }
}
