using Cleave.Numerics;

namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>Quasi-Newton descent with a backtracking line search (Nocedal and Wright, 2006, section 6.1) for a handful of variables.</summary>
internal static class Bfgs
{
    private const double FirstStep = 0.5, LongestStep = 2, Armijo = 1e-4;

    /// <param name="function">Value at a point, its slope written to the second argument; infinite where it is not defined.</param>
    /// <param name="evaluations">At most this many calls.</param>
    public static double[] Minimize(Func<double[], double[], double> function, double[] start, int evaluations)
    {
        int n = start.Length;
        double[] x = start, g = new double[n], direction = new double[n], h = new double[n * n];
        double value = function(x, g);
        bool fresh = true;
        for (int calls = 1; calls < evaluations;)
        {
            Direct(h, g, direction, ref fresh);
            double along = DenseMath.Dot(direction, g), size = Math.Sqrt(DenseMath.Dot(direction, direction));
            if (!(along < -1e-9))
                break;
            double step = Math.Min(1, (fresh ? FirstStep : LongestStep) / size);
            double[] next = new double[n], slope = new double[n];
            double reached = double.PositiveInfinity;
            for (; calls < evaluations; step /= 4)
            {
                for (int i = 0; i < n; i++)
                    next[i] = x[i] + step * direction[i];
                reached = function(next, slope);
                calls++;
                if (reached <= value + Armijo * step * along)
                    break;
            }
            if (!(reached < value))
                break;
            bool settled = value - reached < 1e-4;
            Update(h, n, x, next, g, slope, ref fresh);
            (x, g, value) = (next, slope, reached);
            if (settled)
                break;
        }
        return x;
    }

    private static void Direct(double[] h, double[] g, double[] direction, ref bool fresh)
    {
        int n = g.Length;
        for (int i = 0; i < n; i++)
            direction[i] = fresh ? -g[i] : -DenseMath.Dot(h.AsSpan(i * n, n), g);
        if (!fresh && DenseMath.Dot(direction, g) >= 0)
        {
            fresh = true;
            Direct(h, g, direction, ref fresh);
        }
    }

    private static void Update(double[] h, int n, double[] x, double[] next, double[] g, double[] slope, ref bool fresh)
    {
        double[] s = new double[n], y = new double[n], hy = new double[n];
        for (int i = 0; i < n; i++)
            (s[i], y[i]) = (next[i] - x[i], slope[i] - g[i]);
        double sy = DenseMath.Dot(s, y);
        if (sy <= 1e-10)
            return;
        if (fresh)
        {
            Array.Clear(h);
            for (int i = 0; i < n; i++)
                h[i * n + i] = sy / DenseMath.Dot(y, y);
            fresh = false;
        }
        for (int i = 0; i < n; i++)
            hy[i] = DenseMath.Dot(h.AsSpan(i * n, n), y);
        double scale = 1 + DenseMath.Dot(y, hy) / sy;
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
                h[i * n + j] += (scale * s[i] * s[j] - hy[i] * s[j] - s[i] * hy[j]) / sy;
        }
    }
}
