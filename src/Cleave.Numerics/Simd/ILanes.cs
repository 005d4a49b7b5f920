namespace Cleave.Numerics.Simd;

/// <summary>
/// A vector of floats of some width. A kernel written over this interface exists once and is compiled for every
/// width; another instruction set is one more implementation and one more line in <see cref="Dispatch"/>.
/// </summary>
internal unsafe interface ILanes<TSelf> where TSelf : struct, ILanes<TSelf>
{
    static abstract int Width { get; }
    static abstract TSelf Broadcast(float value);
    static abstract TSelf Load(float* source);
    static abstract void Store(float* destination, TSelf value);

    /// <summary>As many 8-bit integers as there are lanes.</summary>
    static abstract TSelf LoadInt8(sbyte* source);

    /// <summary>As many bfloat16 numbers as there are lanes.</summary>
    static abstract TSelf LoadBFloat16(ushort* source);

    /// <summary>As many float16 numbers as there are lanes; infinities and NaN come out as large numbers.</summary>
    static abstract TSelf LoadFloat16(ushort* source);

    /// <summary>The first <paramref name="count"/> (fewer than the width) lanes from memory, the others from <paramref name="fill"/>.</summary>
    static abstract TSelf LoadPartial(float* source, int count, TSelf fill);

    /// <summary>Writes the first <paramref name="count"/> (fewer than the width) lanes and touches nothing behind them.</summary>
    static abstract void StorePartial(float* destination, int count, TSelf value);

    static abstract TSelf operator +(TSelf a, TSelf b);
    static abstract TSelf operator -(TSelf a, TSelf b);
    static abstract TSelf operator *(TSelf a, TSelf b);
    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>a · b + c, rounded once where the hardware can.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Sqrt(TSelf x);

    /// <summary>To the nearest integer, ties to even.</summary>
    static abstract TSelf Round(TSelf x);

    /// <summary>The larger; NaN if either is.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>x brought into [low, high]; NaN stays NaN.</summary>
    static abstract TSelf Clamp(TSelf x, TSelf low, TSelf high);

    /// <summary>The larger; b where one is NaN. One instruction.</summary>
    static abstract TSelf Larger(TSelf a, TSelf b);

    /// <summary>The bits of x shifted left by 23: what stood lowest in the fraction becomes the exponent.</summary>
    static abstract TSelf FractionToExponent(TSelf x);

    /// <summary>2ⁿ for whole n from −126 to 127; anything for NaN.</summary>
    static abstract TSelf PowerOfTwo(TSelf n);

    /// <summary>The sum of the lanes, pairwise.</summary>
    static abstract float SumAcross(TSelf x);

    /// <summary>The largest lane; NaN if there is one.</summary>
    static abstract float MaxAcross(TSelf x);
}
