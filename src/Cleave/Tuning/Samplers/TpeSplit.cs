namespace Cleave.Tuning.Samplers;

/// <summary>The trials of a study, the good ones first, as coordinates: unit ones for numbers, indices for choices, NaN where a parameter takes no part.</summary>
internal sealed class TpeSplit
{
    private const int MostGood = 25;
    private const double BestWeight = 5;

    private readonly double[][] _points;
    private readonly int _good;

    private TpeSplit(double[][] points, int good) => (_points, _good) = (points, good);

    /// <returns>Null before there are enough trials for a model.</returns>
    public static TpeSplit? Of(SamplerInput input, TpeOptions options)
    {
        List<Trial> ordered = TrialOrder.BestFirst(input.History, input.Study.Directions);
        int ended = ordered.Count;
        if (ended < Math.Max(1, options.StartupTrials))
            return null;
        int good = Math.Clamp((int)Math.Ceiling(options.GoodShare * ended), 1, MostGood);
        good = PromoteBestOfEachChoice(input.Study.Space, ordered, good);
        ordered.AddRange(input.History.Where(t => t.State != TrialState.Complete && !t.IsStopped));
        return new TpeSplit([.. ordered.Select(t => Coordinates.Encode(input.Study.Space, t.Parameters!))], good);
    }

    /// <summary>The density of the good or of the other trials over some of the parameters.</summary>
    public ParzenMixture Fit(SearchSpace space, int[] group, bool isGood, ParzenOptions options)
    {
        int first = isGood ? 0 : _good, end = isGood ? _good : _points.Length;
        var points = new List<double>((end - first) * group.Length);
        var weights = new List<double>(end - first);
        for (int i = first; i < end; i++)
        {
            double[] point = _points[i];
            if (group.Length == 1 && double.IsNaN(point[group[0]]))
                continue; // a parameter by itself learns from the trials that have it
            foreach (int at in group)
                points.Add(point[at]);
            weights.Add(isGood ? 1 + (BestWeight - 1) * (_good - i) / _good : 1);
        }
        int[] choices = [.. group.Select(at => space.Parameters[at] is CategoricalParameter c ? c.Choices.Count : 0)];
        double[] bins = [.. group.Select(at => space.Parameters[at] is NumericParameter { Step: not null, Count: { } count } ? 1.0 / count : 0)];
        return new ParzenMixture(choices, bins, [.. points], [.. weights], options);
    }

    /// <summary>Moves the best trial of every choice up to the good ones, in order; returns how many are good then.</summary>
    private static int PromoteBestOfEachChoice(SearchSpace space, List<Trial> ordered, int good)
    {
        var promoted = new SortedSet<int>();
        foreach (Parameter parameter in space.Parameters)
        {
            if (parameter is not CategoricalParameter categorical)
                continue;
            foreach (ParameterValue choice in categorical.Choices)
            {
                int best = ordered.FindIndex(t => t.Parameters!.TryGet(categorical.Name, out ParameterValue value) && value == choice);
                if (best >= good)
                    promoted.Add(best);
            }
        }
        int at = good;
        foreach (int from in promoted)
        {
            Trial trial = ordered[from];
            ordered.RemoveAt(from);
            ordered.Insert(at++, trial);
        }
        return at;
    }
}
