using Cleave.Compression.Calibration;

namespace Cleave.Compression.Pruning;

/// <summary>
/// Removes the weights that cost the least error in the outputs, w² / U²ᵢᵢ, and lets the others make it good
/// (Frantar and Alistarh, 2023, SparseGPT). Weights compete within blocks of 128 columns, or within groups of a row.
/// </summary>
public static class SparseGpt
{
    private const int UsualBlock = 128;

    /// <summary>Prunes a matrix (rows, n) in place.</summary>
    /// <param name="hessian">XᵀX / N of its inputs, (n, n).</param>
    /// <exception cref="CleaveException">The Hessian cannot be inverted.</exception>
    public static void Prune(Span<float> weights, int rows, int n, double[] hessian, SparsityPattern pattern, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(hessian);
        ArgumentNullException.ThrowIfNull(pattern);
        double[] upper = InverseFactor.Of(hessian, n), exact = new double[weights.Length];
        for (int i = 0; i < exact.Length; i++)
            exact[i] = weights[i];
        ColumnSolver.Solve(exact, rows, upper, n, new Target(rows, upper, n, pattern), cancel);
        for (int i = 0; i < exact.Length; i++)
            weights[i] = (float)exact[i];
    }

    private sealed class Target(int rows, double[] upper, int n, SparsityPattern pattern) : IColumnTarget
    {
        private readonly bool[] _removed = new bool[rows * n];

        public int BlockColumns { get; } = pattern.Of == 0 ? UsualBlock : (UsualBlock + pattern.Of - 1) / pattern.Of * pattern.Of;

        public void BeginBlock(double[] weights, int first, int end)
        {
            if (pattern.Of > 0)
                return;
            int columns = end - first, count = rows * columns;
            var scores = new double[count];
            for (int i = 0; i < count; i++)
                scores[i] = Score(weights[i / columns * n + first + i % columns], first + i % columns);
            foreach (int i in ScoredMask.Lowest(scores, pattern.Zeros(count)))
                _removed[i / columns * n + first + i % columns] = true;
        }

        public double Choose(int row, int column, ReadOnlySpan<double> weights)
        {
            if (pattern.Of > 0 && column % pattern.Of == 0)
                ChooseGroup(row, column, weights);
            return _removed[row * n + column] ? 0 : weights[column];
        }

        private void ChooseGroup(int row, int first, ReadOnlySpan<double> weights)
        {
            var scores = new double[pattern.Of];
            for (int i = 0; i < scores.Length; i++)
                scores[i] = Score(weights[first + i], first + i);
            foreach (int i in ScoredMask.Lowest(scores, pattern.Of - pattern.Kept))
                _removed[row * n + first + i] = true;
        }

        private double Score(double weight, int column)
        {
            double pivot = upper[column * n + column];
            return weight * weight / (pivot * pivot);
        }
    }
}
