using Cleave.Numerics;

namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>The lengths and the noise of a process; its variance follows from the data.</summary>
/// <param name="Weights">1 / length² a dimension.</param>
/// <param name="Noise">Relative to the process's variance.</param>
internal sealed record GaussianHyper(double[] Weights, double Noise);

/// <summary>A Gaussian process with mean zero, conditioned on data (Rasmussen and Williams, 2006, algorithm 2.1).</summary>
internal sealed class GaussianProcess
{
    private readonly double[][] _columns;
    private readonly bool[] _isChoice;
    private readonly double[] _weights, _factor, _alpha, _row, _slopes;
    private readonly double _variance;
    private readonly int _n;

    /// <param name="columns">The points, an array a dimension; choices are numbers that are only compared.</param>
    /// <param name="outputs">About zero.</param>
    public GaussianProcess(double[][] columns, bool[] isChoice, double[] outputs, GaussianHyper hyper)
    {
        (_columns, _isChoice, _weights, _n) = (columns, isChoice, hyper.Weights, outputs.Length);
        (_row, _slopes) = (new double[_n], new double[_n]);
        _factor = new double[_n * _n];
        double noise = hyper.Noise;
        while (!Factor(noise))
            noise = Math.Max(1e-8, noise * 10); // points on top of each other
        _alpha = [.. outputs];
        DenseMath.SolveLower(_factor, _n, _alpha);
        _variance = VarianceOf(DenseMath.Dot(_alpha, _alpha), _n);
        LogLikelihood = -0.5 * _n * Math.Log(_variance);
        for (int i = 0; i < _n; i++)
            LogLikelihood -= Math.Log(_factor[i * _n + i]);
        DenseMath.SolveUpper(_factor, _n, _alpha);
    }

    /// <summary>The process's variance from yᵀK⁻¹y: the data's, with the weight of two more points of variance 1.</summary>
    public static double VarianceOf(double quadratic, int n) => (quadratic + 2) / (n + 2);

    /// <summary>Of the outputs under the process with the variance that they call for, up to a constant of their number.</summary>
    public double LogLikelihood { get; }

    /// <summary>The mean and the standard deviation (without noise) at a point.</summary>
    public (double Mean, double Deviation) Predict(ReadOnlySpan<double> x)
    {
        Matern.Distances(_columns, _isChoice, _weights, x, _row);
        Matern.Covariances(_row, default);
        double mean = DenseMath.Dot(_row, _alpha);
        DenseMath.SolveLower(_factor, _n, _row);
        return (mean, Math.Sqrt(_variance * Math.Max(1 - DenseMath.Dot(_row, _row), 1e-10)));
    }

    /// <summary>The same, with the derivatives of both by each number.</summary>
    public (double Mean, double Deviation) Predict(ReadOnlySpan<double> x, Span<double> meanSlope, Span<double> deviationSlope)
    {
        Matern.Distances(_columns, _isChoice, _weights, x, _row);
        Matern.Covariances(_row, _slopes);
        double mean = DenseMath.Dot(_row, _alpha);
        DenseMath.SolveLower(_factor, _n, _row);
        double deviation = Math.Sqrt(_variance * Math.Max(1 - DenseMath.Dot(_row, _row), 1e-10));
        DenseMath.SolveUpper(_factor, _n, _row);
        for (int d = 0; d < x.Length; d++)
        {
            (double m, double v) = (0, 0);
            if (!_isChoice[d])
            {
                double[] column = _columns[d];
                for (int i = 0; i < _n; i++)
                {
                    double slope = _slopes[i] * (column[i] - x[d]);
                    m += slope * _alpha[i];
                    v += slope * _row[i];
                }
            }
            meanSlope[d] = _weights[d] * m;
            deviationSlope[d] = -_variance * _weights[d] * v / deviation;
        }
        return (mean, deviation);
    }

    private bool Factor(double noise)
    {
        Span<double> x = stackalloc double[_columns.Length];
        for (int i = 0; i < _n; i++)
        {
            for (int d = 0; d < x.Length; d++)
                x[d] = _columns[d][i];
            Span<double> row = _factor.AsSpan(i * _n, i + 1);
            Matern.Distances(_columns, _isChoice, _weights, x, row);
            Matern.Covariances(row, default);
            row[i] = 1 + noise;
        }
        return DenseMath.Cholesky(_factor, _n);
    }
}
