using Cleave.Data.Cleaning;
using Cleave.Numerics;

namespace Cleave.Data;

/// <summary>Deals items into parts of about the same size, each label spread over all of them, near duplicates in one.</summary>
public static class Folds
{
    /// <returns>The fold of each item, from 0.</returns>
    public static int[] Assign(IReadOnlyList<Example> items, int folds, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(rng);
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        int[] groups = NearDuplicates.Groups(items), result = new int[items.Count], sizes = new int[folds];
        var byLabel = Enumerable.Range(0, items.Count).GroupBy(i => groups[i]).Select(g => g.ToArray()).GroupBy(g => items[g[0]].Label ?? "").OrderBy(g => g.Key, StringComparer.Ordinal);
        foreach (var label in byLabel)
        {
            int[][] dealt = [.. label];
            rng.Shuffle(dealt.AsSpan());
            var ofLabel = new int[folds];
            foreach (int[] group in dealt.OrderByDescending(g => g.Length)) // large groups first, so that small ones can even them out
            {
                int fold = Enumerable.Range(0, folds).MinBy(f => (ofLabel[f], sizes[f]));
                foreach (int item in group)
                    result[item] = fold;
                ofLabel[fold] += group.Length;
                sizes[fold] += group.Length;
            }
        }
        return result;
    }
}
