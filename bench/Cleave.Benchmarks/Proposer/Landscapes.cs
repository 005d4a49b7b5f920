using Cleave.Numerics;

namespace Cleave.Benchmarks.Proposer;

/// <summary>Random functions of a vector from about [0, 1]^p, on any scale: the kinds of landscapes that a proposer learns from.</summary>
internal static class Landscapes
{
    /// <summary>A draw of one of the kinds.</summary>
    public static Func<double[], double> Draw(int dimensions, Rng rng)
    {
        double kind = rng.NextDouble();
        if (kind < 0.42)
            return Process(dimensions, rng);
        if (kind < 0.58)
            return Bowl(dimensions, rng);
        if (kind < 0.70)
            return Network(dimensions, rng);
        if (kind < 0.80)
            return Additive(dimensions, rng);
        if (kind < 0.90)
            return Response(dimensions, rng);
        (Func<double[], double> a, Func<double[], double> b) = (Bowl(dimensions, rng), Process(dimensions, rng));
        double share = 0.05 + 0.6 * rng.NextDouble();
        bool peaks = rng.NextDouble() < 0.3;
        return x => peaks ? Math.Max(a(x), 2 * share * b(x)) : a(x) + share * b(x);
    }

    /// <summary>
    /// A Gaussian process by random Fourier features (Rahimi and Recht, 2007): squared-exponential or Matérn covariances, a length for each dimension,
    /// some of them without influence, on coordinates that may be warped.
    /// </summary>
    private static Func<double[], double> Process(int dimensions, Rng rng)
    {
        int features = dimensions == 1 ? 24 : 64;
        double smoothness = rng.NextDouble() switch { < 0.35 => double.PositiveInfinity, < 0.75 => 2.5, < 0.92 => 1.5, _ => 0.5 };
        double typical = 0.12 * Math.Exp(1.6 * rng.NextDouble()) * Math.Sqrt(Math.Sqrt(dimensions));
        double[] lengths = [.. Enumerable.Range(0, dimensions).Select(_ => typical * Math.Exp(0.7 * rng.NextGaussian()) * (rng.NextDouble() < 0.15 ? 10 : 1))];
        double[][] frequencies = new double[features][];
        double[] phases = new double[features], weights = new double[features];
        for (int f = 0; f < features; f++)
        {
            double stretch = double.IsInfinity(smoothness) ? 1 : Math.Sqrt(2 * smoothness / ChiSquare((int)(2 * smoothness), rng)); // Student's t, the spectrum of Matérn's
            frequencies[f] = [.. lengths.Select(l => stretch * rng.NextGaussian() / l)];
            (phases[f], weights[f]) = (2 * Math.PI * rng.NextDouble(), rng.NextGaussian());
        }
        Func<double, double>[] warps = Warps(dimensions, rng);
        return x =>
        {
            double sum = 0;
            double[] at = [.. x.Select((v, d) => warps[d](v))];
            for (int f = 0; f < features; f++)
                sum += weights[f] * Math.Cos(phases[f] + Dot(frequencies[f], at));
            return sum * Math.Sqrt(2.0 / features);
        };
    }

    /// <summary>A turned bowl of any conditioning, by a power of its distance.</summary>
    private static Func<double[], double> Bowl(int dimensions, Rng rng)
    {
        double[] centre = [.. Enumerable.Range(0, dimensions).Select(_ => -0.1 + 1.2 * rng.NextDouble())];
        double conditioning = 4 * rng.NextDouble(), power = 0.4 + 1.2 * rng.NextDouble();
        double[] scales = [.. Enumerable.Range(0, dimensions).Select(_ => Math.Exp(conditioning * (rng.NextDouble() - 0.5)))];
        double turn = rng.NextDouble() < 0.4 ? 0 : rng.NextDouble();
        double[][] rows = [.. Enumerable.Range(0, dimensions).Select(i => Enumerable.Range(0, dimensions)
            .Select(j => scales[i] * ((i == j ? 1 : 0) + turn * rng.NextGaussian() / Math.Sqrt(dimensions))).ToArray())];
        return x =>
        {
            double[] at = [.. x.Select((v, d) => v - centre[d])];
            return Math.Pow(rows.Sum(r => Square(Dot(r, at))), power);
        };
    }

