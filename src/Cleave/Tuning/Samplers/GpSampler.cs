using Cleave.Tuning.Samplers.GaussianProcesses;

namespace Cleave.Tuning.Samplers;

/// <summary>How a <see cref="GpSampler"/> works.</summary>
public sealed record GpOptions
{
    /// <summary>Points of the Sobol sequence before the first model; null for 4 and half the number of parameters, at most 12.</summary>
    public int? StartupTrials { get; init; }

    /// <summary>A model looks at this many trials at most; time a trial grows with its square, and with its cube where lengths are fitted.</summary>
    public int MaxPoints { get; init; } = 150;

    /// <summary>Points that are scored for each suggestion, before the best of them climb.</summary>
    public int Candidates { get; init; } = 300;

    /// <summary>The objective of any parameters, minimized, where it is known without a trial and only the constraints have to be learned; null where it is not.</summary>
    public Func<ParameterSet, double>? Known { get; init; }

    /// <summary>What share of the outcomes' variance is chance, roughly: it is fitted from there.</summary>
    public double Noise { get; init; } = GaussianFit.UsualNoise;

    internal int StartupFor(SearchSpace space) => StartupTrials ?? Math.Min(12, 4 + space.Parameters.Count / 2);

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(StartupTrials ?? 1, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPoints, 8);
        ArgumentOutOfRangeException.ThrowIfLessThan(Candidates, 8);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Noise);
    }
}

/// <summary>
/// Bayesian optimization with Gaussian processes (Jones et al., "Efficient Global Optimization", 1998): Matérn 5/2 covariances with a length for each
/// parameter, fitted by maximum likelihood; the next trial has the largest expected improvement, or, with several objectives, the
/// largest optimistic gain of hypervolume. Constraints are modelled too. Choices differ or do not; what takes no part is equal.
/// </summary>
/// <remarks>
/// Lengths are fitted anew when the study has grown by a third, at most by 30 trials, from the first trials by number, so they follow from the
/// history alone; what is kept between calls saves time only. Running trials count with the value that the model expects.
/// </remarks>
public sealed class GpSampler : ISampler
{
    private readonly GpOptions _options;
    private readonly QuasiRandomSampler _spread = new();
    private readonly Lock _lock = new();
    private (StudyDefinition Study, (Trial Trial, int Steps)[] Fitted, GaussianHyper[] Hypers)? _kept;

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public GpSampler(GpOptions? options = null)
    {
        _options = options ?? new GpOptions();
        _options.Check();
    }

    public string Name => "gp";

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        SearchSpace space = input.Study.Space;
        if (GpData.Of(input, _options.StartupFor(space)) is not { } data)
            return _spread.Suggest(input);
        var order = new TrialRanks(data.Ended, input.Study.Directions);
        int parameters = space.Parameters.Count;
        (int centre, SearchBox box) = (order.BestFirst[0], SearchBox.Whole(parameters));
        if (data.Ended.Length > _options.MaxPoints && data.Losses.Length == 1)
        {
            TrustRegion region = TrustRegion.After(data.Losses[0], _options.MaxPoints, parameters);
            int[] basins = data.Basins(order.BestFirst, most: 3);
            centre = basins[region.Cycle % basins.Length];
            box = region.Around(data.Point(centre));
        }
        GaussianHyper[] hypers = Hypers(input.Study, data, order);
        int[] seen = data.Select(data.Ended.Length, _options.MaxPoints, order.BestFirst, centre);
        var model = new GpModel(data, seen, hypers);
        Acquisition acquisition = _options.Known is { } known ? model.Acquisition(known, [.. order.Feasible.Select(i => data.Ended[i].Parameters!)]) : model.Acquisition(data.Losses.Length, order.Feasible, box);
        HashSet<ParameterSet>? tried = space.Parameters.All(p => p.Count is not null) ? [.. input.History.Select(t => t.Parameters!)] : null;
        double[] lengths = [.. Enumerable.Range(0, parameters).Select(d => hypers.Take(data.Losses.Length).Min(h => Math.Min(1, 1 / Math.Sqrt(h.Weights[d]))))];
        var search = new CandidateSearch(space, data, input.Random(Name), acquisition, lengths, box, tried);
        IEnumerable<double[]> spread = Enumerable.Range(0, _options.Candidates / 2).Select(i => QuasiRandomSampler.Point(input, (uint)(input.Number * 1021 + i)));
        double[][] centres = [data.Point(centre), .. order.BestFirst.Take(data.Losses.Length > 1 ? 20 : 5).Select(data.Point)];
        return search.Run(spread, centres, _options.Candidates / 2, climbers: 2, climb: _options.Candidates / 8) ?? _spread.Suggest(input);
    }

    private GaussianHyper[] Hypers(StudyDefinition study, GpData data, TrialRanks order)
    {
        int level = Level(data.Ended.Length);
        (Trial, int)[] fitted = [.. data.Ended.Take(level).Select(t => (t, t.Steps.Count))]; // a paused trial may have gone on
        lock (_lock)
        {
            if (_kept is { } kept && kept.Study == study && kept.Fitted.AsSpan().SequenceEqual(fitted))
                return kept.Hypers;
        }
        int[] seen = data.Select(level, _options.MaxPoints, order.BestFirst, order.BestFirst.First(t => t < level));
        double[][] columns = data.Columns(seen);
        GaussianHyper[] hypers = [.. data.Losses.Concat(data.Constraints).Select(o => GaussianFit.Of(columns, data.IsChoice, PowerTransform.Apply([.. seen.Select(t => o[t])]), _options.Noise))];
        lock (_lock)
            _kept = (study, fitted, hypers);
        return hypers;
    }

    /// <summary>The last of 4, 6, 8, 11, 15 … that is not above the number of trials.</summary>
    private static int Level(int trials)
    {
        int level = Math.Min(trials, 4);
        while (level + Math.Clamp(level / 3, 2, 30) is var next && next <= trials)
            level = next;
        return level;
    }
}
