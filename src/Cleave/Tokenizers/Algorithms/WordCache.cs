using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>
/// Remembers the tokens of the words seen last. Bounded: two entries a place, later words displace earlier ones.
/// Safe from several threads without a lock: entries are immutable and a slot is one reference.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longer words are rare and would make the bound large.</summary>
    public const int LongestWord = 40;

    /// <summary>Words up to this length are known by two numbers and need not be compared letter by letter.</summary>
    private const int LongestPacked = 16;

    private const int FewBits = 7, MostBits = 15;

    private Entry?[] _slots = new Entry?[2 << FewBits];
    private int _kept;

    /// <summary>The tokens of a word, or null where they are not remembered.</summary>
    /// <param name="key">What <see cref="KeyOf"/> gave for the word.</param>
    public Entry? Find(ReadOnlySpan<char> word, in Key key)
    {
        Entry?[] slots = Volatile.Read(ref _slots);
        int at = Home(key, slots.Length);
        return slots[at] is { } first && first.Is(word, key) ? first
            : slots[at + 1] is { } second && second.Is(word, key) ? second : null;
    }

    public void Keep(ReadOnlySpan<char> word, in Key key, int[] ids)
    {
        Entry?[] slots = Volatile.Read(ref _slots);
        // It begins small, for tokenizers that are made and hardly used, and forgets what it held when it grows.
        if (++_kept > slots.Length && slots.Length < 2 << MostBits)
        {
            slots = new Entry?[4 * slots.Length];
            _kept = 0;
            Volatile.Write(ref _slots, slots);
        }
        int at = Home(key, slots.Length);
        Volatile.Write(ref slots[at + 1], slots[at]);
        Volatile.Write(ref slots[at], new Entry(key, word.Length > LongestPacked || key.IsHash ? word.ToString() : null, ids));
    }

    /// <summary>Of a word of up to <see cref="LongestPacked"/> characters below U+0100, or up to eight of any: the word itself.</summary>
    public static Key KeyOf(ReadOnlySpan<char> word)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(word);
        switch (word.Length)
        {
            case <= 3:
                ulong packed = 0;
                foreach (char c in word)
                    packed = packed << 16 | c;
                return new Key(packed, 0, word.Length);
            case <= 8:
                // Two overlapping halves of four characters are the word.
                return new Key(MemoryMarshal.Read<ulong>(bytes), MemoryMarshal.Read<ulong>(bytes[^8..]), word.Length);
            case <= LongestPacked:
                ReadOnlySpan<ushort> codes = MemoryMarshal.Cast<char, ushort>(word);
                Vector128<ushort> begin = Vector128.Create(codes), end = Vector128.Create(codes[^8..]);
                if (Vector128.GreaterThanAny(begin | end, Vector128.Create((ushort)0xFF)))
                    return Hashed(word);
                Vector128<ulong> narrow = Vector128.Narrow(begin, end).AsUInt64();
                return new Key(narrow[0], narrow[1], word.Length);
            default:
                return Hashed(word);
        }
    }

    private static Key Hashed(ReadOnlySpan<char> word)
    {
        ulong hash = (ulong)word.Length * 0x9E3779B97F4A7C15;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(word);
        for (; bytes.Length >= 8; bytes = bytes[8..])
            hash = Mix(hash, MemoryMarshal.Read<ulong>(bytes));
        ulong rest = 0;
        for (int i = 0; i < bytes.Length; i += 2)
            rest = (rest << 16) | MemoryMarshal.Read<ushort>(bytes[i..]);
        return new Key(Mix(hash, rest), 0, -word.Length);
    }

    /// <summary>The first of two places, of as many as a power of two.</summary>
    private static int Home(in Key key, int slots) =>
        (int)(Mix(Mix((ulong)key.Length * 0x9E3779B97F4A7C15, key.First), key.Second) >> 32) & (slots - 2);

    private static ulong Mix(ulong hash, ulong value)
    {
        hash = (hash ^ value) * 0xBF58476D1CE4E5B9;
        return hash ^ (hash >> 32);
    }

    /// <summary>A word, or its hash.</summary>
    /// <param name="Length">Negative for a hash.</param>
    internal readonly record struct Key(ulong First, ulong Second, int Length)
    {
        public bool IsHash => Length < 0;
    }

    /// <summary>The tokens of a word; the first of them needs no look into the list.</summary>
    internal sealed class Entry(Key key, string? word, int[] ids)
    {
        private readonly Key _key = key;

        public int First { get; } = ids.Length > 0 ? ids[0] : -1;

        public bool IsOne { get; } = ids.Length == 1;

        public int[] Ids => ids;

        public bool Is(ReadOnlySpan<char> other, in Key key) =>
            _key.First == key.First && _key.Second == key.Second && _key.Length == key.Length && (word is null || other.SequenceEqual(word));
    }
}
