using System.Numerics;
using System.Text;

namespace Cleave.Models.Bag;

/// <summary>
/// Text → hash buckets of its n-grams, without making a string of any. A code point is folded into a 64-bit
/// FNV-1a style state; a multiply-shift of the state picks the bucket. The same text gives the same buckets
/// on every machine.
/// </summary>
internal sealed class NgramHasher
{
    private const ulong Prime = 0x100000001B3;
    private const ulong Golden = 0x9E3779B97F4A7C15;
    private const int MaxWordOrders = 8;

    private readonly NgramOptions _options;
    private readonly int _shift;
    private readonly ulong _wordSeed, _charSeed;

    public NgramHasher(NgramOptions options)
    {
        options.Validate();
        _options = options;
        _shift = 64 - BitOperations.Log2((uint)options.Buckets);
        ulong seed = (options.HashSeed * Golden) ^ 0xCBF29CE484222325;
        _wordSeed = (seed ^ 'w') * Prime;
        _charSeed = (seed ^ 'c') * Prime;
    }

    /// <summary>Most n-grams that a text of this many code points (with its blanks) can have.</summary>
    private int Bound(int points)
        => points * (Math.Max(0, _options.MaxCharOrder - _options.MinCharOrder + 1)
            + Math.Max(0, _options.MaxWordOrder - _options.MinWordOrder + 1));

    /// <summary>Leaves the bucket of every n-gram, in reading order and with repeats, in <paramref name="scratch"/>.</summary>
    /// <param name="words">How many of them, the first, are n-grams of words.</param>
    /// <returns>How many.</returns>
    public int Collect(ReadOnlySpan<char> text, NgramScratch scratch, out int words)
    {
        if (text.Length > _options.MaxCharacters)
            text = text[.._options.MaxCharacters];
        int length = Decode(text, scratch);
        scratch.EnsureBuckets(Bound(length));
        ReadOnlySpan<int> points = scratch.Points.AsSpan(0, length);
        words = Words(points, scratch.Buckets, 0);
        return Characters(points, scratch.Buckets, words);
    }

    /// <summary>Code points, lower-cased, each run of white space as one blank, a blank at both ends.</summary>
    private int Decode(ReadOnlySpan<char> text, NgramScratch scratch)
    {
        scratch.EnsurePoints(text.Length + 2);
        Span<int> points = scratch.Points;
        bool lower = _options.LowerCase;
        int n = 0;
        points[n++] = ' ';
        for (int i = 0; i < text.Length;)
        {
            int point = text[i];
            bool white;
            if (point < 128)
            {
                i++;
                white = point == ' ' || (uint)(point - 9) <= 4;
                if (lower && (uint)(point - 'A') <= 'Z' - 'A')
                    point |= 0x20;
            }
            else
            {
                // An unpaired surrogate decodes to U+FFFD and is a character like any other.
                Rune.DecodeFromUtf16(text[i..], out Rune rune, out int used);
                i += used;
                white = Rune.IsWhiteSpace(rune);
                point = lower ? Rune.ToLowerInvariant(rune).Value : rune.Value;
            }
            if (!white)
                points[n++] = point;
            else if (points[n - 1] != ' ')
                points[n++] = ' ';
        }
        if (points[n - 1] != ' ')
            points[n++] = ' ';
        return n;
    }

    private int Words(ReadOnlySpan<int> points, Span<int> buckets, int count)
    {
        int min = _options.MinWordOrder, max = _options.MaxWordOrder, seen = 0;
        if (max < min)
            return count;
        // Hash of the n-gram of each order that ends at the word before.
        Span<ulong> ending = stackalloc ulong[MaxWordOrders];
        ulong word = _wordSeed;
        bool inside = false;
        foreach (int point in points)
        {
            if (IsWordPoint(point))
            {
                word = (word ^ (uint)point) * Prime;
                inside = true;
                continue;
            }
            if (!inside)
                continue;
            seen++;
            for (int order = Math.Min(max, seen); order >= 2; order--)
            {
                ending[order] = (BitOperations.RotateLeft(ending[order - 1], 29) ^ word) * Prime;
                if (order >= min)
                    buckets[count++] = Bucket(ending[order]);
            }
            ending[1] = word;
            if (min == 1)
                buckets[count++] = Bucket(word);
            word = _wordSeed;
            inside = false;
        }
        return count;
    }

    private int Characters(ReadOnlySpan<int> points, Span<int> buckets, int count)
    {
        int min = _options.MinCharOrder, max = _options.MaxCharOrder;
        for (int start = 0; start < points.Length && max >= min; start++)
        {
            int end = Math.Min(points.Length, start + max);
            ulong hash = _charSeed;
            for (int i = start; i < end; i++)
            {
                int point = points[i];
                hash = (hash ^ (uint)point) * Prime;
                if (i - start + 1 >= min && !(i == start && point == ' '))
                    buckets[count++] = Bucket(hash);
                if (point == ' ' && i > start)
                    break;
            }
        }
        return count;
    }

    private int Bucket(ulong hash) => (int)(((hash ^ (hash >> 32)) * Golden) >> _shift);

    private static bool IsWordPoint(int point)
        => point < 128
            ? (uint)(point - '0') <= 9 || (uint)((point | 0x20) - 'a') <= 'z' - 'a'
            : Rune.IsLetterOrDigit(new Rune(point));
}

/// <summary>Reusable buffers of one thread.</summary>
internal sealed class NgramScratch
{
    public int[] Points = new int[512];
    public int[] Buckets = new int[2048];
    public readonly SparseFeatures Words = new(), Characters = new();

    public void EnsurePoints(int count)
    {
        if (Points.Length < count)
            Points = new int[(int)BitOperations.RoundUpToPowerOf2((uint)count)];
    }

    public void EnsureBuckets(int count)
    {
        if (Buckets.Length < count)
            Buckets = new int[(int)BitOperations.RoundUpToPowerOf2((uint)count)];
    }
}
