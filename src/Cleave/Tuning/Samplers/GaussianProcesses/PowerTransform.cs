namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>
/// Makes values look normal: centred and scaled by their quartiles, bent by the transform of Yeo and Johnson (2000) with the power
/// that makes them likeliest, then standardized. It keeps the order. A loss that ranges over decades would otherwise hide
/// everything near its least value.
/// </summary>
internal static class PowerTransform
{
    private static readonly double[] Powers = [-2, -1.5, -1, -0.5, -0.25, 0, 0.5, 1, 1.5];

    public static double[] Apply(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        double median = sorted[sorted.Length / 2], spread = sorted[sorted.Length * 3 / 4] - sorted[sorted.Length / 4];
        if (spread <= 0)
            spread = Math.Max(sorted[^1] - sorted[0], 1e-300);
        double[] centred = new double[values.Length], best = centred;
        for (int i = 0; i < centred.Length; i++)
            centred[i] = (values[i] - median) / spread;
        double most = double.NegativeInfinity;
        foreach (double power in Powers)
        {
            double[] bent = [.. centred.Select(v => Bend(v, power))];
            double jacobian = centred.Sum(v => Math.Sign(v) * Math.Log(1 + Math.Abs(v))) * (power - 1);
            (double mean, double variance) = Moments(bent);
            double likelihood = jacobian - bent.Length / 2.0 * Math.Log(variance + 1e-300);
            if (double.IsFinite(likelihood) && likelihood > most)
                (most, best) = (likelihood, bent);
        }
        (double centre, double square) = Moments(best);
        double scale = square > 0 ? 1 / Math.Sqrt(square) : 1;
        return [.. best.Select(v => (v - centre) * scale)];
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
