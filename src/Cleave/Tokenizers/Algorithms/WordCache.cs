using System.Runtime.InteropServices;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>
/// Remembers the tokens of the words seen last. Bounded: one entry a slot, later words displace earlier ones.
/// Safe from several threads without a lock: entries are immutable and a slot is one reference.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longer words are rare and would make the bound large.</summary>
    public const int LongestWord = 40;

    private const int Bits = 15;

    private readonly Entry?[] _slots = new Entry?[1 << Bits];

    public int[]? Find(ReadOnlySpan<char> word, ulong hash) =>
        _slots[hash >> (64 - Bits)] is { } entry && entry.Hash == hash && word.SequenceEqual(entry.Word) ? entry.Ids : null;

    public void Keep(ReadOnlySpan<char> word, ulong hash, int[] ids) =>
        Volatile.Write(ref _slots[hash >> (64 - Bits)], new Entry(hash, word.ToString(), ids));

    public static ulong HashOf(ReadOnlySpan<char> word)
    {
        ulong hash = (ulong)word.Length * 0x9E3779B97F4A7C15;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(word);
        for (; bytes.Length >= 8; bytes = bytes[8..])
            hash = Mix(hash, MemoryMarshal.Read<ulong>(bytes));
        ulong rest = 0;
        for (int i = 0; i < bytes.Length; i += 2)
            rest = (rest << 16) | MemoryMarshal.Read<ushort>(bytes[i..]);
        return Mix(hash, rest);
    }

    private static ulong Mix(ulong hash, ulong value)
    {
        hash = (hash ^ value) * 0xBF58476D1CE4E5B9;
        return hash ^ (hash >> 32);
    }

    private sealed record Entry(ulong Hash, string Word, int[] Ids);
}
