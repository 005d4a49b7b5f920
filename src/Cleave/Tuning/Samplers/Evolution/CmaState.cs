using Cleave.Numerics;

namespace Cleave.Tuning.Samplers.Evolution;

/// <summary>The distribution of a covariance matrix adaptation between two generations; names are those of Hansen's tutorial.</summary>
internal sealed class CmaState
{
    private const double FirstSigma = 0.25, Converged = 1e-7;

    private readonly ulong _seed;
    private readonly double[] _c, _factor, _pathSigma, _pathC, _weights;
    private readonly double _sigma, _mass, _bestBefore;
    private readonly int _n, _generation, _restarts, _stalled;

    public CmaState(Genes genes, ulong seed) : this(genes, seed, 0) { }

    private CmaState(Genes genes, ulong seed, int restarts)
    {
        (Genes, _seed, _restarts, _n, _sigma, _bestBefore) = (genes, seed, restarts, genes.Count, FirstSigma, double.PositiveInfinity);
        Population = (4 + (int)(3 * Math.Log(_n))) << Math.Min(restarts, 6);
        (_weights, _mass) = Weights(Population);
        Rng rng = Rng.For(seed, $"cma-es restart/{restarts}");
        Mean = [.. Enumerable.Range(0, _n).Select(_ => restarts == 0 ? 0.5 : rng.NextDouble())];
        (_pathSigma, _pathC, _c) = (new double[_n], new double[_n], new double[_n * _n]);
        for (int i = 0; i < _n; i++)
            _c[i * _n + i] = 1;
        _factor = [.. _c];
    }

    private CmaState(CmaState from, double[] mean, double[] c, double[] factor, double[] pathSigma, double[] pathC, double sigma, double best)
    {
        (Genes, _seed, _restarts, _n, Population, _weights, _mass) = (from.Genes, from._seed, from._restarts, from._n, from.Population, from._weights, from._mass);
        (Mean, _c, _factor, _pathSigma, _pathC, _sigma) = (mean, c, factor, pathSigma, pathC, sigma);
        _generation = from._generation + 1;
        _stalled = best < from._bestBefore ? 0 : from._stalled + 1;
        _bestBefore = Math.Min(best, from._bestBefore);
    }

    public Genes Genes { get; }

    public double[] Mean { get; }

    /// <summary>Trials in a generation.</summary>
    public int Population { get; }

    public double[] Draw(Rng rng)
    {
        double[] z = [.. Mean.Select(_ => rng.NextGaussian())], x = [.. Mean];
        for (int i = 0; i < _n; i++)
        {
            x[i] += _sigma * DenseMath.Dot(_factor.AsSpan(i * _n, i + 1), z);
            double own = _sigma * Math.Sqrt(_c[i * _n + i]), least = Genes.Margin[i];
            if (own < least)
                x[i] += Math.Sqrt(least * least - own * own) * rng.NextGaussian();
        }
        Genes.Reflect(x);
        return x;
    }

    /// <param name="generation">The genes of a whole generation, best first.</param>
    /// <param name="best">The loss of the first one.</param>
    public CmaState Next(double[][] generation, double best)
    {
        double cs = (_mass + 2) / (_n + _mass + 5), ds = 1 + 2 * Math.Max(0, Math.Sqrt((_mass - 1) / (_n + 1)) - 1) + cs;
        double cc = (4 + _mass / _n) / (_n + 4 + 2 * _mass / _n), c1 = 2 / ((_n + 1.3) * (_n + 1.3) + _mass);
        double cmu = Math.Min(1 - c1, 2 * (_mass - 2 + 1 / _mass) / ((_n + 2) * (_n + 2) + _mass));
        double expected = Math.Sqrt(_n) * (1 - 1.0 / (4 * _n) + 1.0 / (21.0 * _n * _n));
        double[] mean = new double[_n], step = new double[_n], c = new double[_n * _n];
        double[][] moves = [.. generation.Take(_weights.Length).Select(x => x.Select((v, i) => (v - Mean[i]) / _sigma).ToArray())];
        for (int k = 0; k < moves.Length; k++)
            DenseMath.AddScaled(step, _weights[k], moves[k]);
        for (int i = 0; i < _n; i++)
            mean[i] = Mean[i] + _sigma * step[i];
        double[] white = [.. step], pathSigma = new double[_n], pathC = new double[_n];
        DenseMath.SolveLower(_factor, _n, white);
        for (int i = 0; i < _n; i++)
            pathSigma[i] = (1 - cs) * _pathSigma[i] + Math.Sqrt(cs * (2 - cs) * _mass) * white[i];
        double length = Math.Sqrt(DenseMath.Dot(pathSigma, pathSigma));
        double h = length / Math.Sqrt(1 - Math.Pow(1 - cs, 2 * (_generation + 1))) < (1.4 + 2.0 / (_n + 1)) * expected ? 1 : 0;
        for (int i = 0; i < _n; i++)
            pathC[i] = (1 - cc) * _pathC[i] + h * Math.Sqrt(cc * (2 - cc) * _mass) * step[i];
        DenseMath.AddScaled(c, 1 - c1 - cmu + (1 - h) * c1 * cc * (2 - cc), _c);
        for (int i = 0; i < _n; i++)
        {
            DenseMath.AddScaled(c.AsSpan(i * _n), c1 * pathC[i], pathC);
            for (int k = 0; k < moves.Length; k++)
                DenseMath.AddScaled(c.AsSpan(i * _n), cmu * _weights[k] * moves[k][i], moves[k]);
        }
        double sigma = _sigma * Math.Exp(Math.Min(1, cs / ds * (length / expected - 1)));
        double[] factor = [.. c];
        bool sound = DenseMath.Cholesky(factor, _n);
        var next = new CmaState(this, mean, c, factor, pathSigma, pathC, sigma, best);
        return !sound || sigma * Math.Sqrt(Enumerable.Range(0, _n).Max(i => c[i * _n + i])) < Converged || next._stalled > 10 + 30 * _n / Population
            ? new CmaState(Genes, _seed, _restarts + 1) : next;
    }

    private static (double[] Weights, double Mass) Weights(int population)
    {
        double[] raw = [.. Enumerable.Range(1, population / 2).Select(i => Math.Log((population + 1) / 2.0) - Math.Log(i))];
        double[] weights = [.. raw.Select(w => w / raw.Sum())];
        return (weights, 1 / weights.Sum(w => w * w));
    }
}
