namespace Cleave.Benchmarks.Proposer;

/// <summary>The signed-rank test of paired results (Wilcoxon, 1945), one-sided and exact: the distribution of the rank sum over all signs.</summary>
internal static class Wilcoxon
{
    /// <summary>How likely so many or more of the ranks would be a's, were a and b alike. Equal pairs are left out; equal differences share their ranks.</summary>
    public static double Less(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        double[] differences = [.. a.Zip(b, (x, y) => x - y).Where(d => d != 0).OrderBy(Math.Abs)];
        if (differences.Length == 0)
            return 1;
        int[] twice = new int[differences.Length]; // mean ranks, doubled
        for (int i = 0; i < twice.Length;)
        {
            int end = i;
            while (end < twice.Length && Math.Abs(differences[end]) == Math.Abs(differences[i]))
                end++;
            for (int j = i; j < end; j++)
                twice[j] = i + end + 1;
            i = end;
        }
        int total = twice.Sum(), less = twice.Where((_, i) => differences[i] < 0).Sum();
        double[] ways = new double[total + 1];
        ways[0] = 1;
        foreach (int rank in twice)
        {
            for (int s = total; s >= rank; s--)
                ways[s] += ways[s - rank];
        }
        return ways[less..].Sum() / ways.Sum();
    }
}
