namespace Cleave.Models.Sampling.Grammars;

/// <summary>A set of Unicode scalar values (surrogates are none) as ranges in order.</summary>
internal sealed class CodePoints
{
    private const int Last = 0x10FFFF, FirstSurrogate = 0xD800, LastSurrogate = 0xDFFF;

    private CodePoints(IReadOnlyList<(int First, int Last)> ranges) => Ranges = ranges;

    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    public bool IsEmpty => Ranges.Count == 0;

    public static CodePoints All { get; } = Of((0, Last));

    public static CodePoints Of(params IEnumerable<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>();
        foreach ((int first, int last) in ranges.SelectMany(WithoutSurrogates).OrderBy(r => r.First))
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, last));
            else
                merged.Add((first, last));
        }
        return new CodePoints(merged);
    }

    public static CodePoints OfCharacters(string characters) => Of(characters.EnumerateRunes().Select(r => (r.Value, r.Value)));

    public CodePoints Or(CodePoints other) => Of(Ranges.Concat(other.Ranges));

    public CodePoints Not()
    {
        var gaps = new List<(int, int)>();
        int next = 0;
        foreach ((int first, int last) in Ranges)
        {
            if (first > next)
                gaps.Add((next, first - 1));
            next = last + 1;
        }
        if (next <= Last)
            gaps.Add((next, Last));
        return Of(gaps);
    }

    public CodePoints And(CodePoints other)
    {
        var common = new List<(int, int)>();
        for (int i = 0, j = 0; i < Ranges.Count && j < other.Ranges.Count;)
        {
            (int first, int last) = (Math.Max(Ranges[i].First, other.Ranges[j].First), Math.Min(Ranges[i].Last, other.Ranges[j].Last));
            if (first <= last)
                common.Add((first, last));
            if (Ranges[i].Last < other.Ranges[j].Last)
                i++;
            else
                j++;
        }
        return new CodePoints(common);
    }

    private static IEnumerable<(int First, int Last)> WithoutSurrogates((int First, int Last) range)
    {
        if (range.First < FirstSurrogate && range.First <= range.Last)
            yield return (range.First, Math.Min(range.Last, FirstSurrogate - 1));
        if (range.Last > LastSurrogate && range.First <= range.Last)
            yield return (Math.Max(range.First, LastSurrogate + 1), range.Last);
    }

    /// <summary>
    /// The set as sequences of one to four ranges of bytes: the texts in UTF-8 of its members are those that take one byte
    /// of each range in turn.
    /// </summary>
    public IEnumerable<(byte First, byte Last)[]> ByteSequences()
    {
        foreach ((int first, int last) in Ranges)
        {
            int from = first;
            foreach (int end in (int[])[0x7F, 0x7FF, 0xFFFF, Last])
            {
                if (from > end || from > last)
                    continue;
                foreach ((byte, byte)[] sequence in Split(from, Math.Min(last, end), end switch { 0x7F => 1, 0x7FF => 2, 0xFFFF => 3, _ => 4 }))
                    yield return sequence;
                from = end + 1;
            }
        }
    }

    /// <summary>A range of characters that take equally many bytes, cut until each trailing byte is all or one.</summary>
    private static IEnumerable<(byte First, byte Last)[]> Split(int first, int last, int length)
    {
        for (int trailing = 1; trailing < length; trailing++)
        {
            int mask = (1 << 6 * trailing) - 1;
            if ((first & ~mask) == (last & ~mask))
                continue;
            if ((first & mask) != 0)
                return Split(first, first | mask, length).Concat(Split((first | mask) + 1, last, length));
            if ((last & mask) != mask)
                return Split(first, (last & ~mask) - 1, length).Concat(Split(last & ~mask, last, length));
        }
        var sequence = new (byte, byte)[length];
        for (int i = 0; i < length; i++)
            sequence[i] = (ByteAt(first, i, length), ByteAt(last, i, length));
        return [sequence];
    }

    private static byte ByteAt(int code, int index, int length)
    {
        if (length == 1)
            return (byte)code;
        int bits = code >> 6 * (length - 1 - index);
        return index > 0 ? (byte)(0x80 | (bits & 0x3F)) : (byte)(bits | (0xF00 >> length & 0xFF));
    }
}
