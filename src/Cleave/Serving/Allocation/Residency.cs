namespace Cleave.Serving.Allocation;

/// <summary>A module in memory as whoever looks for room sees it.</summary>
/// <param name="ReloadSeconds">What it takes to have it back.</param>
/// <param name="RequestsPerSecond">Lately.</param>
public readonly record struct ResidentModule(string Name, long Bytes, double ReloadSeconds, double RequestsPerSecond)
{
    /// <summary>
    /// What a byte of it is worth: the seconds of loading that a second's requests would cost if it were not there (after GreedyDual-Size-Frequency;
    /// Cherkasova, 1998).
    /// </summary>
    public double Value => RequestsPerSecond * ReloadSeconds / Math.Max(1, Bytes);
}

/// <summary>Who makes room in memory.</summary>
public static class Residency
{
    /// <summary>
    /// The modules that go so that so many bytes become free: those whose bytes are worth the least, and none of them in vain. The same modules give the same
    /// answer whatever their order.
    /// </summary>
    /// <returns>Null where all of them together are not enough.</returns>
    public static IReadOnlyList<ResidentModule>? Victims(IEnumerable<ResidentModule> residents, long bytes)
    {
        ArgumentNullException.ThrowIfNull(residents);
        var chosen = new List<ResidentModule>();
        long free = 0;
        foreach (ResidentModule module in residents.OrderBy(r => r.Value).ThenByDescending(r => r.Bytes).ThenBy(r => r.Name, StringComparer.Ordinal))
        {
            if (free >= bytes)
                break;
            chosen.Add(module);
            free += module.Bytes;
        }
        if (free < bytes)
            return null;
        for (int i = chosen.Count - 1; i >= 0; i--) // the most valuable first
        {
            if (free - chosen[i].Bytes < bytes)
                continue;
            free -= chosen[i].Bytes;
            chosen.RemoveAt(i);
        }
        return chosen;
    }
}
