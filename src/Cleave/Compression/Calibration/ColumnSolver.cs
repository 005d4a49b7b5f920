using Cleave.Numerics;
using Cleave.Numerics.Threading;

namespace Cleave.Compression.Calibration;

/// <summary>What each weight of a matrix becomes, decided column after column.</summary>
internal interface IColumnTarget
{
    /// <summary>Columns that are finished before the following ones hear of their errors.</summary>
    int BlockColumns { get; }

    /// <summary>Before the columns of a block, whose weights have taken up all errors before it, (rows, n).</summary>
    void BeginBlock(double[] weights, int first, int end);

    /// <summary>What the weight at (row, column) becomes; <paramref name="weights"/> is its row as it is now.</summary>
    double Choose(int row, int column, ReadOnlySpan<double> weights);
}

/// <summary>
/// Changes the columns of a matrix in turn and lets those behind make good the error in its outputs, which is the optimal
/// brain surgeon's step for a fixed order (Hassibi and Stork, 1993; Frantar et al., 2022): what GPTQ and SparseGPT share.
/// </summary>
internal static class ColumnSolver
{
    /// <param name="weights">(rows, n), changed in place to what was chosen.</param>
    /// <param name="upper">U of <see cref="InverseFactor"/>.</param>
    public static void Solve(double[] weights, int rows, double[] upper, int n, IColumnTarget target, CancellationToken cancel)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = ThreadTeam.Current.Threads, CancellationToken = cancel };
        for (int first = 0; first < n; first += target.BlockColumns)
        {
            int end = Math.Min(n, first + target.BlockColumns), begin = first;
            target.BeginBlock(weights, begin, end);
            Parallel.For(0, rows, options, r => SolveRow(weights.AsSpan(r * n, n), r, upper, begin, end, target));
        }
    }

    private static void SolveRow(Span<double> row, int r, double[] upper, int first, int end, IColumnTarget target)
    {
        int n = row.Length;
        Span<double> errors = stackalloc double[end - first];
        for (int c = first; c < end; c++)
        {
            double chosen = target.Choose(r, c, row), error = (row[c] - chosen) / upper[c * n + c];
            row[c] = chosen;
            errors[c - first] = error;
            if (error != 0 && c + 1 < end)
                DenseMath.AddScaled(row[(c + 1)..end], -error, upper.AsSpan(c * n + c + 1, end - c - 1));
        }
        for (int c = first; c < end && end < n; c++)
            DenseMath.AddScaled(row[end..], -errors[c - first], upper.AsSpan(c * n + end, n - end));
    }
}
