using Cleave.Numerics;

namespace Cleave.Data.Balancing;

/// <summary>Draws the items of an epoch by their classes; the seed and the epoch's number decide everything (He and Garcia, 2009).</summary>
/// <param name="classes">One an item.</param>
public sealed class ClassSampler(ClassSampling how, IReadOnlyList<int> classes)
{
    private readonly int[][] _members = [.. classes.Select((c, i) => (Class: c, Item: i)).GroupBy(p => p.Class).OrderBy(g => g.Key).Select(g => g.Select(p => p.Item).ToArray())];

    /// <summary>Indices of items, in the order of training.</summary>
    public int[] Epoch(Rng rng)
    {
        ArgumentNullException.ThrowIfNull(rng);
        return how switch
        {
            ClassSampling.Over => Same(_members.Max(m => m.Length), rng),
            ClassSampling.Under => Same(_members.Min(m => m.Length), rng),
            ClassSampling.Stratified => Spread(rng),
            _ => Shuffled([.. Enumerable.Range(0, classes.Count)], rng),
        };
    }

    /// <summary>n / (K · nᵏ) for each of K classes, of n items; 1 for a class that does not occur.</summary>
    public static float[] BalancedWeights(IReadOnlyList<long> counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        double total = counts.Sum();
        return [.. counts.Select(n => n == 0 ? 1f : (float)(total / (counts.Count * (double)n)))];
    }

    private int[] Same(int ofEach, Rng rng) => Shuffled([.. _members.SelectMany(m => Drawn(m, ofEach, rng))], rng);

    // Whole rounds of all members, then some of them: none is drawn twice more often than another.
    private static IEnumerable<int> Drawn(int[] members, int count, Rng rng)
    {
        int rest = count % members.Length;
        int[] order = rest > 0 ? Shuffled([.. members], rng) : [];
        return Enumerable.Repeat(members, count / members.Length).SelectMany(m => m).Concat(order.Take(rest));
    }

    // The j-th of n members lies somewhere in the j-th n-th of the epoch.
    private int[] Spread(Rng rng)
    {
        var placed = new List<(double Place, int Item)>();
        foreach (int[] members in _members)
        {
            int[] order = Shuffled([.. members], rng);
            for (int j = 0; j < order.Length; j++)
                placed.Add(((j + rng.NextDouble()) / order.Length, order[j]));
        }
        return [.. placed.OrderBy(p => p.Place).Select(p => p.Item)];
    }

    private static int[] Shuffled(int[] items, Rng rng)
    {
        rng.Shuffle(items.AsSpan());
        return items;
    }
}
