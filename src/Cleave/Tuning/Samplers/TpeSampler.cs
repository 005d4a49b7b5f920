using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>How a <see cref="TpeSampler"/> works.</summary>
public sealed record TpeOptions
{
    /// <summary>Trials drawn at random before the first model.</summary>
    public int StartupTrials { get; init; } = 10;

    /// <summary>Candidates drawn from the good trials' density for each suggestion; more of them search less widely.</summary>
    public int Candidates { get; init; } = 24;

    /// <summary>One density over all parameters together; otherwise one for each parameter by itself.</summary>
    public bool Multivariate { get; init; } = true;

    /// <summary>The share of the trials that count as good (at most 25 of them).</summary>
    public double GoodShare { get; init; } = 0.15;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(StartupTrials);
        ArgumentOutOfRangeException.ThrowIfLessThan(Candidates, 1);
        if (GoodShare is not (> 0 and < 1))
            throw new ArgumentException($"the good share lies between 0 and 1, not at {GoodShare}");
    }
}

/// <summary>
/// Tree-structured Parzen estimators (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NIPS 2011): the trials
/// are split into good and other ones, a density l is fitted to the good and g to the others, and of some candidates
/// drawn from l the one with the largest l / g is tried. Several objectives are ordered by front and crowding.
/// </summary>
/// <remarks>
/// The density is joint over all parameters, with kernels as wide as the trials are spread (Watanabe, "Tree-Structured
/// Parzen Estimator", 2023, compares such choices), so it narrows by itself as the good trials come together; better trials weigh
/// more. The best trial of each choice of each categorical parameter counts as good, so no choice is given up for having been
/// unlucky. Trials that run or have failed count among the others, which keeps parallel workers apart.
/// </remarks>
public sealed class TpeSampler : ISampler
{
    // Chosen on the functions of bench/Cleave.Benchmarks/Samplers; see bench/results/samplers.md.
    // What matters most is that g is narrower than l: then a place that has been tried and not found good repels, and the
    // search does not settle on its first find.
    private static readonly (ParzenOptions Good, ParzenOptions Other) Joint = (new(0.8, 0.003, 0.2), new(0.5, 0.003, 0.2));
    private static readonly (ParzenOptions Good, ParzenOptions Other) Single = (new(1, 0.003, 0.2), new(0.2, 0.003, 0.2));

    private readonly TpeOptions _options;
    private readonly RandomSampler _random = new();

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public TpeSampler(TpeOptions? options = null)
    {
        _options = options ?? new TpeOptions();
        _options.Check();
    }

    public string Name => "tpe";

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        TpeSplit? split = TpeSplit.Of(input, _options);
        if (split is null)
            return _random.Suggest(input);
        Rng rng = input.Random(Name);
        SearchSpace space = input.Study.Space;
        var values = new ParameterValue?[space.Parameters.Count];
        var tried = space.Parameters.All(p => p.Count is not null) ? new HashSet<ParameterSet>(input.History.Select(t => t.Parameters!)) : null;
        int[] all = [.. Enumerable.Range(0, values.Length)];
        foreach (int[] group in _options.Multivariate ? [all] : all.Select(i => new[] { i }))
            Choose(rng, space, split, group, values, _options.Multivariate ? tried : null);
        ParameterSet chosen = Coordinates.ToSet(space, values);
        // A finite space: what has been measured is not measured again while something else is left nearby.
        return tried?.Contains(chosen) == true ? _random.Suggest(input) : chosen;
    }

    /// <summary>Fills in the values of one group of parameters with its best candidate.</summary>
    private void Choose(Rng rng, SearchSpace space, TpeSplit split, int[] group, ParameterValue?[] values, HashSet<ParameterSet>? tried)
    {
        (ParzenOptions goodKernels, ParzenOptions otherKernels) = _options.Multivariate ? Joint : Single;
        ParzenMixture good = split.Fit(space, group, isGood: true, goodKernels), other = split.Fit(space, group, isGood: false, otherKernels);
        double[] x = new double[group.Length];
        var best = new ParameterValue?[group.Length];
        double bestScore = double.NegativeInfinity;
        for (int candidate = 0; candidate < _options.Candidates; candidate++)
        {
            int component = good.DrawComponent(rng);
            for (int k = 0; k < group.Length; k++)
            {
                Parameter parameter = space.Parameters[group[k]];
                (values[group[k]], x[k]) = space.IsActive(parameter, values) ? Coordinates.Decode(parameter, good.Draw(rng, component, k)) : ((ParameterValue?)null, double.NaN);
            }
            double score = good.LogDensity(x) - other.LogDensity(x);
            if (tried?.Contains(Coordinates.ToSet(space, values)) == true)
                score -= 1e9; // only where every candidate has been tried
            if (score > bestScore)
            {
                bestScore = score;
                for (int k = 0; k < group.Length; k++)
                    best[k] = values[group[k]];
            }
        }
        for (int k = 0; k < group.Length; k++)
            values[group[k]] = best[k];
    }
}
