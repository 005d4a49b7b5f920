using Cleave.Formats;

namespace Cleave.Cli.Shell;

/// <summary>The name that was probably meant.</summary>
internal static class Nearest
{
    /// <summary>
    /// The candidate with the smallest edit distance (insertions, deletions, substitutions and swaps of
    /// neighbours: optimal string alignment), or null where none is near; a unique prefix counts as near.
    /// </summary>
    public static string? To(string word, IEnumerable<string> candidates)
    {
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string candidate in candidates)
        {
            bool prefix = word.TrimStart('-').Length >= 3 && candidate.StartsWith(word, StringComparison.OrdinalIgnoreCase);
            int distance = prefix ? 1 : Distance(word, candidate);
            if (distance < bestDistance)
                (best, bestDistance) = (candidate, distance);
        }
        int limit = Math.Max(1, word.TrimStart('-').Length / 3);
        return bestDistance <= limit ? best : null;
    }

    internal static int Distance(string a, string b) => a.Length > 64 || b.Length > 64 ? int.MaxValue : Suggest.Distance(a, b);
}
