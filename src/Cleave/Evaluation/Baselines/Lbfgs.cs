using Cleave.Numerics.Kernels;

namespace Cleave.Evaluation.Baselines;

/// <summary>
/// Minimises a smooth convex function by limited-memory BFGS (Liu and Nocedal, 1989; Nocedal and Wright,
/// algorithm 7.4) with a backtracking line search (sufficient decrease). Deterministic.
/// </summary>
internal sealed class Lbfgs
{
    /// <summary>Puts the gradient at a point into its second argument and returns the function's value.</summary>
    public delegate double Function(float[] point, float[] gradient);

    private const int Memory = 8, MaxHalvings = 20;
    private const double SufficientDecrease = 1e-4;

    private readonly List<(float[] Step, float[] Change, double Inverse)> _pairs = [];
    private readonly double[] _alpha = new double[Memory];

    public int Iterations { get; private set; }

    /// <summary>Whether the gradient's largest part fell below the tolerance.</summary>
    public bool Converged { get; private set; }

    /// <param name="point">Where to start; holds the minimum afterwards.</param>
    /// <param name="tolerance">Ends the search when every part of the gradient is smaller.</param>
    public void Minimise(Function function, float[] point, int maxIterations, double tolerance)
    {
        float[] gradient = new float[point.Length], direction = new float[point.Length];
        float[] next = new float[point.Length], nextGradient = new float[point.Length];
        double value = function(point, gradient);
        for (Iterations = 0; Iterations < maxIterations; Iterations++)
        {
            Converged = Largest(gradient) <= tolerance;
            if (Converged)
                return;
            Direction(gradient, direction);
            double slope = Dot(gradient, direction), length = Iterations == 0 ? 1 / Math.Sqrt(Dot(gradient, gradient)) : 1, found = 0;
            int halvings = 0;
            for (; halvings < MaxHalvings; halvings++, length /= 2)
            {
                point.CopyTo(next, 0);
                VectorMath.AddScaled(next, direction, (float)length);
                found = function(next, nextGradient);
                if (found <= value + (SufficientDecrease * length * slope))
                    break;
            }
            // Rounding hides any further decrease: this is as close as float32 comes.
            if (halvings == MaxHalvings)
                return;
            Remember(point, next, gradient, nextGradient);
            next.CopyTo(point, 0);
            (gradient, nextGradient) = (nextGradient, gradient);
            value = found;
        }
    }

    /// <summary>direction = −H·gradient, by the two loops over the remembered pairs.</summary>
    private void Direction(float[] gradient, float[] direction)
    {
        gradient.CopyTo(direction, 0);
        for (int i = _pairs.Count - 1; i >= 0; i--)
        {
            _alpha[i] = _pairs[i].Inverse * Dot(_pairs[i].Step, direction);
            VectorMath.AddScaled(direction, _pairs[i].Change, (float)-_alpha[i]);
        }
        double scale = 1;
        if (_pairs.Count > 0)
        {
            (float[] _, float[] change, double inverse) = _pairs[^1];
            scale = 1 / (inverse * Dot(change, change));
        }
        VectorMath.Scale(direction, (float)scale);
        for (int i = 0; i < _pairs.Count; i++)
        {
            double beta = _pairs[i].Inverse * Dot(_pairs[i].Change, direction);
            VectorMath.AddScaled(direction, _pairs[i].Step, (float)(_alpha[i] - beta));
        }
        VectorMath.Scale(direction, -1);
    }

    /// <summary>Keeps s = next − point and y = its gradient's change; the oldest pair makes room.</summary>
    private void Remember(float[] point, float[] next, float[] gradient, float[] nextGradient)
    {
        (float[] step, float[] change) = _pairs.Count < Memory
            ? (new float[point.Length], new float[point.Length]) : (_pairs[0].Step, _pairs[0].Change);
        if (_pairs.Count == Memory)
            _pairs.RemoveAt(0);
        next.CopyTo(step, 0);
        VectorMath.AddScaled(step, point, -1);
        nextGradient.CopyTo(change, 0);
        VectorMath.AddScaled(change, gradient, -1);
        double curvature = Dot(step, change);
        if (curvature > 1e-12 * Dot(change, change))
            _pairs.Add((step, change, 1 / curvature));
    }

    private static float Largest(ReadOnlySpan<float> values)
    {
        float largest = 0;
        foreach (float v in values)
            largest = Math.Max(largest, Math.Abs(v));
        return largest;
    }

    /// <summary>In pieces, summed in float64, so that millions of terms keep their precision.</summary>
    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        const int Piece = 1024;
        double sum = 0;
        for (int i = 0; i < a.Length; i += Piece)
        {
            int count = Math.Min(Piece, a.Length - i);
            sum += VectorMath.Dot(a.Slice(i, count), b.Slice(i, count));
        }
        return sum;
    }
}
