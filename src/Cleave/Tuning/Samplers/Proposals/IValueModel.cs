namespace Cleave.Tuning.Samplers.Proposals;

/// <summary>
/// Says how an objective's values are distributed where it was not tried, from those where it was. Points are unit coordinates for numbers, an index
/// for a choice, NaN for what takes no part; values are standardized by <see cref="GaussianProcesses.PowerTransform"/> and smaller is better.
/// </summary>
public interface IValueModel
{
    /// <summary>The most trials that it looks at.</summary>
    int MostTrials { get; }

    /// <summary>The K + 1 rising edges of the K intervals that it gives probabilities to.</summary>
    IReadOnlyList<double> Edges { get; }

    /// <summary>Takes in trials.</summary>
    /// <param name="choices">For each parameter how many choices it has, or 0 for a number.</param>
    /// <param name="points">The trials' points, at least one and at most <see cref="MostTrials"/>.</param>
    /// <param name="values">One a point.</param>
    IValuePosterior Given(IReadOnlyList<int> choices, IReadOnlyList<double[]> points, IReadOnlyList<double> values);
}

/// <summary>What a <see cref="IValueModel"/> says after it has seen trials. For one thread at a time.</summary>
public interface IValuePosterior : IDisposable
{
    /// <summary>Each point's probabilities of the intervals: points × K, row by row.</summary>
    float[] Probabilities(IReadOnlyList<double[]> points);
}
