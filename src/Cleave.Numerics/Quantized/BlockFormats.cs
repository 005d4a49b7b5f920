using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Quantized;

/// <summary>GGUF's block formats as bytes: sizes, floats to blocks and back (ggml's reference defines them).</summary>
public static class BlockFormats
{
    /// <summary>Weights of one block, along a row.</summary>
    public static int Elements(BlockFormat format) => StoredRows.Of(format)?.Elements ?? QuantizedMatrix.BlockSize;

    /// <summary>Bytes of one block.</summary>
    public static int Bytes(BlockFormat format) => format switch
    {
        BlockFormat.Q8_0 => Q8Format.FileBytes,
        BlockFormat.Q4_0 => Q4Format.FileBytes,
        _ => StoredRows.Of(format)!.Bytes,
    };

    /// <summary>Writes a row of floats as the blocks nearest to them.</summary>
    /// <param name="importance">How much an error in each column counts, or empty; Q8_0 does without.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a number is not finite or beyond what a half-precision scale reaches.</exception>
    public static void Quantize(BlockFormat format, ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        int elements = Elements(format), bytes = Bytes(format);
        if (row.Length % elements != 0)
            throw new ArgumentException($"row: {format} needs a multiple of {elements}, got {row.Length}", nameof(row));
        Guard.Length(blocks.Length, (long)(row.Length / elements) * bytes, nameof(blocks));
        if (!importance.IsEmpty)
            Guard.Length(importance.Length, row.Length, nameof(importance));
        // The searches' sums of fourth powers stay finite below it; which of the smaller ones are too large for a half, the blocks say.
        if (row.ContainsAnyExceptInRange(-1e9f, 1e9f))
            throw new ArgumentException("a weight is not finite, or beyond what a half-precision scale reaches", nameof(row));
        if (StoredRows.Of(format) is { } stored)
        {
            stored.Quantize(row, importance, blocks);
            if (stored.FirstBadBlock(blocks) is { } bad)
                throw new ArgumentException($"block {bad}: the weights are beyond what a half-precision scale reaches", nameof(row));
            return;
        }
        float meanSquare = importance.IsEmpty ? 0 : LargeBlocks.SumOfSquares(row) / row.Length;
        for (int b = 0; b < row.Length / elements; b++)
        {
            ReadOnlySpan<float> x = row.Slice(b * elements, elements);
            Span<byte> block = blocks.Slice(b * bytes, bytes);
            if (format == BlockFormat.Q8_0)
                Q8Format.Quantize(x, block);
            else if (importance.IsEmpty)
                Q4Format.Quantize(x, block);
            else
                QuantizeQ4(x, importance.Slice(b * elements, elements), meanSquare, block);
        }
    }

    /// <summary>The weights of a row of blocks.</summary>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public static void Dequantize(BlockFormat format, ReadOnlySpan<byte> blocks, Span<float> row)
    {
        int elements = Elements(format), bytes = Bytes(format);
        Guard.Length(blocks.Length, (long)(row.Length / elements) * bytes, nameof(blocks));
        if (StoredRows.Of(format) is { } stored)
        {
            stored.Dequantize(blocks, row);
            return;
        }
        for (int b = 0; b < row.Length / elements; b++)
        {
            if (format == BlockFormat.Q8_0)
                Q8Format.Dequantize(blocks.Slice(b * bytes, bytes), row.Slice(b * elements, elements));
            else
                Q4Format.Dequantize(blocks.Slice(b * bytes, bytes), row.Slice(b * elements, elements));
        }
    }

    private static void QuantizeQ4(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<byte> q = stackalloc byte[SmallBlocks.Size];
        SmallBlocks.QuantizeSymmetric(x, importance, rowMeanSquare, 8, q, block);
        SmallBlocks.PutNibbles(q, block[sizeof(ushort)..]);
    }
}
