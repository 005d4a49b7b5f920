namespace Cleave.Formats.Yaml;

/// <summary>Finds the name that a person probably meant.</summary>
public static class Suggestion
{
    /// <summary>The candidate within a third of the name's length in edits, or null.</summary>
    public static string? Nearest(string name, IEnumerable<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(candidates);
        string? best = null;
        int bestDistance = Math.Max(1, name.Length / 3) + 1;
        foreach (string candidate in candidates)
        {
            int distance = Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant());
            if (distance < bestDistance)
                (best, bestDistance) = (candidate, distance);
        }
        return best;
    }

    /// <summary>" (did you mean 'x'?)" or, without a near name, " (valid: a, b, c)".</summary>
    public static string Hint(string name, IReadOnlyCollection<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        if (Nearest(name, candidates) is { } near)
            return $" (did you mean '{near}'?)";
        return candidates.Count == 0 ? "" : $" (valid: {string.Join(", ", candidates)})";
    }

    // Levenshtein with adjacent transpositions (optimal string alignment).
    private static int Distance(string a, string b)
    {
        var rows = new int[3][];
        for (int i = 0; i < 3; i++)
            rows[i] = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            rows[0][j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int[] current = rows[i % 3], above = rows[(i - 1) % 3], twoAbove = rows[(i + 1) % 3];
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                current[j] = Math.Min(Math.Min(above[j] + 1, current[j - 1] + 1), above[j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    current[j] = Math.Min(current[j], twoAbove[j - 2] + 1);
            }
        }
        return rows[a.Length % 3][b.Length];
    }
}
