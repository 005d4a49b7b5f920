using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// A (rows, columns) weight matrix in 8-bit blocks of 32 along the columns, one half-precision scale each:
/// w ≈ q · d with d = absmax / 127, q = round(w / d) — GGUF's Q8_0. A weight is off by at most d / 2.
/// </summary>
public sealed class Q8Matrix
{
    /// <summary>Weights that share a scale.</summary>
    public const int BlockSize = 32;

    private readonly sbyte[] _values;
    private readonly Half[] _scales;

    /// <param name="values">(rows, columns)</param>
    /// <param name="scales">(rows, columns / 32)</param>
    /// <exception cref="ArgumentException">columns is not a multiple of 32, or a length does not fit.</exception>
    public Q8Matrix(ReadOnlySpan<sbyte> values, ReadOnlySpan<Half> scales, int rows, int columns)
    {
        CheckShape(rows, columns);
        Guard.Length(values.Length, (long)rows * columns, nameof(values));
        Guard.Length(scales.Length, (long)rows * columns / BlockSize, nameof(scales));
        Rows = rows;
        Columns = columns;
        _values = values.ToArray();
        _scales = scales.ToArray();
    }

    public int Rows { get; }
    public int Columns { get; }

    /// <summary>Bytes of weights and scales.</summary>
    public long Bytes => (long)Rows * Columns + (long)Rows * Columns / BlockSize * 2;

    /// <summary>Quantizes a (rows, columns) matrix.</summary>
    /// <exception cref="ArgumentException">columns is not a multiple of 32, or a length does not fit.</exception>
    public static Q8Matrix Quantize(ReadOnlySpan<float> weights, int rows, int columns)
    {
        CheckShape(rows, columns);
        Guard.Length(weights.Length, (long)rows * columns, nameof(weights));
        var values = new sbyte[weights.Length];
        var scales = new Half[weights.Length / BlockSize];
        for (int b = 0; b < scales.Length; b++)
            scales[b] = (Half)QuantizeBlock(weights.Slice(b * BlockSize, BlockSize), values.AsSpan(b * BlockSize, BlockSize));
        return new Q8Matrix(values, scales, rows, columns);
    }

    /// <summary>Copies the 8-bit values, (rows, columns), in row order.</summary>
    public void CopyValues(Span<sbyte> destination)
    {
        Guard.Length(destination.Length, (long)Rows * Columns, nameof(destination));
        _values.CopyTo(destination);
    }

    /// <summary>Copies the scales, (rows, columns / 32), in row order.</summary>
    public void CopyScales(Span<Half> destination)
    {
        Guard.Length(destination.Length, (long)Rows * Columns / BlockSize, nameof(destination));
        _scales.CopyTo(destination);
    }

    /// <summary>Writes the weights as float, (rows, columns).</summary>
    public void Dequantize(Span<float> destination)
    {
        Guard.Length(destination.Length, (long)Rows * Columns, nameof(destination));
        for (int i = 0; i < destination.Length; i++)
            destination[i] = _values[i] * (float)_scales[i / BlockSize];
    }

    /// <summary>Writes one row's weights as float, (columns).</summary>
    public void DequantizeRow(int row, Span<float> destination)
    {
        Guard.Length(destination.Length, Columns, nameof(destination));
        ReadOnlySpan<sbyte> values = _values.AsSpan(row * Columns, Columns);
        ReadOnlySpan<Half> scales = _scales.AsSpan(row * (Columns / BlockSize), Columns / BlockSize);
        for (int i = 0; i < values.Length; i++)
            destination[i] = values[i] * (float)scales[i / BlockSize];
    }

    /// <summary>
    /// y = x · Wᵀ. The rows of x are quantized to 8-bit blocks of 32 on the way in, so an output is off by about
    /// 0.4% of the product's root-sum-square beside the weights' own error.
    /// </summary>
    /// <param name="x">(m, columns)</param>
    /// <param name="y">(m, rows)</param>
    public void MultiplyTransposed(ReadOnlySpan<float> x, int m, Span<float> y)
    {
        Guard.NotNegative(m, nameof(m));
        Guard.Length(x.Length, (long)m * Columns, nameof(x));
        Guard.Length(y.Length, (long)m * Rows, nameof(y));
        Span<sbyte> quantized = stackalloc sbyte[BlockSize];
        y.Clear();
        for (int i = 0; i < m; i++)
        {
            for (int b = 0; b < Columns / BlockSize; b++)
            {
                float scale = QuantizeBlock(x.Slice(i * Columns + b * BlockSize, BlockSize), quantized);
                for (int r = 0; r < Rows; r++)
                {
                    int sum = 0;
                    for (int j = 0; j < BlockSize; j++)
                        sum += quantized[j] * _values[r * Columns + b * BlockSize + j];
                    y[i * Rows + r] += sum * scale * (float)_scales[r * (Columns / BlockSize) + b];
                }
            }
        }
    }

    private static float QuantizeBlock(ReadOnlySpan<float> x, Span<sbyte> values)
    {
        float max = 0;
        foreach (float v in x)
            max = MathF.Max(max, MathF.Abs(v));
        float scale = max / 127, inverse = max == 0 ? 0 : 127 / max;
        for (int i = 0; i < x.Length; i++)
            values[i] = (sbyte)MathF.Round(x[i] * inverse);
        return scale;
    }

    private static void CheckShape(int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        if (columns <= 0 || columns % BlockSize != 0)
            throw new ArgumentException($"columns: Q8 needs a positive multiple of {BlockSize}, got {columns}", nameof(columns));
    }
}
