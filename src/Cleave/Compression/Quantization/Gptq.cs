using Cleave.Compression.Calibration;
using Cleave.Numerics.Quantized;

namespace Cleave.Compression.Quantization;

/// <summary>
/// Rounds a matrix column after column and lets the columns behind make good the error in its outputs (Frantar et al., 2022,
/// GPTQ). A block's scales are found when its first column comes up, by the format's own search, and stay.
/// </summary>
public static class Gptq
{
    /// <summary>Quantizes a matrix (rows, n).</summary>
    /// <param name="hessian">XᵀX / N of its inputs, (n, n).</param>
    /// <param name="weighted">Whether the scales are searched with H's diagonal as the inputs' importance.</param>
    /// <exception cref="ArgumentException">The inputs are no whole blocks, or a weight is beyond what a scale reaches.</exception>
    /// <exception cref="CleaveException">The Hessian cannot be inverted.</exception>
    public static QuantizedMatrix Quantize(BlockFormat format, ReadOnlySpan<float> weights, int rows, int n, double[] hessian, bool weighted, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(hessian);
        var codes = BlockCodes.Of(format);
        if (n % codes.Elements != 0)
            throw new ArgumentException($"{format} needs a multiple of {codes.Elements} inputs, got {n}", nameof(n));
        var exact = new double[weights.Length];
        for (int i = 0; i < exact.Length; i++)
            exact[i] = weights[i];
        float[] importance = weighted ? [.. Enumerable.Range(0, n).Select(i => (float)hessian[i * n + i])] : [];
        var target = new Target(codes, rows, n, importance);
        ColumnSolver.Solve(exact, rows, InverseFactor.Of(hessian, n), n, target, cancel);
        return QuantizedMatrix.Pack(format, rows, n, target.CopyRows);
    }

    private sealed class Target(BlockCodes codes, int rows, int columns, float[] importance) : IColumnTarget
    {
        private readonly int _rowBytes = QuantizedMatrix.RowBytes(codes.Format, columns);
        private readonly byte[] _bytes = new byte[(long)rows * QuantizedMatrix.RowBytes(codes.Format, columns)];
        private readonly double[] _starts = new double[rows * codes.Elements], _steps = new double[rows * codes.Elements]; // of the block that each row is in

        public int BlockColumns => 256; // a multiple of every format's blocks

        public void BeginBlock(double[] weights, int first, int end) { }

        public double Choose(int row, int column, ReadOnlySpan<double> weights)
        {
            int within = column % codes.Elements, place = row * codes.Elements + within;
            Span<byte> block = _bytes.AsSpan(row * _rowBytes + column / codes.Elements * codes.Bytes, codes.Bytes);
            if (within == 0)
                BeginScales(row, column, weights.Slice(column, codes.Elements), block);
            int code = codes.Nearest(weights[column], _starts[place], _steps[place]);
            codes.Put(block, within, code);
            return codes.Worth(code, _starts[place], _steps[place]);
        }

        public void CopyRows(int row, int count, Span<byte> blocks) => _bytes.AsSpan(row * _rowBytes, count * _rowBytes).CopyTo(blocks);

        private void BeginScales(int row, int column, ReadOnlySpan<double> weights, Span<byte> block)
        {
            Span<float> x = stackalloc float[weights.Length];
            for (int i = 0; i < x.Length; i++)
                x[i] = (float)weights[i];
            BlockFormats.Quantize(codes.Format, x, importance.Length == 0 ? [] : importance.AsSpan(column, x.Length), block);
            codes.Levels(block, _starts.AsSpan(row * x.Length, x.Length), _steps.AsSpan(row * x.Length, x.Length));
        }
    }
}
