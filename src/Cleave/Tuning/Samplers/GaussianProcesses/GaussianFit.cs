using Cleave.Numerics;

namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>
/// Chooses lengths and noise by maximum likelihood with a weak prior on each (a log-normal whose median length grows with √D:
/// Hvarfner et al., "Vanilla Bayesian Optimization Performs Great in High Dimensions", 2024), by BFGS on their logarithms. The
/// variance of the process is profiled out.
/// </summary>
internal sealed class GaussianFit
{
    private const double LengthSpread = 1, NoiseSpread = 2, LeastNoise = 1e-7, MostNoise = 1;
    private const int Evaluations = 24;

    private readonly double[][] _columns;
    private readonly bool[] _isChoice;
    private readonly double[] _outputs, _k, _slopes, _scratch, _inverse, _alpha, _weights;
    private readonly int _n, _d;
    private readonly double _median;

    /// <summary>The usual median of the noise's variance, as a share of the outputs'.</summary>
    public const double UsualNoise = 1e-5;

    private readonly double _noise;

    internal GaussianFit(double[][] columns, bool[] isChoice, double[] outputs, double noise = UsualNoise)
    {
        (_columns, _isChoice, _outputs, _noise) = (columns, isChoice, outputs, noise);
        (_n, _d) = (outputs.Length, columns.Length);
        (_k, _slopes, _scratch, _inverse) = (new double[_n * _n], new double[_n * _n], new double[_n * _n], new double[_n * _n]);
        (_alpha, _weights) = (new double[_n], new double[_d]);
        _median = Math.Log(0.4 * Math.Sqrt(_d));
    }

    public static GaussianHyper Of(double[][] columns, bool[] isChoice, double[] outputs, double noise = UsualNoise) => new GaussianFit(columns, isChoice, outputs, noise).Run();

    private GaussianHyper Run()
    {
        double[] theta = new double[_d + 1];
        theta.AsSpan(0, _d).Fill(_median);
        theta[_d] = Math.Log(10 * _noise);
        theta = Bfgs.Minimize(Loss, theta, Evaluations);
        return new GaussianHyper([.. theta[.._d].Select(Weight)], Noise(theta[_d]));
    }

    private static double Weight(double logLength) => Math.Exp(-2 * Math.Clamp(logLength, -5, 5));

    private static double Noise(double log) => Math.Clamp(Math.Exp(log), LeastNoise, MostNoise);

    /// <summary>Minus the log of the likelihood and the prior, with its slope.</summary>
    internal double Loss(double[] theta, double[] slope)
    {
        for (int d = 0; d < _d; d++)
            _weights[d] = Weight(theta[d]);
        double noise = Noise(theta[_d]);
        if (!Build(noise))
            return double.PositiveInfinity;
        _outputs.CopyTo(_alpha, 0);
        DenseMath.SolveLower(_k, _n, _alpha);
        double variance = GaussianProcess.VarianceOf(DenseMath.Dot(_alpha, _alpha), _n), loss = (_n + 2) / 2.0 * Math.Log(variance);
        for (int i = 0; i < _n; i++)
            loss += Math.Log(_k[i * _n + i]);
        DenseMath.SolveUpper(_k, _n, _alpha);
        DenseMath.Inverse(_k, _n, _scratch, _inverse);
        Slopes(noise, variance, slope);
        for (int d = 0; d <= _d; d++)
        {
            (double median, double spread) = d < _d ? (_median, LengthSpread) : (Math.Log(_noise), NoiseSpread);
            double z = (theta[d] - median) / spread;
            loss += z * z / 2;
            slope[d] += z / spread;
        }
        return loss;
    }

    private bool Build(double noise)
    {
        Span<double> x = stackalloc double[_d];
        for (int i = 0; i < _n; i++)
        {
            for (int d = 0; d < _d; d++)
                x[d] = _columns[d][i];
            Span<double> row = _k.AsSpan(i * _n, i + 1);
            Matern.Distances(_columns, _isChoice, _weights, x, row);
            Matern.Covariances(row, _slopes.AsSpan(i * _n, i + 1));
            row[i] = 1 + noise;
        }
        return DenseMath.Cholesky(_k, _n);
    }

    /// <summary>−½ tr((ααᵀ/σ² − K⁻¹) ∂K) for each logarithm; the prior is not in it.</summary>
    private void Slopes(double noise, double variance, double[] slope)
    {
        Array.Clear(slope);
        double[] row = _scratch, squares = new double[_n], one = [0];
        Span<double> at = stackalloc double[1];
        double[][] column = new double[1][];
        bool[] isChoice = new bool[1];
        one[0] = 1;
        for (int i = 0; i < _n; i++)
        {
            for (int j = 0; j < i; j++)
                row[j] = (_alpha[i] * _alpha[j] / variance - _inverse[i * _n + j]) * _slopes[i * _n + j];
            for (int d = 0; d < _d; d++)
            {
                (column[0], isChoice[0], at[0]) = (_columns[d], _isChoice[d], _columns[d][i]);
                Matern.Distances(column, isChoice, one, at, squares.AsSpan(0, i));
                slope[d] -= _weights[d] * DenseMath.Dot(squares.AsSpan(0, i), row);
            }
            slope[_d] -= 0.5 * noise * (_alpha[i] * _alpha[i] / variance - _inverse[i * _n + i]);
        }
    }
}
