using System.Numerics;

namespace Cleave.Numerics;

/// <summary>
/// A seeded random generator, xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64. The same
/// seed gives the same numbers on every machine. Not for secrets; not safe for use from two threads.
/// </summary>
public sealed class Rng
{
    private ulong _a, _b, _c, _d;

    public Rng(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    /// <summary>The generator's whole state, for checkpoints: four words.</summary>
    public ulong[] State
    {
        get => [_a, _b, _c, _d];
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Length != 4 || (value[0] | value[1] | value[2] | value[3]) == 0)
                throw new ArgumentException("a generator's state is four words, not all zero", nameof(value));
            (_a, _b, _c, _d) = (value[0], value[1], value[2], value[3]);
        }
    }

    /// <summary>
    /// An independent generator for one named purpose. It depends on the seed and the name only, not on what
    /// was drawn elsewhere, so adding a consumer does not change the others' numbers.
    /// </summary>
    public static Rng For(ulong seed, string purpose)
    {
        ArgumentNullException.ThrowIfNull(purpose);
        ulong hash = 14695981039346656037; // FNV-1a
        foreach (char c in purpose)
            hash = (hash ^ c) * 1099511628211;
        return new Rng(seed ^ BitOperations.RotateLeft(hash, 23) ^ (hash * 0x9E3779B97F4A7C15));
    }

    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        ulong t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1) with 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, 1) with 24 bits.</summary>
    public float NextSingle() => (NextUInt64() >> 40) * (1f / (1 << 24));

    /// <summary>Uniform in [0, <paramref name="count"/>), without bias (Lemire's method).</summary>
    public int NextInt(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ulong limit = (uint)count;
        ulong product = (NextUInt64() >> 32) * limit;
        if ((uint)product < limit)
        {
            uint threshold = (uint)(0x1_0000_0000UL % limit);
            while ((uint)product < threshold)
                product = (NextUInt64() >> 32) * limit;
        }
        return (int)(product >> 32);
    }

    /// <summary>A standard normal number (Marsaglia's polar method, one of the pair kept out on purpose: no hidden state).</summary>
    public double NextGaussian()
    {
        while (true)
        {
            double u = 2 * NextDouble() - 1, v = 2 * NextDouble() - 1, s = u * u + v * v;
            if (s is > 0 and < 1)
                return u * Math.Sqrt(-2 * Math.Log(s) / s);
        }
    }

    /// <summary>Fisher–Yates, in place.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
