using System.Runtime.InteropServices;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// A (rows, columns) weight matrix in one of GGUF's block formats, packed once for the product; it gives rows back as a file
/// holds them.
/// </summary>
/// <remarks>
/// Packed:
/// <code>
/// group of 8 rows → block of 32 columns → four bytes of each row in turn: r0 r0 r0 r0 r1 r1 r1 r1 … r7 r7 r7 r7
/// </code>
/// The scales of Q8_0 and Q4_0 lie apart, those of the other formats before the bytes they belong to
/// (<see cref="PackedFormat{TStored, TBits, TScales, TPairs}"/>). Missing rows of the last group are zeros.
/// </remarks>
public sealed unsafe partial class QuantizedMatrix : IDisposable
{
    /// <summary>Weights that share a scale.</summary>
    public const int BlockSize = 32;

    private const int GroupRows = 8;
    private const int PackedAtOnce = 1 << 18; // bytes of a file that one thread takes at a time

    private readonly NativeBuffer _memory;
    private readonly byte* _values;
    private readonly Half* _scales; // group, block, place of the row
    private readonly Q8Kernel _kernel;
    private readonly StoredRows? _stored; // of all formats but Q8_0 and Q4_0
    private readonly int _groupBytes; // of eight rows by 32 columns, without scales that lie apart
    private readonly uint _flip; // 128 added to every byte, as the kernel wants it

    private QuantizedMatrix(BlockFormat format, int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        int multiple = BlockFormats.Elements(format);
        if (columns <= 0 || columns % multiple != 0)
            throw new ArgumentException($"columns: {format} needs a positive multiple of {multiple}, got {columns}", nameof(columns));
        (Format, Rows, Columns) = (format, rows, columns);
        _stored = StoredRows.Of(format);
        _kernel = Q8Kernels.Active;
        _flip = format == BlockFormat.Q8_0 && _kernel is (Q8Kernel.Dot or Q8Kernel.EmulatedDot) ? 0x80808080 : 0;
        long groupBlocks = (long)Groups * Blocks;
        _groupBytes = _stored?.GroupBytes ?? GroupRows * (RowBlockBytes(format) - sizeof(ushort));
        long floats = groupBlocks * (_groupBytes + (_stored is null ? GroupRows * sizeof(ushort) : 0)) / sizeof(float);
        if (floats > int.MaxValue)
            throw new ArgumentException($"rows: {rows} rows of {columns} are more than one matrix holds", nameof(rows));
        _memory = new NativeBuffer((int)floats, clear: false);
        _values = (byte*)_memory.Pointer;
        _scales = (Half*)(_values + groupBlocks * _groupBytes);
    }

    /// <summary>Fills in rows from <paramref name="row"/> on, as a file holds them: <see cref="RowBytes"/> bytes each.</summary>
    public delegate void RowReader(int row, int count, Span<byte> blocks);

    public BlockFormat Format { get; }
    public int Rows { get; }
    public int Columns { get; }

    /// <summary>Bytes of weights and scales, without padding: what a file needs.</summary>
    public long Bytes => (long)Rows * RowBytes(Format, Columns);

    private int Blocks => Columns / BlockSize;
    private int Groups => (Rows + GroupRows - 1) / GroupRows;

    /// <summary>Bytes of one row in a file.</summary>
    public static int RowBytes(BlockFormat format, int columns) => columns / BlockFormats.Elements(format) * BlockFormats.Bytes(format);

