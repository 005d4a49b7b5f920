using System.Numerics;
using System.Runtime.InteropServices;

namespace Cleave.Numerics;

/// <summary>Linear algebra off the hot path, in double precision; matrices are row-major.</summary>
public static class DenseMath
{
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ReadOnlySpan<Vector<double>> x = MemoryMarshal.Cast<double, Vector<double>>(a), y = MemoryMarshal.Cast<double, Vector<double>>(b[..a.Length]);
        Vector<double> sum = Vector<double>.Zero;
        for (int i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        double total = Vector.Sum(sum);
        for (int i = x.Length * Vector<double>.Count; i < a.Length; i++)
            total += a[i] * b[i];
        return total;
    }

    /// <summary>y += scale · x.</summary>
    public static void AddScaled(Span<double> y, double scale, ReadOnlySpan<double> x)
    {
        Span<Vector<double>> to = MemoryMarshal.Cast<double, Vector<double>>(y[..x.Length]);
        ReadOnlySpan<Vector<double>> from = MemoryMarshal.Cast<double, Vector<double>>(x);
        var by = new Vector<double>(scale);
        for (int i = 0; i < from.Length; i++)
            to[i] += by * from[i];
        for (int i = from.Length * Vector<double>.Count; i < x.Length; i++)
            y[i] += scale * x[i];
    }

    /// <summary>Replaces the lower triangle of an n × n matrix by its Cholesky factor.</summary>
    /// <returns>False where the matrix is not positive definite.</returns>
    public static bool Cholesky(Span<double> a, int n)
    {
        for (int i = 0; i < n; i++)
        {
            Span<double> row = a.Slice(i * n, i + 1);
            for (int j = 0; j < i; j++)
                row[j] = (row[j] - Dot(row[..j], a.Slice(j * n, j))) / a[j * n + j];
            double pivot = row[i] - Dot(row[..i], row[..i]);
            if (!(pivot > 1e-12))
                return false;
            row[i] = Math.Sqrt(pivot);
        }
        return true;
    }

    /// <summary>x ← L⁻¹ x.</summary>
    public static void SolveLower(ReadOnlySpan<double> factor, int n, Span<double> x)
    {
        for (int i = 0; i < n; i++)
            x[i] = (x[i] - Dot(factor.Slice(i * n, i), x)) / factor[i * n + i];
    }

    /// <summary>x ← L⁻ᵀ x.</summary>
    public static void SolveUpper(ReadOnlySpan<double> factor, int n, Span<double> x)
    {
        for (int i = n - 1; i >= 0; i--)
        {
            x[i] /= factor[i * n + i];
            AddScaled(x, -x[i], factor.Slice(i * n, i));
        }
    }

    /// <summary>The lower triangle of (L Lᵀ)⁻¹.</summary>
    /// <param name="scratch">n × n.</param>
    public static void Inverse(ReadOnlySpan<double> factor, int n, Span<double> scratch, Span<double> inverse)
    {
        InvertLower(factor, n, scratch);
        inverse[..(n * n)].Clear();
        for (int i = 0; i < n; i++)
        {
            Span<double> row = scratch.Slice(i * n, i + 1);
            for (int j = 0; j <= i; j++)
                AddScaled(inverse[(j * n)..], row[j], row[..(j + 1)]);
        }
    }

    /// <summary>L⁻¹, with zeros above the diagonal.</summary>
    public static void InvertLower(ReadOnlySpan<double> factor, int n, Span<double> inverse)
    {
        inverse[..(n * n)].Clear();
        for (int i = 0; i < n; i++)
        {
            Span<double> row = inverse.Slice(i * n, i + 1);
            double pivot = 1 / factor[i * n + i];
            for (int k = 0; k < i; k++)
                AddScaled(row, -factor[i * n + k] * pivot, inverse.Slice(k * n, k + 1));
            row[i] = pivot;
        }
    }
}
