using Cleave.Numerics;

namespace Cleave.Data.Cleaning;

/// <summary>Seeded, stratified splits that never part a group of near duplicates.</summary>
internal static class Split
{
    /// <summary>
    /// Which items are held out: close to <paramref name="fraction"/> of each stratum, shared out by largest remainders;
    /// at least one item in all where there are two groups, and never a stratum's last group.
    /// </summary>
    /// <param name="strata">One name an item.</param>
    /// <param name="groups">One number an item; items of a group stay together, in the stratum of the group's first item.</param>
    public static bool[] HoldOut(IReadOnlyList<string> strata, IReadOnlyList<int> groups, double fraction, Rng rng)
    {
        var held = new bool[strata.Count];
        List<List<List<int>>> byStratum = Arrange(strata, groups);
        int[] quotas = Quotas([.. byStratum.Select(s => s.Sum(g => g.Count))], fraction);
        for (int s = 0; s < byStratum.Count; s++)
        {
            List<int>[] shuffled = [.. byStratum[s]];
            rng.Shuffle(shuffled.AsSpan());
            int taken = 0;
            // One pass that takes what still fits: a group larger than what is missing stays in training.
            foreach (List<int> group in shuffled.Take(shuffled.Length - 1))
            {
                if (taken + group.Count > quotas[s])
                    continue;
                taken += group.Count;
                group.ForEach(i => held[i] = true);
            }
        }
        if (!held.Contains(true))
            HoldSmallest(byStratum, held);
        return held;
    }

    /// <summary>Strata in ordinal order of their names, groups in order of their first item.</summary>
    private static List<List<List<int>>> Arrange(IReadOnlyList<string> strata, IReadOnlyList<int> groups)
    {
        var members = new Dictionary<int, List<int>>();
        var inOrder = new List<List<int>>();
        for (int i = 0; i < strata.Count; i++)
        {
            if (!members.TryGetValue(groups[i], out List<int>? group))
            {
                members[groups[i]] = group = [];
                inOrder.Add(group);
            }
            group.Add(i);
        }
        return [.. inOrder.GroupBy(g => strata[g[0]]).OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => s.ToList())];
    }

    /// <summary>Hamilton's method: whole parts first, then one more for the largest remainders.</summary>
    private static int[] Quotas(int[] sizes, double fraction)
    {
        int[] quotas = [.. sizes.Select(n => (int)Math.Floor(n * fraction))];
        int missing = (int)Math.Round(sizes.Sum() * fraction, MidpointRounding.AwayFromZero) - quotas.Sum();
        IEnumerable<int> byRemainder = Enumerable.Range(0, sizes.Length)
            .OrderByDescending(s => sizes[s] * fraction - quotas[s]).ThenBy(s => s);
        foreach (int s in byRemainder)
        {
            if (missing <= 0)
                break;
            if (sizes[s] < 2)
                continue;
            quotas[s]++;
            missing--;
        }
        return quotas;
    }

    /// <summary>Where nothing fitted a quota: the smallest group of a stratum with two, else nothing.</summary>
    private static void HoldSmallest(List<List<List<int>>> byStratum, bool[] held)
    {
        List<int>? smallest = byStratum.Where(s => s.Count > 1).SelectMany(s => s).MinBy(g => g.Count);
        smallest?.ForEach(i => held[i] = true);
    }
}