    /// <summary>A network with random weights and one or two hidden layers.</summary>
    private static Func<double[], double> Network(int dimensions, Rng rng)
    {
        int hidden = 8 + rng.NextInt(24), kind = rng.NextInt(3);
        double gain = 1.5 + 3 * rng.NextDouble();
        double[][] first = Matrix(hidden, dimensions, gain * 2 / Math.Sqrt(dimensions)), second = Matrix(hidden, hidden, 1.5 / Math.Sqrt(hidden));
        double[] bias = [.. Enumerable.Range(0, hidden).Select(_ => gain * rng.NextGaussian())], output = [.. Enumerable.Range(0, hidden).Select(_ => rng.NextGaussian())];
        bool deep = rng.NextDouble() < 0.5;
        return x =>
        {
            double[] centred = [.. x.Select(v => v - 0.5)], h = [.. first.Select((r, i) => Bend(Dot(r, centred) + bias[i]))];
            return Dot(output, deep ? [.. second.Select(r => Bend(Dot(r, h)))] : h);
        };

        double[][] Matrix(int rows, int columns, double deviation) =>
            [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, columns).Select(_ => deviation * rng.NextGaussian()).ToArray())];
        double Bend(double z) => kind switch { 0 => Math.Tanh(z), 1 => Math.Max(0.05 * z, z), _ => Math.Sin(z) };
    }

    /// <summary>A sum of processes of one dimension each, and of two where they come in pairs.</summary>
    private static Func<double[], double> Additive(int dimensions, Rng rng)
    {
        var parts = new List<(int[] Of, double Weight, Func<double[], double> Part)>();
        for (int d = 0; d < dimensions; d++)
            parts.Add(([d], Math.Exp(rng.NextGaussian()), Process(1, rng)));
        for (int p = 0; p < dimensions / 2; p++)
            parts.Add(([rng.NextInt(dimensions), rng.NextInt(dimensions)], 0.7 * Math.Exp(rng.NextGaussian()), Process(2, rng)));
        return x => parts.Sum(p => p.Weight * p.Part([.. p.Of.Select(d => x[d])]));
    }

    /// <summary>
    /// What training does with its settings: valleys with one steep side, settings that stop mattering from some value on, a cliff behind which nothing is
    /// learnt, and settings that shift each other's best value.
    /// </summary>
    private static Func<double[], double> Response(int dimensions, Rng rng)
    {
        double[] best = new double[dimensions], left = new double[dimensions], right = new double[dimensions], weight = new double[dimensions], shift = new double[dimensions];
        int[] kind = new int[dimensions], other = new int[dimensions];
        for (int d = 0; d < dimensions; d++)
        {
            (best[d], left[d], right[d]) = (0.1 + 0.8 * rng.NextDouble(), Math.Exp(rng.NextGaussian()), Math.Exp(rng.NextGaussian()));
            (weight[d], kind[d], other[d]) = (Math.Exp(1.2 * rng.NextGaussian()), rng.NextInt(3), rng.NextInt(dimensions));
            shift[d] = rng.NextDouble() < 0.4 ? 0.5 * rng.NextGaussian() : 0;
        }
        (int steep, double edge, double fall) = (rng.NextInt(dimensions), 0.5 + 0.45 * rng.NextDouble(), rng.NextDouble() < 0.5 ? 3 * Math.Exp(rng.NextGaussian()) : 0);
        double sharpness = 10 + 40 * rng.NextDouble();
        return x =>
        {
            double sum = fall / (1 + Math.Exp(-sharpness * (x[steep] - edge)));
            for (int d = 0; d < dimensions; d++)
            {
                double away = x[d] - best[d] - shift[d] * (x[other[d]] - 0.5);
                sum += weight[d] * kind[d] switch
                {
                    0 => Square(away) * (away < 0 ? left[d] : right[d]) * 4,
                    1 => Math.Exp(-5 * left[d] * Math.Max(0, x[d])), // more is better, by less and less
                    _ => Math.Log(1 + Math.Exp(12 * away * (right[d] > 1 ? 1 : -1))) / 6,
                };
            }
            return sum;
        };
    }

    /// <summary>For each dimension nothing, or the distribution function of Kumaraswamy (1980): some ranges matter more than others.</summary>
    private static Func<double, double>[] Warps(int dimensions, Rng rng)
    {
        bool any = rng.NextDouble() < 0.4;
        return [.. Enumerable.Range(0, dimensions).Select<int, Func<double, double>>(_ =>
        {
            double a = Math.Exp(0.6 * rng.NextGaussian()), b = Math.Exp(0.6 * rng.NextGaussian());
            return any ? v => 1 - Math.Pow(1 - Math.Pow(Math.Clamp(v, 0, 1), a), b) : v => v;
        })];
    }

    private static double ChiSquare(int degrees, Rng rng) => Enumerable.Range(0, degrees).Sum(_ => Square(rng.NextGaussian()));

    private static double Square(double v) => v * v;

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }
}
