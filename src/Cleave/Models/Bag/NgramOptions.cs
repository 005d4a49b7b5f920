using System.Numerics;

namespace Cleave.Models.Bag;

/// <summary>
/// Which n-grams of a text become features: runs of letters and digits ("words") in orders
/// <see cref="MinWordOrder"/>..<see cref="MaxWordOrder"/>, and characters in orders
/// <see cref="MinCharOrder"/>..<see cref="MaxCharOrder"/> inside blank-separated words with one blank at each
/// end. A largest order of 0 turns a kind off.
/// </summary>
public sealed record NgramOptions
{
    public int MinWordOrder { get; init; } = 1;
    public int MaxWordOrder { get; init; } = 2;
    public int MinCharOrder { get; init; } = 2;
    public int MaxCharOrder { get; init; } = 5;

    /// <summary>Number of hash buckets, a power of two from 2^8 to 2^24.</summary>
    public int Buckets { get; init; } = 1 << 18;

    /// <summary>Simple, culture-free lower-casing of every code point.</summary>
    public bool LowerCase { get; init; } = true;

    /// <summary>Characters (UTF-16 units) of a text that are read; the rest is ignored.</summary>
    public int MaxCharacters { get; init; } = 8192;

    /// <summary>Chooses the hash function; bags that vote together use different ones.</summary>
    public uint HashSeed { get; init; }

    /// <exception cref="ArgumentException">A value is outside its range.</exception>
    public void Validate()
    {
        if (MinWordOrder < 1 || MaxWordOrder is < 0 or > 5)
            throw new ArgumentException($"word orders {MinWordOrder}..{MaxWordOrder}: the smallest is at least 1, the largest 0 (off) to 5");
        if (MinCharOrder < 1 || MaxCharOrder is < 0 or > 8)
            throw new ArgumentException($"character orders {MinCharOrder}..{MaxCharOrder}: the smallest is at least 1, the largest 0 (off) to 8");
        if (MaxWordOrder < MinWordOrder && MaxCharOrder < MinCharOrder)
            throw new ArgumentException("no n-grams: word orders and character orders are both empty");
        if (Buckets is < 1 << 8 or > 1 << 24 || !BitOperations.IsPow2(Buckets))
            throw new ArgumentException($"{Buckets} buckets: a power of two from 256 to 16777216 is needed");
        if (MaxCharacters is < 1 or > 1 << 20)
            throw new ArgumentException($"{MaxCharacters} characters: 1 to 1048576 are possible");
    }
}
