namespace Cleave.Formats;

/// <summary>The nearest valid name to one that is not, for error messages.</summary>
public static class Suggest
{
    /// <summary>
    /// The candidate with the smallest edit distance (insertions, deletions, substitutions, swaps of neighbours; case
    /// ignored), or null where none is within a third of the name's length, at least one edit. Ties go to the first.
    /// </summary>
    public static string? Nearest(string name, IEnumerable<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(candidates);
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string candidate in candidates)
        {
            int distance = Distance(name, candidate);
            int limit = Math.Max(1, Math.Max(name.Length, candidate.Length) / 3);
            if (distance <= limit && distance < bestDistance)
                (best, bestDistance) = (candidate, distance);
        }
        return best;
    }

    /// <summary>The end of an error sentence: the nearest name where there is one, else the valid names.</summary>
    public static string Hint(string name, IReadOnlyCollection<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        const int Shown = 12;
        if (candidates.Count == 0)
            return "there is none";
        if (Nearest(name, candidates) is { } nearest)
            return $"did you mean '{nearest}'?";
        string more = candidates.Count > Shown ? $" and {candidates.Count - Shown} more" : "";
        return $"valid: {string.Join(", ", candidates.Take(Shown))}{more}";
    }

    /// <summary>Optimal string alignment distance (Damerau–Levenshtein without editing a swapped pair again), case
    /// ignored.</summary>
    public static int Distance(string a, string b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        int[] before = new int[b.Length + 1], previous = new int[b.Length + 1], current = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            previous[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = previous[j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1);
                current[j] = Math.Min(replaced, 1 + Math.Min(previous[j], current[j - 1]));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                    current[j] = Math.Min(current[j], before[j - 2] + 1);
            }
            (before, previous, current) = (previous, current, before);
        }
        return previous[b.Length];
    }

    private static bool Same(char x, char y) => char.ToLowerInvariant(x) == char.ToLowerInvariant(y);
}
