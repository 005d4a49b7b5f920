namespace Cleave.Numerics;

/// <summary>Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.5).</summary>
public static class SymmetricEigen
{
    private const int MostSweeps = 60;

    /// <param name="matrix">(n, n), symmetric; left as it is.</param>
    /// <returns>Values from the largest to the smallest, and vectors as rows in the same order, (n, n).</returns>
    public static (double[] Values, double[] Vectors) Of(ReadOnlySpan<double> matrix, int n)
    {
        double[] a = matrix[..(n * n)].ToArray(), v = new double[n * n];
        for (int i = 0; i < n; i++)
            v[i * n + i] = 1;
        double total = DenseMath.Dot(a, a);
        for (int sweep = 0; sweep < MostSweeps && Outside(a, n) > 1e-26 * total; sweep++)
        {
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++)
                    Rotate(a, v, n, p, q);
            }
        }
        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => a[i * n + i])];
        return ([.. order.Select(i => a[i * n + i])], [.. order.SelectMany(i => v.Skip(i * n).Take(n))]);
    }

    private static double Outside(double[] a, int n)
    {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += DenseMath.Dot(a.AsSpan(i * n, i), a.AsSpan(i * n, i));
        return sum;
    }

    // Makes a[p, q] zero; the rows of v turn with those of a.
    private static void Rotate(double[] a, double[] v, int n, int p, int q)
    {
        double apq = a[p * n + q];
        if (apq == 0)
            return;
        double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        double t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt(theta * theta + 1)), c = 1 / Math.Sqrt(t * t + 1), s = t * c;
        Turn(a.AsSpan(p * n, n), a.AsSpan(q * n, n), c, s);
        for (int i = 0; i < n; i++)
            (a[i * n + p], a[i * n + q]) = (c * a[i * n + p] - s * a[i * n + q], s * a[i * n + p] + c * a[i * n + q]);
        a[p * n + q] = a[q * n + p] = 0;
        Turn(v.AsSpan(p * n, n), v.AsSpan(q * n, n), c, s);
    }

    private static void Turn(Span<double> x, Span<double> y, double c, double s)
    {
        for (int i = 0; i < x.Length; i++)
            (x[i], y[i]) = (c * x[i] - s * y[i], s * x[i] + c * y[i]);
    }
}
