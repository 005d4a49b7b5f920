namespace Cleave.Training.Distributed;

/// <summary>Deals parameters to ranks.</summary>
internal static class Shards
{
    /// <summary>
    /// The owner of each parameter: the largest first, each to the rank that has least so far (Graham, 1969). Parameters stay whole, as rules
    /// such as Muon's need all of a matrix; so no rank's share is smaller than the largest of them.
    /// </summary>
    public static int[] Deal(IReadOnlyList<int> lengths, int ranks)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        var owners = new int[lengths.Count];
        var shares = new long[ranks];
        foreach (int parameter in Enumerable.Range(0, lengths.Count).OrderByDescending(i => lengths[i])) // stable: ties in order
        {
            int least = Array.IndexOf(shares, shares.Min());
            owners[parameter] = least;
            shares[least] += lengths[parameter];
        }
        return owners;
    }
}
