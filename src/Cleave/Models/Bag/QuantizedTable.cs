using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cleave.Formats.Safetensors;

namespace Cleave.Models.Bag;

/// <summary>
/// A matrix of whole numbers of 8 or 4 bits with one scale a row, read-only: value = scale[row]·q. It offers
/// the one product that a bag needs, y += Σ wᵢ·M[rowᵢ], which serves the pooling of embeddings and, with the
/// matrix stored inputs first, every dense layer. Columns are padded with zeros to a multiple of
/// <see cref="Block"/>.
/// </summary>
/// <remarks>
/// 8 bits: q in −127..127, one byte each. 4 bits: q in −7..7 kept as q + 8; byte j of a block of 32 holds
/// column j in its low half and column j + 16 in its high half. Scales are float16 numbers.
/// </remarks>
public sealed class QuantizedTable
{
    public const int Block = 32;

    private readonly byte[] _data;
    private readonly float[] _scales;

    /// <param name="data">(rows, bytes of a row); kept, not copied.</param>
    /// <param name="scales">(rows), numbers that float16 can hold; kept, not copied.</param>
    /// <exception cref="ArgumentException">The lengths do not agree, or a scale is not finite or is negative.</exception>
    public QuantizedTable(int rows, int columns, int bits, byte[] data, float[] scales)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(scales);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        (Rows, Columns, Bits) = (rows, columns, bits);
        (DType, RowBytes) = Layout(columns, bits);
        if (data.LongLength != (long)rows * RowBytes || scales.Length != rows)
            throw new ArgumentException($"{data.LongLength} bytes and {scales.Length} scales for {rows} rows of {RowBytes} bytes");
        if (Array.FindIndex(scales, s => !(s >= 0 && float.IsFinite(s))) is var bad and >= 0)
            throw new ArgumentException($"row {bad} has the scale {scales[bad]}", nameof(scales));
        (_data, _scales) = (data, scales);
    }

    public int Rows { get; }

    public int Columns { get; }

    public int PaddedColumns => Padded(Columns);

    public int Bits { get; }

    /// <summary>How the rows are kept in a file: I8, or U8 for two values in a byte.</summary>
    public SafetensorsDType DType { get; }

    public int RowBytes { get; }

    public ReadOnlyMemory<byte> Data => _data;

    public ReadOnlySpan<float> Scales => _scales;

    /// <summary>The file's element type and the bytes of a row of a table of so many columns.</summary>
    public static (SafetensorsDType Type, int RowBytes) Layout(int columns, int bits) => bits switch
    {
        8 => (SafetensorsDType.I8, Padded(columns)),
        4 => (SafetensorsDType.U8, Padded(columns) / 2),
        _ => throw new ArgumentException($"{bits} bits: 8 or 4 are possible", nameof(bits)),
    };

    /// <summary>Rounds each row to the nearest multiples of its largest magnitude / 127 (8 bits) or / 7 (4 bits).</summary>
    /// <param name="values">(rows, columns)</param>
    public static QuantizedTable From(ReadOnlySpan<float> values, int rows, int columns, int bits)
    {
        int stride = Layout(columns, bits).RowBytes;
        var data = new byte[checked(rows * stride)];
        var scales = new float[rows];
        for (int row = 0; row < rows; row++)
            scales[row] = PackRow(values.Slice(row * columns, columns), data.AsSpan(row * stride, stride), bits);
        return new QuantizedTable(rows, columns, bits, data, scales);
    }

    /// <summary>The matrix in float32, (rows, columns).</summary>
    public float[] ToFloats()
    {
        var values = new float[Rows * Columns];
        var row = new float[PaddedColumns];
        for (int r = 0; r < Rows; r++)
        {
            Pool([r], [1f], row);
            row.AsSpan(0, Columns).CopyTo(values.AsSpan(r * Columns));
        }
        return values;
    }

    /// <summary>sum = Σ weights[i]·M[rows[i]], added in the order of the rows.</summary>
    /// <param name="sum">(padded columns), overwritten; the padding becomes zero.</param>
    public void Pool(ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, Span<float> sum)
    {
        weights = weights[..rows.Length];
        sum = sum[..PaddedColumns];
        for (int block = 0; block < sum.Length / Block; block++)
        {
            Vector256<float> a = default, b = default, c = default, d = default;
            for (int i = 0; i < rows.Length; i++)
            {
                int row = rows[i];
                Vector256<float> w = Vector256.Create(weights[i] * _scales[row]);
                (Vector128<sbyte> low, Vector128<sbyte> high) = Load(row, block);
                (Vector256<int> q0, Vector256<int> q1) = Widen(low);
                (Vector256<int> q2, Vector256<int> q3) = Widen(high);
                a = Vector256.FusedMultiplyAdd(w, Vector256.ConvertToSingle(q0), a);
                b = Vector256.FusedMultiplyAdd(w, Vector256.ConvertToSingle(q1), b);
                c = Vector256.FusedMultiplyAdd(w, Vector256.ConvertToSingle(q2), c);
                d = Vector256.FusedMultiplyAdd(w, Vector256.ConvertToSingle(q3), d);
            }
            Span<float> target = sum.Slice(block * Block, Block);
            a.CopyTo(target);
            b.CopyTo(target[8..]);
            c.CopyTo(target[16..]);
            d.CopyTo(target[24..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)] // the loop above is made of these two
    private (Vector128<sbyte> Low, Vector128<sbyte> High) Load(int row, int block)
    {
        if (Bits == 8)
        {
            ReadOnlySpan<sbyte> bytes = MemoryMarshal.Cast<byte, sbyte>(_data.AsSpan((row * RowBytes) + (block * Block), Block));
            return (Vector128.Create(bytes), Vector128.Create(bytes[16..]));
        }
        Vector128<byte> packed = Vector128.Create<byte>(_data.AsSpan((row * RowBytes) + (block * Block / 2), Block / 2));
        Vector128<sbyte> eight = Vector128.Create((sbyte)8);
        return ((packed & Vector128.Create((byte)15)).AsSByte() - eight, (packed >>> 4).AsSByte() - eight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<int> Low, Vector256<int> High) Widen(Vector128<sbyte> q)
    {
        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(q);
        (Vector128<int> a, Vector128<int> b) = Vector128.Widen(low);
        (Vector128<int> c, Vector128<int> d) = Vector128.Widen(high);
        return (Vector256.Create(a, b), Vector256.Create(c, d));
    }

    private static float PackRow(ReadOnlySpan<float> values, Span<byte> packed, int bits)
    {
        int limit = bits == 8 ? 127 : 7;
        float largest = 0;
        foreach (float v in values)
            largest = Math.Max(largest, Math.Abs(v));
        float scale = (float)(Half)(largest / limit);
        if (!float.IsFinite(scale))
            throw new ArgumentException($"a weight of {largest} cannot be quantized; has the training diverged?", nameof(values));
        float inverse = scale == 0 ? 0 : 1 / scale;
        if (bits == 4)
            packed.Fill(0x88);
        for (int i = 0; i < values.Length; i++)
        {
            int q = Math.Clamp((int)MathF.Round(values[i] * inverse), -limit, limit);
            if (bits == 8)
            {
                packed[i] = (byte)(sbyte)q;
                continue;
            }
            int inBlock = i % Block, at = (i / Block * (Block / 2)) + (inBlock % 16);
            packed[at] = inBlock < 16 ? (byte)((packed[at] & 0xF0) | (q + 8)) : (byte)((packed[at] & 0x0F) | ((q + 8) << 4));
        }
        return scale;
    }

    private static int Padded(int columns) => (columns + Block - 1) / Block * Block;
}
