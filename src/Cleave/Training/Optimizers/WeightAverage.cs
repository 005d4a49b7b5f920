using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>
/// Averages weights over the updates: exponentially (Polyak and Juditsky, 1992) or, from an update on, all alike (stochastic weight
/// averaging: Izmailov et al., 2018).
/// </summary>
public sealed class WeightAverage : IDisposable
{
    private readonly double _decay;
    private readonly int _firstUpdate, _every;

    private WeightAverage(IEnumerable<(string Name, Tensor Tensor)> parameters, double decay, int firstUpdate, int every)
    {
        (_decay, _firstUpdate, _every) = (decay, firstUpdate, every);
        Weights = new WeightCopy(".average", parameters);
    }

    /// <summary>The average.</summary>
    public WeightCopy Weights { get; }

    /// <summary>Whether anything has been averaged after so many updates.</summary>
    public bool Begun(int updates) => updates >= _firstUpdate;

    /// <summary>average = decay · average + (1 − decay) · weights; the decay begins low, min(decay, (1 + t) / (10 + t)), so that the first weights are soon forgotten.</summary>
    public static WeightAverage Exponential(IEnumerable<(string Name, Tensor Tensor)> parameters, double decay)
    {
        if (decay is not (> 0 and < 1))
            throw new ArgumentException($"decay {decay}: above 0 and below 1", nameof(decay));
        return new WeightAverage(parameters, decay, 1, 1);
    }

    /// <summary>The mean of the weights after updates <paramref name="firstUpdate"/>, + <paramref name="every"/>, + 2 · every, …</summary>
    public static WeightAverage Stochastic(IEnumerable<(string Name, Tensor Tensor)> parameters, int firstUpdate, int every = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(firstUpdate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1);
        return new WeightAverage(parameters, 0, firstUpdate, every);
    }

    /// <summary>Called after each update, counted from 1; what it does depends on that number alone.</summary>
    public void After(int update)
    {
        if (_decay > 0)
            Weights.Blend(1 - Math.Min(_decay, (1.0 + update) / (10 + update)));
        else if (update >= _firstUpdate && (update - _firstUpdate) % _every == 0)
            Weights.Blend(1.0 / ((update - _firstUpdate) / _every + 1));
    }

    public void Dispose() => Weights.Dispose();
}
