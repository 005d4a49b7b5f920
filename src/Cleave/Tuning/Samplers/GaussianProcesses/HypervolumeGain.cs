namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>
/// What a point would add to the hypervolume if each objective came out at an optimistic value, mean − gain · deviation; a point that adds
/// nothing is judged by how far it is behind (Ponweiser et al., "Multiobjective Optimization on a Limited Budget of Evaluations Using
/// Model-Assisted S-Metric Selection", 2008).
/// </summary>
internal sealed class HypervolumeGain : Acquisition
{
    private readonly GaussianProcess[] _objectives;
    private readonly (GaussianProcess Process, double Limit)[] _constraints;
    private readonly double[][] _front;
    private readonly double[] _reference, _point;
    private readonly double _gain;

    /// <param name="front">The nondominated feasible losses on the processes' scale.</param>
    public HypervolumeGain(GaussianProcess[] objectives, double[][] front, (GaussianProcess Process, double Limit)[] constraints, double gain)
    {
        (_objectives, _front, _constraints, _gain) = (objectives, front, constraints, gain);
        _point = new double[objectives.Length];
        _reference = new double[objectives.Length];
        for (int o = 0; o < _reference.Length; o++)
        {
            (double low, double high) = front.Length == 0 ? (0, 0) : (front.Min(p => p[o]), front.Max(p => p[o]));
            _reference[o] = high + Math.Max(0.2 * (high - low), 0.2);
        }
    }

    public override double Score(ReadOnlySpan<double> x)
    {
        double feasible = 0;
        foreach ((GaussianProcess process, double limit) in _constraints)
        {
            (double mean, double deviation) = process.Predict(x);
            feasible += Improvement.LogCumulative((limit - mean) / deviation);
        }
        if (_front.Length == 0)
            return feasible;
        for (int o = 0; o < _point.Length; o++)
        {
            (double mean, double deviation) = _objectives[o].Predict(x);
            _point[o] = mean - _gain * deviation;
        }
        double gain = Exclusive();
        // Behind the front the score falls on, below every score of a point before it.
        return feasible + (gain > 1e-12 ? Math.Log(gain) : -28 - Behind());
    }

    private double Behind()
    {
        double most = 0;
        foreach (double[] point in _front)
        {
            double least = double.PositiveInfinity;
            for (int o = 0; o < point.Length; o++)
                least = Math.Min(least, _point[o] - point[o]);
            most = Math.Max(most, least);
        }
        for (int o = 0; o < _point.Length; o++)
            most = Math.Max(most, _point[o] - _reference[o]);
        return most;
    }

    private double Exclusive()
    {
        double box = 1;
        for (int o = 0; o < _point.Length; o++)
            box *= Math.Max(0, _reference[o] - _point[o]);
        if (box == 0)
            return 0;
        // The part of the box that the front has already: of the front's points, cut to the box.
        double[][] cut = [.. _front.Select(p => p.Select((v, o) => Math.Max(v, _point[o])).ToArray())];
        return box - ParetoFront.Hypervolume(_reference.Length > 2 ? [.. ParetoFront.Nondominated(cut).Select(i => cut[i])] : cut, _reference);
    }
}
