namespace Cleave.Numerics.Kernels;

/// <summary>
/// Distances between two positions, gathered into a few buckets (Raffel et al., 2020, section 2.1): half of a direction's buckets are
/// single distances, the others grow with the logarithm, and the last takes everything from a longest distance on. In single
/// precision, as published models were trained, because a bucket's edge may lie on a rounding.
/// </summary>
public sealed class RelativeBuckets
{
    /// <summary>
    /// The largest of the longest distances, eight times what models have: a number for each of them and each head is kept, which a
    /// small file could otherwise make gigabytes of.
    /// </summary>
    public const int MostDistance = 1024;

    private readonly int[] _byDistance;

    /// <param name="count">Buckets, from 4 up; with two directions each has half of them.</param>
    /// <param name="maxDistance">Where the last bucket begins at the latest; longer than there are single distances.</param>
    /// <param name="bidirectional">True: positions behind the own one have buckets too; false: they all share that of the own.</param>
    /// <exception cref="ArgumentException">See <see cref="Problem"/>.</exception>
    public RelativeBuckets(int count, int maxDistance, bool bidirectional)
    {
        if (Problem(count, maxDistance, bidirectional) is { } problem)
            throw new ArgumentException(problem, nameof(count));
        (Count, Bidirectional) = (count, bidirectional);
        _byDistance = new int[2 * maxDistance + 1];
        for (int d = -maxDistance; d <= maxDistance; d++)
            _byDistance[maxDistance + d] = BucketOf(d, maxDistance);
    }

    public int Count { get; }

    public bool Bidirectional { get; }

    /// <summary>R: beyond it, nothing changes.</summary>
    public int Reach => _byDistance.Length / 2;

    /// <summary>The bucket of each distance, the key's position less the query's, from −R to R.</summary>
    public ReadOnlySpan<int> ByDistance => _byDistance;

    /// <summary>What makes such buckets impossible, or null.</summary>
    public static string? Problem(int count, int maxDistance, bool bidirectional)
    {
        if (count < 4 || count > MostDistance)
            return $"{count} buckets of distances: there can be 4 to {MostDistance}";
        int single = Single(count, bidirectional);
        return maxDistance > single && maxDistance <= MostDistance ? null
            : $"a longest distance of {maxDistance} does not go with {count} buckets: it must be from {single + 1} to {MostDistance}";
    }

    private static int Single(int count, bool bidirectional) => (bidirectional ? count / 2 : count) / 2;

    private int BucketOf(int distance, int maxDistance)
    {
        int direction = Bidirectional ? Count / 2 : Count, first = Bidirectional && distance > 0 ? direction : 0;
        int far = Bidirectional ? Math.Abs(distance) : Math.Max(0, -distance), single = Single(Count, Bidirectional);
        if (far < single)
            return first + far;
        float share = MathF.Log((float)far / single) / (float)Math.Log((double)maxDistance / single);
        return first + Math.Min(direction - 1, single + (int)(share * (direction - single)));
    }
}
