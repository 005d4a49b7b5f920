using System.Buffers;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>
/// Merges the symbols of one word: always the pair of lowest rank, the leftmost of equals, until none is left
/// (Sennrich et al. 2016). Short words by scanning; long ones with a heap over a linked list, O(n log n).
/// </summary>
internal static class WordMerger
{
    private const int ScanLimit = 48;

    /// <summary>Merges in place; the first symbols, as many as returned, are the result.</summary>
    public static int Merge(Span<int> symbols, MergeTable merges) =>
        symbols.Length <= ScanLimit ? Scan(symbols, merges) : Heap(symbols, merges);

    private static int Scan(Span<int> symbols, MergeTable merges)
    {
        Span<int> ranks = stackalloc int[ScanLimit];
        Span<int> results = stackalloc int[ScanLimit];
        int count = symbols.Length;
        for (int i = 0; i + 1 < count; i++)
            ranks[i] = merges.Find(symbols[i], symbols[i + 1], out results[i]);
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++)
            {
                if (ranks[i] < ranks[best])
                    best = i;
            }
            if (ranks[best] == MergeTable.None)
                break;
            symbols[best] = results[best];
            int tail = count - best - 2;
            symbols.Slice(best + 2, tail).CopyTo(symbols[(best + 1)..]);
            if (tail > 0)
            {
                ranks.Slice(best + 1, tail).CopyTo(ranks[best..]);
                results.Slice(best + 1, tail).CopyTo(results[best..]);
                ranks[best] = merges.Find(symbols[best], symbols[best + 1], out results[best]);
            }
            count--;
            if (best > 0)
                ranks[best - 1] = merges.Find(symbols[best - 1], symbols[best], out results[best - 1]);
        }
        return count;
    }

    private static int Heap(Span<int> symbols, MergeTable merges)
    {
        int count = symbols.Length;
        int[] rented = ArrayPool<int>.Shared.Rent(3 * count);
        Span<int> next = rented.AsSpan(0, count), previous = rented.AsSpan(count, count), ranks = rented.AsSpan(2 * count, count);
        var queue = new PriorityQueue<int, ulong>(count);
        for (int i = 0; i < count; i++)
        {
            (previous[i], next[i]) = (i - 1, i + 1);
            Offer(queue, symbols, next, ranks, merges, i);
        }
        while (queue.TryDequeue(out int at, out ulong priority))
        {
            // Entries are not removed when a merge changes their pair; those are told by their rank.
            if (ranks[at] != (int)(priority >> 32))
                continue;
            int right = next[at];
            merges.Find(symbols[at], symbols[right], out symbols[at]);
            ranks[right] = MergeTable.None;
            next[at] = next[right];
            if (next[at] < count)
                previous[next[at]] = at;
            Offer(queue, symbols, next, ranks, merges, at);
            if (previous[at] >= 0)
                Offer(queue, symbols, next, ranks, merges, previous[at]);
        }
        int kept = 0;
        for (int i = 0; i < count; i = next[i])
            symbols[kept++] = symbols[i];
        ArrayPool<int>.Shared.Return(rented);
        return kept;
    }

    private static void Offer(
        PriorityQueue<int, ulong> queue, Span<int> symbols, Span<int> next, Span<int> ranks, MergeTable merges, int at)
    {
        ranks[at] = next[at] < symbols.Length ? merges.Find(symbols[at], symbols[next[at]], out _) : MergeTable.None;
        if (ranks[at] != MergeTable.None)
            queue.Enqueue(at, ((ulong)(uint)ranks[at] << 32) | (uint)at);
    }
}
