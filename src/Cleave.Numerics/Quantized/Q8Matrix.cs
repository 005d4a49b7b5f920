using System.Numerics;
using System.Runtime.InteropServices;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// A (rows, columns) weight matrix in 8-bit blocks of 32 along the columns, one half-precision scale each:
/// w ≈ q · d with d = absmax / 127, q = round(w / d) — GGUF's Q8_0. A weight is off by at most about d / 2.
/// </summary>
/// <remarks>
/// In memory eight rows are interleaved by fours, so that one 32-byte load holds four consecutive weights of each of
/// eight rows, and the eight 32-bit sums of a vector are eight outputs:
/// <code>
/// group of 8 rows → block of 32 columns → chunk of 4 columns → r0 r0 r0 r0 r1 r1 r1 r1 … r7 r7 r7 r7
/// </code>
/// Missing rows of the last group are zeros.
/// </remarks>
public sealed unsafe partial class Q8Matrix
{
    /// <summary>Weights that share a scale.</summary>
    public const int BlockSize = 32;

    private const int GroupRows = 8;
    private const int Chunk = 4;

    private readonly sbyte[] _values; // pinned, with room to start at a multiple of 64 bytes
    private readonly sbyte* _aligned;
    private readonly Half[] _scales; // pinned; group, block, place of the row

    /// <param name="values">(rows, columns)</param>
    /// <param name="scales">(rows, columns / 32)</param>
    /// <exception cref="ArgumentException">columns is not a multiple of 32, a length does not fit, or a scale is not finite.</exception>
    public Q8Matrix(ReadOnlySpan<sbyte> values, ReadOnlySpan<Half> scales, int rows, int columns) : this(rows, columns)
    {
        Guard.Length(values.Length, (long)rows * columns, nameof(values));
        Guard.Length(scales.Length, (long)rows * columns / BlockSize, nameof(scales));
        for (int r = 0; r < rows; r++)
            PutRow(r, values.Slice(r * columns, columns), scales.Slice(r * Blocks, Blocks));
    }

    private Q8Matrix(int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        if (columns <= 0 || columns % BlockSize != 0)
            throw new ArgumentException($"columns: Q8 needs a positive multiple of {BlockSize}, got {columns}", nameof(columns));
        Rows = rows;
        Columns = columns;
        const int Alignment = 64;
        long padded = (long)Groups * GroupRows * columns;
        if (padded > Array.MaxLength - Alignment)
            throw new ArgumentException($"rows: {rows} rows of {columns} are more than one matrix holds", nameof(rows));
        _values = GC.AllocateArray<sbyte>((int)padded + Alignment, pinned: true);
        _scales = GC.AllocateArray<Half>(Groups * GroupRows * Blocks, pinned: true);
        nint start = (nint)Marshal.UnsafeAddrOfPinnedArrayElement(_values, 0);
        _aligned = (sbyte*)((start + Alignment - 1) & -Alignment);
    }

    public int Rows { get; }
    public int Columns { get; }

    /// <summary>Bytes of weights and scales, without padding.</summary>
    public long Bytes => (long)Rows * Columns + (long)Rows * Blocks * sizeof(Half);

    private int Blocks => Columns / BlockSize;
    private int Groups => (Rows + GroupRows - 1) / GroupRows;

    /// <summary>Quantizes a (rows, columns) matrix.</summary>
    /// <exception cref="ArgumentException">
    /// columns is not a multiple of 32, a length does not fit, or a weight is not finite or beyond 127 · 65504.
    /// </exception>
    public static Q8Matrix Quantize(ReadOnlySpan<float> weights, int rows, int columns)
    {
        var matrix = new Q8Matrix(rows, columns);
        Guard.Length(weights.Length, (long)rows * columns, nameof(weights));
        var values = new sbyte[columns];
        var scales = new Half[matrix.Blocks];
        for (int r = 0; r < rows; r++)
        {
            for (int b = 0; b < scales.Length; b++)
            {
                int at = b * BlockSize;
                scales[b] = (Half)QuantizeBlock(weights.Slice(r * columns + at, BlockSize), values.AsSpan(at, BlockSize));
            }
            matrix.PutRow(r, values, scales);
        }
        return matrix;
    }

