namespace Cleave.Numerics.Quantized;

/// <summary>GGUF's block formats that matrices can be held in.</summary>
public enum BlockFormat
{
    /// <summary>w ≈ q · d: a half-precision d and 32 8-bit q, 34 bytes.</summary>
    Q8_0,

    /// <summary>w ≈ (q − 8) · d: a half-precision d and 32 4-bit q, 18 bytes; byte i holds q of columns i (low) and i + 16.</summary>
    Q4_0,

    /// <summary>w ≈ q · d + m: half-precision d and m, 32 4-bit q, 20 bytes.</summary>
    Q4_1,

    /// <summary>w ≈ (q − 16) · d: a half-precision d and 32 5-bit q, 22 bytes.</summary>
    Q5_0,

    /// <summary>w ≈ q · d + m: half-precision d and m, 32 5-bit q, 24 bytes.</summary>
    Q5_1,

    /// <summary>w ≈ v(q) · d: a half-precision d and 32 4-bit places in a table of values, 18 bytes.</summary>
    IQ4_NL,

    /// <summary>256 2-bit q in groups of 16, each with a 4-bit scale and minimum, 84 bytes.</summary>
    Q2_K,

    /// <summary>256 3-bit q in groups of 16, each with a signed 6-bit scale, 110 bytes.</summary>
    Q3_K,

    /// <summary>256 4-bit q in groups of 32, each with a 6-bit scale and minimum, 144 bytes.</summary>
    Q4_K,

    /// <summary>256 5-bit q in groups of 32, each with a 6-bit scale and minimum, 176 bytes.</summary>
    Q5_K,

    /// <summary>256 6-bit q in groups of 16, each with an 8-bit scale, 210 bytes.</summary>
    Q6_K,
}

/// <summary>Eight rows of W, in whatever form, times rows of x.</summary>
internal unsafe interface ITileFormat
{
    /// <summary>Bytes of one quantized block of x, without its scale.</summary>
    static abstract int InputBytes { get; }

    /// <summary>One row of x with eight rows of W over some blocks: eight sums, or eight sums added to.</summary>
    static abstract void One(byte* w, Half* scales, byte* x, float* xScales, int blocks, float* sums, bool add);

    /// <summary>
    /// Up to four rows of x with eight rows of W; missing rows repeat the last. Rows of x are xStride blocks apart,
    /// rows of sums <paramref name="stride"/>.
    /// </summary>
    static abstract void Four(byte* w, Half* scales, byte* x, float* xScales, nint xStride, int blocks, int rows, float* sums, nint stride, bool add);
}

/// <summary>
/// A block format as the product needs it. Weights are packed in groups of eight rows by blocks of 32 columns, rows
/// interleaved four bytes at a time, so that the eight 32-bit sums of a vector are eight outputs.
/// </summary>
internal unsafe interface IBlockFormat : ITileFormat
{
    /// <summary>Bytes of eight rows by 32 columns, without scales that lie apart; where more columns share something, their mean.</summary>
    static abstract int GroupBytes { get; }

    /// <summary>Quantizes 32 of x to absmax / 127, which it returns; NaN and ∞ end up in it.</summary>
    static abstract float QuantizeInput(float* x, byte* input);

    /// <summary>The reference for that.</summary>
    static abstract float QuantizeInputReference(float* x, byte* input);

    /// <summary>One row of W times one of x over some blocks: the plain form of what the vectors compute.</summary>
    /// <param name="w">The group's bytes.</param>
    /// <param name="scales">The group's, where they lie apart.</param>
    static abstract float Row(byte* w, Half* scales, int row, byte* x, float* xScales, int blocks);
}

/// <summary>One with blocks of 32 whose eight scales lie apart.</summary>
internal unsafe interface IScaledFormat : IBlockFormat
{
    /// <summary>The place, in a group's eight scales, of a row's.</summary>
    static abstract int ScalePlace(int row);

    /// <summary>One row of a packed block times a block of x.</summary>
    static abstract int Dot(byte* w, int row, byte* input);
}
