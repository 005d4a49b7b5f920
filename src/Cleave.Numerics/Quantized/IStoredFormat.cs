namespace Cleave.Numerics.Quantized;

/// <summary>
/// A block format as files hold it, opened into whole numbers and closed again without a difference. Its matrices are packed
/// from <see cref="OpenBlock"/>s by <see cref="PackedFormat{TStored, TBits, TScales, TPairs}"/>.
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

    /// <summary>What q is larger by than what it stands for; where there is a table of values, 0.</summary>
    static abstract int Offset { get; }

    static abstract void Open(byte* block, OpenBlock* open);

    static abstract void Close(OpenBlock* open, byte* block);

    /// <summary>Writes the block nearest to <see cref="Elements"/> floats, by ggml's searches.</summary>
    /// <param name="importance">How much each weight's error counts, or empty.</param>
    /// <param name="rowMeanSquare">Of the whole row that the block is a part of.</param>
    static abstract void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block);
}
