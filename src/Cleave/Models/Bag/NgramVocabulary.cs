using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cleave.Models.Bag;

/// <summary>
/// The buckets that a model knows, as one bit each, and their inverse document frequencies
/// idf = ln((1 + n) / (1 + df)) + 1 (the smooth form). A bucket's row is the number of known buckets before
/// it, so that looking one up costs two reads and a population count, and 2^18 buckets cost 32 KB.
/// </summary>
public sealed class NgramVocabulary
{
    private readonly ulong[] _bits;
    private readonly int[] _before;
    private readonly float[] _idf;

    /// <param name="bits">Buckets/64 words; bit b%64 of word b/64 says whether bucket b is known.</param>
    /// <param name="idf">Inverse document frequency of each known bucket, in bucket order.</param>
    /// <exception cref="ArgumentException">The number of bits set is not the number of frequencies.</exception>
    public NgramVocabulary(ulong[] bits, float[] idf)
    {
        ArgumentNullException.ThrowIfNull(bits);
        ArgumentNullException.ThrowIfNull(idf);
        _bits = bits;
        _idf = idf;
        _before = new int[bits.Length];
        int count = 0;
        for (int i = 0; i < bits.Length; i++)
        {
            _before[i] = count;
            count += BitOperations.PopCount(bits[i]);
        }
        if (count != idf.Length)
            throw new ArgumentException($"{count} buckets are known but {idf.Length} frequencies are given");
    }

    /// <summary>Number of known buckets: the rows of the embedding table.</summary>
    public int Count => _idf.Length;

    public int Buckets => _bits.Length * 64;

    public ReadOnlySpan<ulong> Bits => _bits;

    public ReadOnlySpan<float> Idf => _idf;

    /// <summary>The row of a bucket, or −1 where it is not known.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int RowOf(int bucket)
    {
        int word = bucket >> 6;
        ulong bits = _bits[word];
        ulong bit = 1UL << (bucket & 63);
        return (bits & bit) == 0 ? -1 : _before[word] + BitOperations.PopCount(bits & (bit - 1));
    }

    /// <summary>The vocabulary of the rows that are marked; the others' buckets become unknown.</summary>
    /// <param name="keep">One mark a row.</param>
    public NgramVocabulary Restrict(ReadOnlySpan<bool> keep)
    {
        if (keep.Length != Count)
            throw new ArgumentException($"{keep.Length} marks for {Count} rows", nameof(keep));
        var bits = new ulong[_bits.Length];
        var idf = new List<float>();
        int row = 0;
        for (int word = 0; word < _bits.Length; word++)
        {
            for (ulong left = _bits[word]; left != 0; left &= left - 1, row++)
            {
                if (!keep[row])
                    continue;
                bits[word] |= left & (~left + 1);
                idf.Add(_idf[row]);
            }
        }
        return new NgramVocabulary(bits, [.. idf]);
    }
}
