using System.Buffers.Binary;

namespace Cleave.Numerics.Quantized;

/// <summary>Rows of an <see cref="IStoredFormat"/>, and parts of their packed products, for code that knows the format only when it runs.</summary>
internal abstract unsafe class StoredRows
{
    private static readonly StoredRows?[] All = Create();

    /// <summary>Null for Q8_0 and Q4_0, whose packing depends on the processor.</summary>
    public static StoredRows? Of(BlockFormat format) =>
        (uint)format < (uint)All.Length ? All[(int)format] : throw new ArgumentOutOfRangeException(nameof(format), format, "not a block format");

    public abstract int Elements { get; }

    public abstract int Bytes { get; }

    /// <summary>Where a block's half-precision numbers begin, and how many there are.</summary>
    public abstract (int Place, int Count) Halves { get; }

    /// <summary>Bytes that eight rows of 32 columns take when packed.</summary>
    public abstract int GroupBytes { get; }

    public abstract void Pack(byte* block, byte* group, int row);

    /// <summary>Writes one row of a packed block as a file holds it.</summary>
    public abstract void Unpack(byte* group, int row, byte* block);

    /// <summary>One part of a product with a packed matrix.</summary>
    public abstract void MultiplyPart(in QuantizedMatrix.Target target, int part, in QuantizedMatrix.Input input, bool avx2);

    public abstract void Quantize(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks);

    public abstract void Dequantize(ReadOnlySpan<byte> blocks, Span<float> row);

    /// <summary>The first block with a scale that is infinite or no number.</summary>
    public abstract int? FirstBadBlock(ReadOnlySpan<byte> blocks);

    private static StoredRows?[] Create()
    {
        var all = new StoredRows?[Enum.GetValues<BlockFormat>().Length];
        all[(int)BlockFormat.Q4_1] = new Rows<Q41Format, FourBits, TwoHalves>();
        all[(int)BlockFormat.Q5_0] = new Rows<Q50Format, FiveBits, HalfOnly>();
        all[(int)BlockFormat.Q5_1] = new Rows<Q51Format, FiveBits, TwoHalves>();
        all[(int)BlockFormat.IQ4_NL] = new Rows<IQ4Format, TableBits, HalfOnly>();
        all[(int)BlockFormat.Q2_K] = new Rows<Q2KFormat, TwoBits, HalfByteScales>();
        all[(int)BlockFormat.Q3_K] = new Rows<Q3KFormat, ThreeBits, SignedScales>();
        all[(int)BlockFormat.Q4_K] = new Rows<Q4KFormat, FourBits, ScaleAndMinimum>();
        all[(int)BlockFormat.Q5_K] = new Rows<Q5KFormat, FiveBits, ScaleAndMinimum>();
        all[(int)BlockFormat.Q6_K] = new Rows<Q6KFormat, SixBits, SignedScales>();
        return all;
    }

    private sealed class Rows<TFormat, TBits, TScales> : StoredRows
        where TFormat : struct, IStoredFormat where TBits : struct, IPackedBits where TScales : struct, IPackedScales
    {
        public override int Elements => TFormat.Elements;

        public override int Bytes => TFormat.Bytes;

        public override (int Place, int Count) Halves => TFormat.Halves;

        public override int GroupBytes => PackedFormat<TFormat, TBits, TScales, PortablePairs>.GroupBytes;

        public override void Pack(byte* block, byte* group, int row) => PackedFormat<TFormat, TBits, TScales, PortablePairs>.Pack(block, group, row);

        public override void Unpack(byte* group, int row, byte* block)
        {
            OpenBlock open;
            PackedFormat<TFormat, TBits, TScales, PortablePairs>.Unpack(group, row, &open);
            TFormat.Close(&open, block);
        }

        public override void MultiplyPart(in QuantizedMatrix.Target target, int part, in QuantizedMatrix.Input input, bool avx2)
        {
            if (avx2)
                QuantizedMatrix.MultiplyPart<PackedFormat<TFormat, TBits, TScales, Avx2Pairs>, PackedFormat<TFormat, TBits, TScales, Avx2Pairs>.Expanded>(target, part, input);
            else
                QuantizedMatrix.MultiplyPart<PackedFormat<TFormat, TBits, TScales, PortablePairs>>(target, part, input);
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
            OpenBlock open;
            fixed (byte* from = blocks)
            {
                for (int b = 0; b < row.Length / TFormat.Elements; b++)
                {
                    TFormat.Open(from + b * TFormat.Bytes, &open);
                    float d = (float)open.Scale, m = (float)open.Minimum;
                    Span<float> weights = row.Slice(b * TFormat.Elements, TFormat.Elements);
                    for (int i = 0; i < weights.Length; i++)
                    {
                        int g = i / IStoredFormat.Group;
                        weights[i] = d * open.Scales[g] * StoredValues.Of<TFormat, TBits>(open.Values[i]) - m * open.Minimums[g];
                    }
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
