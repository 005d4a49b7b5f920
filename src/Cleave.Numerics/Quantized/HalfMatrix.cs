using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// A (rows, columns) weight matrix held in sixteen bits an element, as its file has it: half the memory of float32, and half
/// the time of a product that waits for the memory. Values are widened as they are read; sums are float32.
/// </summary>
public sealed unsafe class HalfMatrix : IFrozenMatrix, IDisposable
{
    private const int LoadedAtOnce = 1 << 18; // bytes of a file that one thread takes at a time

    private readonly NativeBuffer _memory;

    private HalfMatrix(HalfFormat format, int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if ((long)rows * columns > int.MaxValue)
            throw new ArgumentException($"rows: {rows} rows of {columns} are more than one matrix holds", nameof(rows));
        (Format, Rows, Columns) = (format, rows, columns);
        _memory = new NativeBuffer((int)(((long)rows * columns + 1) / 2), clear: false);
    }

    public HalfFormat Format { get; }
    public int Rows { get; }
    public int Columns { get; }

    /// <summary>Bytes of the weights.</summary>
    public long Bytes => (long)Rows * Columns * sizeof(ushort);

    /// <summary>The elements, row by row.</summary>
    public ReadOnlySpan<ushort> Elements => new(_memory.Pointer, Rows * Columns);

    /// <summary>A matrix whose rows come from <paramref name="read"/> as a file holds them, called on several threads at once.</summary>
    /// <param name="together">Rows that are always read in one call: a multiple of them, from a multiple of them on.</param>
    /// <exception cref="ArgumentException">The matrix is too large, or an element is not finite.</exception>
    public static HalfMatrix Load(HalfFormat format, int rows, int columns, QuantizedMatrix.RowReader read, int together = 1)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfLessThan(together, 1);
        var matrix = new HalfMatrix(format, rows, columns);
        int step = together * Math.Max(1, LoadedAtOnce / (together * columns * sizeof(ushort)));
        var part = new LoadPart { Matrix = matrix, Read = read, Step = step };
        ThreadTeam.Current.Run((rows + step - 1) / step, ref part);
        return matrix;
    }

    /// <summary>y = x·Wᵀ.</summary>
    /// <param name="x">(n, columns)</param>
    /// <param name="y">(n, rows)</param>
    public void MultiplyTransposed(ReadOnlySpan<float> x, int n, Span<float> y) =>
        MatMul.Multiply(x, Columns, false, Elements, Format, Columns, true, y, Rows, n, Rows, Columns);

    /// <inheritdoc/>
    public void MultiplyTransposedExactly(ReadOnlySpan<float> x, int n, Span<float> y) => MultiplyTransposed(x, n, y);

    /// <inheritdoc/>
    public void MultiplyExactly(ReadOnlySpan<float> y, int n, Span<float> x, bool accumulate) =>
        MatMul.Multiply(y, Rows, false, Elements, Format, Columns, false, x, Columns, n, Columns, Rows, accumulate);

    /// <summary>Writes one row as float.</summary>
    public void CopyRow(int row, Span<float> destination)
    {
        if ((uint)row >= (uint)Rows)
            throw new ArgumentOutOfRangeException(nameof(row), row, $"the matrix has {Rows} rows");
        Guard.Length(destination.Length, Columns, nameof(destination));
        ReadOnlySpan<ushort> from = Elements.Slice(row * Columns, Columns);
        if (Format == HalfFormat.BFloat16)
            Conversion.BFloat16ToFloat(from, destination);
        else
            Conversion.HalfToFloat(System.Runtime.InteropServices.MemoryMarshal.Cast<ushort, Half>(from), destination);
    }

    public void Dispose() => _memory.Dispose();

    private struct LoadPart : IPart
    {
        public HalfMatrix Matrix;
        public QuantizedMatrix.RowReader Read;
        public int Step;

        public readonly void Invoke(int part)
        {
            int first = part * Step, count = Math.Min(Step, Matrix.Rows - first);
            var rows = new Span<ushort>((ushort*)Matrix._memory.Pointer + (long)first * Matrix.Columns, count * Matrix.Columns);
            Read(first, count, System.Runtime.InteropServices.MemoryMarshal.AsBytes(rows));
            int exponent = Matrix.Format == HalfFormat.BFloat16 ? 0x7F80 : 0x7C00;
            foreach (ushort bits in rows)
            {
                if ((bits & exponent) == exponent)
                    throw new ArgumentException("it holds a value that is not finite; the file is damaged or the training diverged");
            }
        }
    }
}
