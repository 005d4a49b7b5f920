namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>
/// Makes values look normal: centred and scaled by their quartiles, bent by the transform of Yeo and Johnson (2000) with the power
/// that makes them likeliest, then standardized. It keeps the order. A loss that ranges over decades would otherwise hide
/// everything near its least value.
/// </summary>
public sealed class PowerTransform
{
    private static readonly double[] Powers = [-2, -1.5, -1, -0.5, -0.25, 0, 0.5, 1, 1.5];

    private readonly double _median, _spread, _centre, _scale;
    private readonly double? _power; // null where no power makes anything likely

    private PowerTransform(double median, double spread, double? power, double centre, double scale) =>
        (_median, _spread, _power, _centre, _scale) = (median, spread, power, centre, scale);

    /// <summary>The transform that values call for.</summary>
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static PowerTransform Fit(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty)
            throw new ArgumentException("no value to fit a transform to", nameof(values));
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        double median = sorted[sorted.Length / 2], spread = sorted[sorted.Length * 3 / 4] - sorted[sorted.Length / 4];
        if (spread <= 0)
            spread = Math.Max(sorted[^1] - sorted[0], 1e-300);
        double[] centred = new double[values.Length], best = centred;
        for (int i = 0; i < centred.Length; i++)
            centred[i] = (values[i] - median) / spread;
        double most = double.NegativeInfinity;
        double? chosen = null;
        foreach (double power in Powers)
        {
            double[] bent = [.. centred.Select(v => Bend(v, power))];
            double jacobian = centred.Sum(v => Math.Sign(v) * Math.Log(1 + Math.Abs(v))) * (power - 1);
            (_, double variance) = Moments(bent);
            double likelihood = jacobian - bent.Length / 2.0 * Math.Log(variance + 1e-300);
            if (double.IsFinite(likelihood) && likelihood > most)
                (most, best, chosen) = (likelihood, bent, power);
        }
        (double centre, double square) = Moments(best);
        return new PowerTransform(median, spread, chosen, centre, square > 0 ? 1 / Math.Sqrt(square) : 1);
    }

    /// <summary>The values by the transform that they call for.</summary>
    public static double[] Apply(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty)
            return [];
        PowerTransform transform = Fit(values);
        double[] bent = new double[values.Length];
        for (int i = 0; i < bent.Length; i++)
            bent[i] = transform.Of(values[i]);
        return bent;
    }

    /// <summary>A value on the transformed scale, also where it is outside of those that the transform was fitted to.</summary>
    public double Of(double value)
    {
        double centred = (value - _median) / _spread;
        return ((_power is { } power ? Bend(centred, power) : centred) - _centre) * _scale;
    }

    private static double Bend(double v, double power)
    {
        if (v < 0)
            return power == 2 ? -Math.Log(1 - v) : -(Math.Pow(1 - v, 2 - power) - 1) / (2 - power);
        return power == 0 ? Math.Log(1 + v) : (Math.Pow(1 + v, power) - 1) / power;
    }

    private static (double Mean, double Variance) Moments(double[] values)
    {
        double mean = values.Average();
        return (mean, values.Sum(v => (v - mean) * (v - mean)) / values.Length);
    }
}
