using Cleave.Numerics;

namespace Cleave.Benchmarks.Proposer;

/// <summary>
/// A random objective on a random space: a landscape over numbers and over hidden coordinates of choices, on a bent scale, with plateaus or noise now and
/// then. A seed decides it.
/// </summary>
internal sealed class SyntheticFunction
{
    private readonly Func<double[], double> _landscape;
    private readonly double[][] _hidden; // of each choice
    private readonly double _centre, _scale, _bend, _noise;
    private readonly int _levels, _kind;

    public SyntheticFunction(Rng rng)
    {
        Space = SyntheticSpace.Draw(rng);
        _hidden = [.. Space.Choices.Select(c => Enumerable.Range(0, c).Select(_ => 0.5 + 0.35 * rng.NextGaussian()).ToArray())];
        _landscape = Landscapes.Draw(Space.Choices.Length, rng);
        double[] some = [.. Enumerable.Range(0, 40).Select(_ => _landscape(Latent(Space.Random(rng))))];
        _centre = some.Average();
        _scale = Math.Sqrt(some.Sum(v => (v - _centre) * (v - _centre)) / some.Length) + 1e-12;
        _kind = rng.NextDouble() switch { < 0.45 => 0, < 0.75 => 1, < 0.9 => 2, _ => 3 };
        _bend = Math.Exp(rng.NextGaussian() * 0.5);
        _levels = rng.NextDouble() < 0.07 ? 2 + rng.NextInt(10) : 0;
        _noise = rng.NextDouble() < 0.3 ? 0.003 * Math.Exp(4 * rng.NextDouble()) : 0;
    }

    public SyntheticSpace Space { get; }

    /// <param name="noise">Of this evaluation.</param>
    public double At(double[] point, Rng noise)
    {
        double v = Math.Clamp((_landscape(Latent(point)) - _centre) / _scale, -20, 20);
        if (_levels > 0)
            v = Math.Floor(v * _levels) / _levels;
        v += _noise * noise.NextGaussian();
        return _kind switch
        {
            1 => Math.Exp(_bend * v),
            2 => Math.Log(1 + Math.Exp(2 * _bend * v)),
            3 => Math.Tanh(0.5 * _bend * v),
            _ => v,
        };
    }

    private double[] Latent(double[] point)
    {
        double[] latent = new double[point.Length];
        for (int d = 0; d < point.Length; d++)
            latent[d] = double.IsNaN(point[d]) ? 0.5 : _hidden[d].Length > 0 ? _hidden[d][(int)point[d]] : point[d];
        return latent;
    }
}
