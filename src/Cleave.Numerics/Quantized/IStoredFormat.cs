namespace Cleave.Numerics.Quantized;

/// <summary>
/// A block format whose matrices stay as a file holds them and are opened a row at a time on the way into the product.
/// A weight is scale · (q − <see cref="Offset"/>) − minimum, q unsigned, with a scale and a minimum for every 16 weights:
/// formats with larger groups repeat them.
/// </summary>
internal unsafe interface IStoredFormat
{
    /// <summary>Weights that share a scale and a minimum at least.</summary>
    const int Group = 16;

    /// <summary>Weights of one block.</summary>
    static abstract int Elements { get; }

    /// <summary>Bytes of one block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Where the block's half-precision numbers begin, and how many there are.</summary>
    static abstract (int Place, int Count) Halves { get; }

    static abstract int Offset { get; }

    /// <summary>Opens one block.</summary>
    /// <param name="values"><see cref="Elements"/> unsigned q.</param>
    /// <param name="scales">One for each <see cref="Group"/>.</param>
    /// <param name="minimums">The same; the offset is not in them.</param>
    static abstract void Unpack(byte* block, byte* values, float* scales, float* minimums);

    /// <summary>Writes the block nearest to <see cref="Elements"/> floats, by ggml's searches.</summary>
    /// <param name="importance">How much each weight's error counts, or empty.</param>
    /// <param name="rowMeanSquare">Of the whole row that the block is a part of.</param>
    static abstract void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block);
}
