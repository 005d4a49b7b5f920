namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>How promising a point is, on a logarithmic scale.</summary>
internal abstract class Acquisition
{
    public abstract double Score(ReadOnlySpan<double> x);

    /// <param name="set">The parameters of the point.</param>
    public virtual double Score(ReadOnlySpan<double> x, ParameterSet set) => Score(x);

    /// <summary>The score with its derivative by each number.</summary>
    /// <returns>Null where there is no derivative.</returns>
    public virtual double? Score(ReadOnlySpan<double> x, Span<double> slope) => null;
}

/// <summary>
/// The expected improvement over the best feasible value, times the probability that every constraint is met (Gardner et al.,
/// "Bayesian Optimization with Inequality Constraints", 2014); before anything is feasible, that probability alone.
/// </summary>
internal sealed class ExpectedImprovement : Acquisition
{
    private readonly GaussianProcess _objective;
    private readonly (GaussianProcess Process, double Limit)[] _constraints;
    private readonly double? _best;
    private readonly double[] _mean, _deviation;

    public ExpectedImprovement(GaussianProcess objective, double? best, (GaussianProcess Process, double Limit)[] constraints, int dimensions)
    {
        (_objective, _best, _constraints) = (objective, best, constraints);
        (_mean, _deviation) = (new double[dimensions], new double[dimensions]);
    }

    public override double Score(ReadOnlySpan<double> x)
    {
        double score = 0;
        if (_best is { } best)
        {
            (double mean, double deviation) = _objective.Predict(x);
            score = Improvement.Log(best, mean, deviation);
        }
        foreach ((GaussianProcess process, double limit) in _constraints)
        {
            (double mean, double deviation) = process.Predict(x);
            score += Improvement.LogCumulative((limit - mean) / deviation);
        }
        return score;
    }

    public override double? Score(ReadOnlySpan<double> x, Span<double> slope)
    {
        slope.Clear();
        double score = 0;
        if (_best is { } best)
        {
            (double mean, double deviation) = _objective.Predict(x, _mean, _deviation);
            score = Improvement.Log(best, mean, deviation);
            (double byMean, double byDeviation) = Improvement.Slopes(best, mean, deviation);
            Add(slope, byMean, byDeviation);
        }
        foreach ((GaussianProcess process, double limit) in _constraints)
        {
            (double mean, double deviation) = process.Predict(x, _mean, _deviation);
            double z = (limit - mean) / deviation, log = Improvement.LogCumulative(z);
            double hazard = Math.Exp(-z * z / 2 - 0.91893853320467274178 - log);
            score += log;
            Add(slope, -hazard / deviation, -hazard * z / deviation);
        }
        return score;
    }

    private void Add(Span<double> slope, double byMean, double byDeviation)
    {
        for (int d = 0; d < slope.Length; d++)
            slope[d] += byMean * _mean[d] + byDeviation * _deviation[d];
    }
}

/// <summary>
/// How much better than the best feasible value a known objective is, times the third power of the probability that every constraint is met; before anything is
/// feasible, that probability alone. What is no better scores below everything that is. The power is for outcomes with chance in them: without it the best gain
/// wins at odds so bad that few trials find anything, and where a value is known exactly, nothing is learned by looking at it.
/// </summary>
internal sealed class KnownImprovement(Func<ParameterSet, double> objective, double? best, (GaussianProcess Process, double Limit)[] constraints) : Acquisition
{
    private const double NoGain = -60, Caution = 3;

    /// <summary>The probability alone.</summary>
    public override double Score(ReadOnlySpan<double> x)
    {
        double score = 0;
        foreach ((GaussianProcess process, double limit) in constraints)
        {
            (double mean, double deviation) = process.Predict(x);
            score += Improvement.LogCumulative((limit - mean) / deviation);
        }
        return score;
    }

    public override double Score(ReadOnlySpan<double> x, ParameterSet set)
    {
        double score = Score(x);
        if (best is not { } least)
            return score;
        double gain = least - objective(set);
        return Caution * score + (gain > 0 ? Math.Max(NoGain, Math.Log(gain)) : NoGain + gain);
    }
}
