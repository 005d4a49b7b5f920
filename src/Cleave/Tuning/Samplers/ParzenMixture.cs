using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>The widths of the kernels of a <see cref="ParzenMixture"/>.</summary>
/// <param name="Bandwidth">Times Scott's rule.</param>
/// <param name="MinBandwidth">In unit coordinates.</param>
/// <param name="CategoricalSmoothing">The mass that a kernel spreads over all choices.</param>
internal readonly record struct ParzenOptions(double Bandwidth, double MinBandwidth, double CategoricalSmoothing);

/// <summary>
/// A density over the points of a (conditional) space: one product kernel for each observation and a uniform
/// prior. A number has a normal kernel cut to the unit interval, a choice puts most of its mass on the observed
/// one, and a parameter that an observation lacks has the uniform kernel; so one mixture serves all branches of a
/// conditional space and still sees how the shared parameters go together.
/// </summary>
internal sealed class ParzenMixture
{
    private readonly int _n, _d;
    private readonly int[] _choices;      // 0 for a number
    private readonly double[] _centers;   // n × d, NaN where absent
    private readonly double[] _logWeights; // n + 1, the prior last
    private readonly double[] _cumulative; // n + 1
    private readonly double[] _deviation, _inverse; // d
    private readonly double[] _logNormalizer; // n × d
    private readonly double[] _logHit, _logMiss, _logUniform; // d
    private readonly double[] _terms;

    /// <param name="choices">For each dimension the number of choices, 0 for a number.</param>
    /// <param name="bins">For each number the width of one step in unit coordinates, 0 for a continuum.</param>
    /// <param name="points">n × d unit coordinates or choice indices, NaN where absent.</param>
    /// <param name="weights">One for each point.</param>
    public ParzenMixture(int[] choices, double[] bins, double[] points, double[] weights, ParzenOptions options)
    {
        (_choices, _centers, _d, _n) = (choices, points, choices.Length, weights.Length);
        _terms = new double[_n + 1];
        _logWeights = new double[_n + 1];
        _cumulative = new double[_n + 1];
        double prior = _n > 0 ? weights.Average() : 1, total = weights.Sum() + prior, running = 0;
        for (int i = 0; i <= _n; i++)
        {
            double w = (i < _n ? weights[i] : prior) / total;
            _logWeights[i] = Math.Log(w);
            _cumulative[i] = running += w;
        }
        (_deviation, _inverse) = (new double[_d], new double[_d]);
        (_logHit, _logMiss, _logUniform) = (new double[_d], new double[_d], new double[_d]);
        _logNormalizer = new double[_n * _d];
        int numbers = Math.Max(1, choices.Count(c => c == 0));
        for (int d = 0; d < _d; d++)
        {
            if (choices[d] > 0)
                SetChoice(d, options.CategoricalSmoothing);
            else
                SetNumber(d, weights, numbers, bins[d], options);
        }
    }

    /// <summary>The log of the density, over the coordinates that are not NaN.</summary>
    public double LogDensity(ReadOnlySpan<double> x)
    {
        double most = double.NegativeInfinity;
        for (int i = 0; i <= _n; i++)
        {
            double log = _logWeights[i];
            int row = i * _d;
            for (int d = 0; d < _d; d++)
            {
                double at = x[d];
                if (double.IsNaN(at))
                    continue;
                double center = i < _n ? _centers[row + d] : double.NaN;
                if (double.IsNaN(center))
                    log += _logUniform[d];
                else if (_choices[d] > 0)
                    log += at == center ? _logHit[d] : _logMiss[d];
                else
                {
                    double z = (at - center) * _inverse[d];
                    log -= 0.5 * z * z + _logNormalizer[row + d];
                }
            }
            _terms[i] = log;
            most = Math.Max(most, log);
        }
        double sum = 0;
        for (int i = 0; i <= _n; i++)
            sum += _terms[i] > most - 40 ? Math.Exp(_terms[i] - most) : 0; // below, it would be lost in the rounding
        return most + Math.Log(sum);
    }

    /// <summary>Draws the component of one candidate; the last one is the prior.</summary>
    public int DrawComponent(Rng rng)
    {
        double u = rng.NextDouble();
        int i = 0;
        while (i < _n && _cumulative[i] <= u)
            i++;
        return i;
    }

    /// <summary>Draws one coordinate from a component's kernel.</summary>
    public double Draw(Rng rng, int component, int d)
    {
        double center = component < _n ? _centers[component * _d + d] : double.NaN;
        if (_choices[d] > 0)
            return double.IsNaN(center) || rng.NextDouble() >= Math.Exp(_logHit[d]) ? rng.NextInt(_choices[d]) : center;
        return double.IsNaN(center) ? rng.NextDouble() : TruncatedNormal.Sample(rng, center, _deviation[d]);
    }

    private void SetChoice(int d, double smoothing)
    {
        double each = smoothing / _choices[d];
        _logHit[d] = Math.Log(1 - smoothing + each);
        _logMiss[d] = Math.Log(each);
        _logUniform[d] = -Math.Log(_choices[d]);
    }

    private void SetNumber(int d, double[] weights, int numbers, double bin, ParzenOptions options)
    {
        double sum = 0, mean = 0, square = 0;
        int count = 0;
        for (int i = 0; i < _n; i++)
        {
            double x = _centers[i * _d + d];
            if (double.IsNaN(x))
                continue;
            count++;
            sum += weights[i];
            double delta = x - mean;
            mean += weights[i] / sum * delta;
            square += weights[i] * delta * (x - mean);
        }
        // Scott's rule; the prior's own spread (a uniform's variance, 1/12) counts as one more observation.
        double variance = (square / Math.Max(sum, 1e-300) * count + 1.0 / 12) / (count + 1);
        double width = options.Bandwidth * Math.Sqrt(variance) * Math.Pow(count + 1, -1.0 / (numbers + 4));
        _deviation[d] = Math.Clamp(width, Math.Max(options.MinBandwidth, bin / 2), 1);
        _inverse[d] = 1 / _deviation[d];
        for (int i = 0; i < _n; i++)
        {
            double x = _centers[i * _d + d];
            if (!double.IsNaN(x))
                _logNormalizer[i * _d + d] = TruncatedNormal.LogNormalizer(x, _deviation[d]);
        }
    }
}
