using System.Numerics;
using System.Runtime.InteropServices;

namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>
/// The Matérn covariance of smoothness 5/2 with a length for each dimension (Rasmussen and Williams, 2006, section 4.2):
/// k = (1 + s + s²/3) e⁻ˢ with s² = 5 Σ w (x − x')², where a choice counts 1 between different values and 0 between equal ones.
/// </summary>
internal static class Matern
{
    /// <summary>s² / 5 between one point and the first ones of the data.</summary>
    /// <param name="columns">The data, an array a dimension.</param>
    /// <param name="weights">1 / length² a dimension.</param>
    public static void Distances(double[][] columns, bool[] isChoice, double[] weights, ReadOnlySpan<double> x, Span<double> squares)
    {
        squares.Clear();
        Span<Vector<double>> to = MemoryMarshal.Cast<double, Vector<double>>(squares);
        for (int d = 0; d < columns.Length; d++)
        {
            ReadOnlySpan<double> column = columns[d].AsSpan(0, squares.Length);
            ReadOnlySpan<Vector<double>> from = MemoryMarshal.Cast<double, Vector<double>>(column);
            Vector<double> at = new(x[d]), w = new(weights[d]);
            int tail = from.Length * Vector<double>.Count;
            if (isChoice[d])
            {
                for (int i = 0; i < from.Length; i++)
                    to[i] += Vector.ConditionalSelect(Vector.Equals(from[i], at), Vector<double>.Zero, w);
                for (int i = tail; i < column.Length; i++)
                    squares[i] += column[i] == x[d] ? 0 : weights[d];
                continue;
            }
            for (int i = 0; i < from.Length; i++)
            {
                Vector<double> delta = from[i] - at;
                to[i] += w * delta * delta;
            }
            for (int i = tail; i < column.Length; i++)
                squares[i] += weights[d] * (column[i] - x[d]) * (column[i] - x[d]);
        }
    }

    /// <summary>Turns distances into covariances, and, where asked for, (5/3)(1 + s) e⁻ˢ, the factor of every derivative.</summary>
    public static void Covariances(Span<double> squares, Span<double> slopes)
    {
        Span<Vector<double>> to = MemoryMarshal.Cast<double, Vector<double>>(squares), slope = MemoryMarshal.Cast<double, Vector<double>>(slopes);
        var third = new Vector<double>(1.0 / 3);
        for (int i = 0; i < to.Length; i++)
        {
            Vector<double> s = Vector.SquareRoot(5 * to[i]), e = Vector.Exp(-s);
            to[i] = (Vector<double>.One + s + s * s * third) * e;
            if (slope.Length > 0)
                slope[i] = 5 * third * (Vector<double>.One + s) * e;
        }
        for (int i = to.Length * Vector<double>.Count; i < squares.Length; i++)
        {
            double s = Math.Sqrt(5 * squares[i]), e = Math.Exp(-s);
            squares[i] = (1 + s + s * s / 3) * e;
            if (slopes.Length > 0)
                slopes[i] = 5.0 / 3 * (1 + s) * e;
        }
    }
}