    /// <summary>Copies the 8-bit values, (rows, columns), in row order.</summary>
    public void CopyValues(Span<sbyte> destination)
    {
        Guard.Length(destination.Length, (long)Rows * Columns, nameof(destination));
        for (int r = 0; r < Rows; r++)
        {
            Span<int> row = MemoryMarshal.Cast<sbyte, int>(destination.Slice(r * Columns, Columns));
            for (int c = 0; c < row.Length; c++)
                row[c] = *Four(r, c);
        }
    }

    /// <summary>Copies the scales, (rows, columns / 32), in row order.</summary>
    public void CopyScales(Span<Half> destination)
    {
        Guard.Length(destination.Length, (long)Rows * Blocks, nameof(destination));
        for (int r = 0; r < Rows; r++)
        {
            for (int b = 0; b < Blocks; b++)
                destination[r * Blocks + b] = _scales[ScaleIndex(r, b)];
        }
    }

    /// <summary>Writes the weights as float, (rows, columns).</summary>
    public void Dequantize(Span<float> destination)
    {
        Guard.Length(destination.Length, (long)Rows * Columns, nameof(destination));
        for (int r = 0; r < Rows; r++)
            DequantizeRow(r, destination.Slice(r * Columns, Columns));
    }

    /// <summary>Writes one row's weights as float, (columns): an embedding looked up in place.</summary>
    public void DequantizeRow(int row, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        Guard.Length(destination.Length, Columns, nameof(destination));
        for (int b = 0; b < Blocks; b++)
        {
            float scale = (float)_scales[ScaleIndex(row, b)];
            for (int c = 0; c < BlockSize / Chunk; c++)
            {
                sbyte* four = (sbyte*)Four(row, b * (BlockSize / Chunk) + c);
                for (int i = 0; i < Chunk; i++)
                    destination[b * BlockSize + c * Chunk + i] = four[i] * scale;
            }
        }
    }

    private void PutRow(int row, ReadOnlySpan<sbyte> values, ReadOnlySpan<Half> scales)
    {
        ReadOnlySpan<int> fours = MemoryMarshal.Cast<sbyte, int>(values);
        for (int c = 0; c < fours.Length; c++)
            *Four(row, c) = fours[c];
        for (int b = 0; b < scales.Length; b++)
        {
            if (!Half.IsFinite(scales[b]))
                throw new ArgumentException($"row {row}, block {b}: the scale {scales[b]} is not a finite half", nameof(scales));
            _scales[ScaleIndex(row, b)] = scales[b];
        }
    }

    /// <summary>Where the four weights of a row from column 4 · chunk on are.</summary>
    private int* Four(int row, int chunk) =>
        (int*)(_aligned + (nint)(row / GroupRows) * GroupRows * Columns) + (nint)chunk * GroupRows + row % GroupRows;

    private int ScaleIndex(int row, int block) => (row / GroupRows * Blocks + block) * GroupRows + Q8Vectors.ScalePlace(row % GroupRows);

    /// <summary>The reference for one block: returns absmax / 127 and writes round(x / that).</summary>
    private static float QuantizeBlock<T>(ReadOnlySpan<float> x, Span<T> values) where T : IBinaryInteger<T>
    {
        float max = 0;
        foreach (float v in x)
            max = MathF.Max(max, MathF.Abs(v));
        float inverse = max == 0 ? 0 : 127 / max;
        for (int i = 0; i < x.Length; i++)
            values[i] = T.CreateTruncating(MathF.Round(x[i] * inverse));
        return max / 127;
    }
}
