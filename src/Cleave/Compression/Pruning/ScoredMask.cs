namespace Cleave.Compression.Pruning;

/// <summary>Sets the weights of the lowest scores to zero.</summary>
public static class ScoredMask
{
    /// <summary>Those of the lowest |w| · <paramref name="inputScale"/>: of the whole matrix, of each row, or of each group.</summary>
    /// <param name="weights">(rows, n), changed in place.</param>
    /// <param name="inputScale">One factor for each input; empty for 1, which is pruning by magnitude.</param>
    /// <param name="byRow">Whether weights compete within their row (Sun et al., 2023, Wanda) or within the matrix (Han et al., 2015).</param>
    public static void Apply(Span<float> weights, int n, ReadOnlySpan<double> inputScale, SparsityPattern pattern, bool byRow)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        int part = pattern.Of > 0 ? pattern.Of : byRow ? n : weights.Length;
        var scores = new double[part];
        for (int first = 0; first < weights.Length; first += part)
        {
            Span<float> some = weights.Slice(first, part);
            for (int i = 0; i < part; i++)
                scores[i] = Math.Abs(some[i]) * (inputScale.IsEmpty ? 1 : inputScale[(first + i) % n]);
            foreach (int i in Lowest(scores, pattern.Of > 0 ? pattern.Of - pattern.Kept : pattern.Zeros(part)))
                some[i] = 0;
        }
    }

    /// <summary>The places of the <paramref name="count"/> lowest scores; of equal ones the first.</summary>
    internal static ReadOnlySpan<int> Lowest(double[] scores, int count)
    {
        int[] order = [.. Enumerable.Range(0, scores.Length)];
        Array.Sort(order, (a, b) => scores[a].CompareTo(scores[b]) is var by and not 0 ? by : a.CompareTo(b));
        return order.AsSpan(0, count);
    }
}
