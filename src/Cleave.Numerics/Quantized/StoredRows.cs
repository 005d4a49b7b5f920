using System.Buffers.Binary;

namespace Cleave.Numerics.Quantized;

/// <summary>Whole rows of an <see cref="IStoredFormat"/>, for code that knows the format only when it runs.</summary>
internal abstract unsafe class StoredRows
{
    private static readonly StoredRows?[] All = Create();

    /// <summary>Null for the formats that are packed.</summary>
    public static StoredRows? Of(BlockFormat format) =>
        (uint)format < (uint)All.Length ? All[(int)format] : throw new ArgumentOutOfRangeException(nameof(format), format, "not a block format");

    public abstract int Elements { get; }

    public abstract int Bytes { get; }

    /// <summary>Opens a row into q, scales and minimums, which now are what q times the scale is too large by.</summary>
    public abstract void Unpack(byte* row, int columns, byte* values, float* scales, float* minimums);

    public abstract void Quantize(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks);

    public abstract void Dequantize(ReadOnlySpan<byte> blocks, Span<float> row);

    /// <summary>The first block with a scale that is infinite or no number.</summary>
    public abstract int? FirstBadBlock(ReadOnlySpan<byte> blocks);

    private static StoredRows?[] Create()
    {
        var all = new StoredRows?[Enum.GetValues<BlockFormat>().Length];
        all[(int)BlockFormat.Q4_1] = new Rows<Q41Format>();
        all[(int)BlockFormat.Q5_0] = new Rows<Q50Format>();
        all[(int)BlockFormat.Q5_1] = new Rows<Q51Format>();
        all[(int)BlockFormat.IQ4_NL] = new Rows<IQ4Format>();
        all[(int)BlockFormat.Q2_K] = new Rows<Q2KFormat>();
        all[(int)BlockFormat.Q3_K] = new Rows<Q3KFormat>();
        all[(int)BlockFormat.Q4_K] = new Rows<Q4KFormat>();
        all[(int)BlockFormat.Q5_K] = new Rows<Q5KFormat>();
        all[(int)BlockFormat.Q6_K] = new Rows<Q6KFormat>();
        return all;
    }

    private sealed class Rows<TFormat> : StoredRows where TFormat : struct, IStoredFormat
    {
        public override int Elements => TFormat.Elements;

        public override int Bytes => TFormat.Bytes;

        public override void Unpack(byte* row, int columns, byte* values, float* scales, float* minimums)
        {
            int groups = TFormat.Elements / IStoredFormat.Group;
            for (int b = 0; b < columns / TFormat.Elements; b++)
                TFormat.Unpack(row + b * TFormat.Bytes, values + b * TFormat.Elements, scales + b * groups, minimums + b * groups);
            for (int g = 0; TFormat.Offset != 0 && g < columns / IStoredFormat.Group; g++)
                minimums[g] = TFormat.Offset * scales[g];
        }

        public override void Quantize(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
        {
            int size = TFormat.Elements;
            float meanSquare = importance.IsEmpty ? 0 : LargeBlocks.SumOfSquares(row) / row.Length;
            for (int b = 0; b < row.Length / size; b++)
            {
                TFormat.Quantize(row.Slice(b * size, size), importance.IsEmpty ? [] : importance.Slice(b * size, size), meanSquare,
                    blocks.Slice(b * TFormat.Bytes, TFormat.Bytes));
            }
        }

        public override void Dequantize(ReadOnlySpan<byte> blocks, Span<float> row)
        {
            byte* values = stackalloc byte[LargeBlocks.Size];
            float* scales = stackalloc float[LargeBlocks.Size / IStoredFormat.Group], minimums = stackalloc float[LargeBlocks.Size / IStoredFormat.Group];
            fixed (byte* from = blocks)
            {
                for (int b = 0; b < row.Length / TFormat.Elements; b++)
                {
                    TFormat.Unpack(from + b * TFormat.Bytes, values, scales, minimums);
                    Span<float> weights = row.Slice(b * TFormat.Elements, TFormat.Elements);
                    for (int i = 0; i < weights.Length; i++)
                        weights[i] = scales[i / IStoredFormat.Group] * (values[i] - TFormat.Offset) - minimums[i / IStoredFormat.Group];
                }
            }
        }

        public override int? FirstBadBlock(ReadOnlySpan<byte> blocks)
        {
            (int place, int count) = TFormat.Halves;
            for (int b = 0; b < blocks.Length / TFormat.Bytes; b++)
            {
                for (int h = 0; h < count; h++)
                {
                    if (!Half.IsFinite(BinaryPrimitives.ReadHalfLittleEndian(blocks[(b * TFormat.Bytes + place + sizeof(ushort) * h)..])))
                        return b;
                }
            }
            return null;
        }
    }
}
