namespace Cleave.Serving.Allocation;

/// <summary>One of those that share the memory for keys and values.</summary>
/// <param name="Least">Bytes that it always has.</param>
/// <param name="Room">Bytes that it has now.</param>
/// <param name="Held">Of those, the bytes that its sequences may come to hold.</param>
/// <param name="Demand">Bytes that its requests would hold on average, lately.</param>
public readonly record struct KeyValueUse(long Least, long Room, long Held, double Demand);

/// <summary>How the memory for keys and values is divided among the models that write.</summary>
public static class KeyValueRooms
{
    /// <summary>
    /// What each should have: its least, and of the rest a part by its demand; where nobody demands anything, equal parts.
    /// </summary>
    /// <param name="total">At least the sum of what each has at least.</param>
    public static long[] Targets(long total, IReadOnlyList<KeyValueUse> all)
    {
        ArgumentNullException.ThrowIfNull(all);
        long spare = Math.Max(0, total - all.Sum(u => u.Least));
        double demand = all.Sum(u => u.Demand);
        return [.. all.Select(u => u.Least + (long)(spare * (demand > 0 ? u.Demand / demand : 1.0 / all.Count)))];
    }

    /// <summary>
    /// The next rooms on the way to the targets: who is to have less is cut down at once, and who is to have more gets only what is neither held nor anybody's
    /// room any more, so that all together never hold more than the total. Asked again and again it arrives.
    /// </summary>
    public static long[] Next(long total, IReadOnlyList<KeyValueUse> all)
    {
        ArgumentNullException.ThrowIfNull(all);
        long[] targets = Targets(total, all);
        long free = Math.Max(0, total - all.Sum(u => Math.Max(u.Room, u.Held)));
        double missing = targets.Zip(all, (t, u) => Math.Max(0, t - u.Room)).Sum(m => (double)m);
        return [.. targets.Zip(all, (t, u) => t <= u.Room ? t : u.Room + (long)Math.Min(t - u.Room, missing > 0 ? free * ((t - u.Room) / missing) : 0))];
    }
}
