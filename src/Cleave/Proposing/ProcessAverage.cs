using Cleave.Numerics;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Samplers.GaussianProcesses;

namespace Cleave.Proposing;

/// <summary>What is expected of a value before the network is asked.</summary>
/// <param name="Mean">In standardized units.</param>
/// <param name="Deviation">Of the value, noise included.</param>
/// <param name="Spread">Between the processes' means.</param>
public readonly record struct Forecast(double Mean, double Deviation, double Spread);

/// <summary>
/// A fixed set of Gaussian processes, whose lengths and noise are not fitted but averaged over by how likely they make the known values (Bayesian model
/// averaging: Hoeting et al., 1999). It is where the network starts from.
/// </summary>
public sealed class ProcessAverage
{
    private const int Uneven = 8, MostUsed = 5;
    private const double LeastShare = 0.02;
    private static readonly double[] Lengths = [0.12, 0.3, 0.7, 1.8], Noises = [1e-4, 0.05];

    private readonly (double Share, double Noise, GaussianProcess Process)[] _used;
    private readonly bool[] _isChoice;

    /// <param name="choices">For each parameter how many choices it has, or 0 for a number.</param>
    /// <param name="points">At least one.</param>
    /// <param name="values">Standardized.</param>
    public ProcessAverage(IReadOnlyList<int> choices, IReadOnlyList<double[]> points, IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(values);
        (Known, Best) = (points.Count, values.Min());
        _isChoice = [.. choices.Select(c => c > 0)];
        double[][] filled = [.. points.Select(p => Filled(p))], columns = [.. choices.Select((_, d) => filled.Select(p => p[d]).ToArray())];
        GaussianHyper[] hypers = [.. Hypers(_isChoice)];
        GaussianProcess[] processes = [.. hypers.Select(h => new GaussianProcess(columns, _isChoice, [.. values], h))];
        double most = processes.Max(p => p.LogLikelihood);
        double[] weights = [.. processes.Select(p => Math.Exp(p.LogLikelihood - most))];
        int[] used = [.. Enumerable.Range(0, weights.Length).OrderByDescending(i => weights[i]).Take(MostUsed).Where(i => weights[i] >= LeastShare)];
        double total = used.Sum(i => weights[i]);
        _used = [.. used.Select(i => (weights[i] / total, hypers[i].Noise, processes[i]))];
        Certainty = _used.Sum(u => u.Share * u.Share);
        Noise = _used.Sum(u => u.Share * Math.Log10(u.Noise));
        Smoothness = used.Select((i, k) => _used[k].Share * hypers[i].Weights.Average(w => -0.5 * Math.Log(w))).Sum();
    }

    /// <summary>How many trials are known.</summary>
    public int Known { get; }

    /// <summary>The least known value.</summary>
    public double Best { get; }

    /// <summary>From 1 / processes, where all are alike, to 1.</summary>
    public double Certainty { get; }

    /// <summary>The mean logarithm to base 10 of the share of the variance that is noise.</summary>
    public double Noise { get; }

    /// <summary>The mean logarithm of the lengths.</summary>
    public double Smoothness { get; }

    public Forecast At(ReadOnlySpan<double> point)
    {
        double[] x = Filled(point);
        (double mean, double square, double spread) = (0, 0, 0);
        foreach ((double share, double noise, GaussianProcess process) in _used)
        {
            (double m, double deviation) = process.Predict(x);
            mean += share * m;
            square += share * (deviation * deviation * 1.02 + 1e-4 + noise * 0.5);
            spread += share * m * m;
        }
        spread = Math.Max(0, spread - mean * mean);
        return new Forecast(mean, Math.Sqrt(square + spread), Math.Sqrt(spread));
    }

    /// <summary>The logarithms of the probabilities of intervals under a normal distribution, never far from those of an even one.</summary>
    public static void Logits(Forecast forecast, ProposerShape shape, Span<float> logits)
    {
        ArgumentNullException.ThrowIfNull(shape);
        const double Even = 0.01;
        double before = 0;
        for (int k = 0; k < logits.Length; k++)
        {
            double edge = shape.Lowest + (shape.Highest - shape.Lowest) * (k + 1) / logits.Length;
            double up = k + 1 == logits.Length ? 1 : Normal.Cumulative((edge - forecast.Mean) / forecast.Deviation);
            logits[k] = (float)Math.Log((1 - Even) * Math.Max(0, up - before) + Even / logits.Length);
            before = up;
        }
    }

    /// <summary>Even lengths of several sizes, and some that differ from parameter to parameter.</summary>
    private static IEnumerable<GaussianHyper> Hypers(bool[] isChoice)
    {
        double grown = Math.Pow(isChoice.Length, 0.4);
        foreach (double length in Lengths)
        {
            foreach (double noise in Noises)
                yield return new GaussianHyper([.. isChoice.Select(c => Weight(length * grown, c))], noise);
        }
        if (isChoice.Length == 1)
            yield break;
        Rng rng = Rng.For(1, "lengths");
        for (int i = 0; i < Uneven; i++)
        {
            double length = 0.2 * Math.Exp(1.2 * i / Uneven) * grown;
            yield return new GaussianHyper([.. isChoice.Select(c => Weight(length * Math.Exp(0.8 * rng.NextGaussian()), c))], i % 2 == 0 ? 1e-4 : 0.01);
        }
    }

    // Two choices that differ count like numbers that are half a range apart.
    private static double Weight(double length, bool isChoice) => (isChoice ? 0.25 : 1) / (length * length);

    private double[] Filled(ReadOnlySpan<double> point)
    {
        double[] filled = point.ToArray();
        for (int d = 0; d < filled.Length; d++)
        {
            if (double.IsNaN(filled[d]))
                filled[d] = _isChoice[d] ? -1 : 0.5;
        }
        return filled;
    }
}