    /// <summary>Packs a matrix whose rows come from <paramref name="read"/>, called on several threads at once.</summary>
    /// <param name="together">Rows that are always read in one call: a multiple of them, from a multiple of them on.</param>
    /// <exception cref="ArgumentException">columns is not a multiple of 32, or a scale is not finite.</exception>
    public static QuantizedMatrix Pack(BlockFormat format, int rows, int columns, RowReader read, int together = 1)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfLessThan(together, 1);
        var matrix = new QuantizedMatrix(format, rows, columns);
        int step = GroupRows * together / Gcd(GroupRows, together);
        int rowBytes = RowBytes(format, columns);
        step *= Math.Max(1, PackedAtOnce / (step * Math.Max(1, rowBytes)));
        var part = new PackPart { Matrix = matrix, Read = read, Step = step };
        ThreadTeam.Current.Run((rows + step - 1) / step, ref part);
        return matrix;
    }

    /// <summary>Quantizes a (rows, columns) matrix.</summary>
    /// <param name="importance">How much an error in each column counts, or empty.</param>
    /// <exception cref="ArgumentException">columns is not a multiple of a block's, a length does not fit, or a weight is not finite or beyond what a half-precision scale reaches.</exception>
    public static QuantizedMatrix Quantize(BlockFormat format, ReadOnlySpan<float> weights, int rows, int columns, ReadOnlySpan<float> importance = default)
    {
        Guard.Length(weights.Length, (long)rows * columns, nameof(weights));
        fixed (float* w = weights, i = importance)
        {
            nint start = (nint)w, important = (nint)i;
            int count = importance.Length;
            return Pack(format, rows, columns, (row, read, blocks) =>
            {
                int rowBytes = blocks.Length / read;
                for (int r = 0; r < read; r++)
                {
                    BlockFormats.Quantize(format, new ReadOnlySpan<float>((float*)start + (long)(row + r) * columns, columns),
                        new ReadOnlySpan<float>((float*)important, count), blocks.Slice(r * rowBytes, rowBytes));
                }
            });
        }
    }

    /// <summary>Writes one row as a file holds it: <see cref="RowBytes"/> bytes.</summary>
    public void CopyRow(int row, Span<byte> blocks)
    {
        CheckRow(row);
        Guard.Length(blocks.Length, RowBytes(Format, Columns), nameof(blocks));
        if (_stored is not null)
        {
            fixed (byte* to = blocks)
            {
                for (int b = 0; b < Columns / _stored.Elements; b++)
                    _stored.Unpack(StoredBlock(row, b), row % GroupRows, to + b * _stored.Bytes);
            }
            return;
        }
        int size = RowBlockBytes(Format);
        for (int b = 0; b < Blocks; b++)
        {
            Span<byte> block = blocks.Slice(b * size, size);
            MemoryMarshal.Write(block, _scales[ScaleIndex(row, b)]);
            for (int at = sizeof(ushort); at < size; at += sizeof(int))
                MemoryMarshal.Write(block[at..], *Four(row, b, (at - sizeof(ushort)) / sizeof(int)) ^ _flip);
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
        Guard.Length(destination.Length, Columns, nameof(destination));
        using Scratch scratch = Scratch.Rent(RowBytes(Format, Columns) / sizeof(float) + 1);
        var blocks = new Span<byte>(scratch.Pointer, RowBytes(Format, Columns));
        CopyRow(row, blocks);
        BlockFormats.Dequantize(Format, blocks, destination);
    }

    public void Dispose() => _memory.Dispose();

    private struct PackPart : IPart
    {
        public QuantizedMatrix Matrix;
        public RowReader Read;
        public int Step;

        public readonly void Invoke(int part)
        {
            int from = part * Step, to = Math.Min(Matrix.Rows, from + Step), rowBytes = RowBytes(Matrix.Format, Matrix.Columns);
            using Scratch scratch = Scratch.Rent((long)(to - from) * rowBytes / sizeof(float) + 1);
            var blocks = new Span<byte>(scratch.Pointer, (to - from) * rowBytes);
            Read(from, to - from, blocks);
            for (int row = from; row < to; row++)
                Matrix.PutRow(row, blocks.Slice((row - from) * rowBytes, rowBytes));
            for (int row = to; to == Matrix.Rows && row < Matrix.Groups * GroupRows; row++)
                Matrix.PutZeros(row);
        }
    }

    private void PutRow(int row, ReadOnlySpan<byte> blocks)
    {
        if (_stored is not null)
        {
            if (_stored.FirstBadBlock(blocks) is { } bad)
                throw new ArgumentException($"row {row}, block {bad}: a scale is not a finite half", nameof(blocks));
            fixed (byte* from = blocks)
            {
                for (int b = 0; b < Columns / _stored.Elements; b++)
                    _stored.Pack(from + b * _stored.Bytes, StoredBlock(row, b), row % GroupRows);
            }
            return;
        }
        int size = RowBlockBytes(Format);
        fixed (byte* source = blocks)
        {
            byte* block = source;
            for (int b = 0; b < Blocks; b++, block += size)
            {
                Half scale = *(Half*)block;
                if (!Half.IsFinite(scale))
                    throw new ArgumentException($"row {row}, block {b}: the scale {scale} is not a finite half", nameof(blocks));
                _scales[ScaleIndex(row, b)] = scale;
                uint* from = (uint*)(block + sizeof(ushort)), to = Four(row, b, 0);
                for (int i = 0; i < (size - sizeof(ushort)) / sizeof(int); i++)
                    to[i * GroupRows] = from[i] ^ _flip;
            }
        }
    }

    private void PutZeros(int row)
    {
        if (_stored is not null)
        {
            byte* zeros = stackalloc byte[_stored.Bytes];
            new Span<byte>(zeros, _stored.Bytes).Clear();
            for (int b = 0; b < Columns / _stored.Elements; b++)
                _stored.Pack(zeros, StoredBlock(row, b), row % GroupRows);
            return;
        }
        for (int b = 0; b < Blocks; b++)
        {
            _scales[ScaleIndex(row, b)] = default;
            for (int i = 0; i < (RowBlockBytes(Format) - sizeof(ushort)) / sizeof(int); i++)
                *Four(row, b, i) = _flip;
        }
    }

    /// <summary>The packed block that holds a row's block as files have it.</summary>
    private byte* StoredBlock(int row, int block) =>
        _values + ((nint)(row / GroupRows) * Blocks + block * (_stored!.Elements / BlockSize)) * _groupBytes;

    /// <summary>Where four bytes of a row's block are.</summary>
    private uint* Four(int row, int block, int index) =>
        (uint*)(_values + ((nint)(row / GroupRows) * Blocks + block) * (GroupRows * (RowBlockBytes(Format) - sizeof(ushort)))) + index * GroupRows + row % GroupRows;

    private nint ScaleIndex(int row, int block)
    {
        int place = Format == BlockFormat.Q8_0 && _kernel == Q8Kernel.Wide ? Q8Format.ScalePlace(row % GroupRows) : Q4Format.ScalePlace(row % GroupRows);
        return ((nint)(row / GroupRows) * Blocks + block) * GroupRows + place;
    }

    private void CheckRow(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
    }

    private static int RowBlockBytes(BlockFormat format) => format == BlockFormat.Q8_0 ? Q8Format.FileBytes : Q4Format.FileBytes;

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
