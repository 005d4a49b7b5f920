using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Calibration;

/// <summary>What goes into a matrix on some text: x (N, n) summed over all N tokens seen.</summary>
/// <param name="inputs">n.</param>
/// <param name="products">Whether the products of inputs are kept, which takes n² numbers.</param>
public sealed class InputStatistics(int inputs, bool products)
{
    private readonly float[]? _products = products ? new float[checked(inputs * inputs)] : null;
    private readonly double[] _squares = new double[inputs], _sizes = new double[inputs];
    private readonly float[] _largest = new float[inputs];

    public int Inputs => inputs;

    /// <summary>N.</summary>
    public long Tokens { get; private set; }

    /// <summary>The largest |x| of each input.</summary>
    public ReadOnlySpan<float> Largest => _largest;

    /// <summary>The mean of x² of each input.</summary>
    public double[] MeanSquares() => [.. _squares.Select(s => s / Math.Max(1, Tokens))];

    /// <summary>The mean of |x| of each input.</summary>
    public double[] MeanSizes() => [.. _sizes.Select(s => s / Math.Max(1, Tokens))];

    /// <summary>XᵀX / N, (n, n): half the Hessian of the squared error of a matrix's outputs.</summary>
    /// <exception cref="InvalidOperationException">Products were not kept.</exception>
    public double[] Hessian()
    {
        if (_products is null)
            throw new InvalidOperationException("these statistics were taken without products");
        var hessian = new double[_products.Length];
        for (int i = 0; i < inputs; i++)
        {
            for (int j = 0; j <= i; j++) // the two halves are sums in different orders
                hessian[i * inputs + j] = hessian[j * inputs + i] = (double)_products[i * inputs + j] / Math.Max(1, Tokens);
        }
        return hessian;
    }

    /// <summary>Adds tokens: x (N, n).</summary>
    public void Add(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Columns != inputs)
            throw new ArgumentException($"{x.Columns} inputs where {inputs} are expected", nameof(x));
        for (int r = 0; r < x.Rows; r++)
        {
            ReadOnlySpan<float> row = x.Data.Slice(r * inputs, inputs);
            for (int i = 0; i < row.Length; i++)
            {
                float size = MathF.Abs(row[i]);
                _squares[i] += (double)row[i] * row[i];
                _sizes[i] += size;
                _largest[i] = MathF.Max(_largest[i], size);
            }
        }
        if (_products is not null)
            MatMul.Multiply(x.Data, inputs, true, x.Data, inputs, false, _products, inputs, inputs, inputs, x.Rows, accumulate: true);
        Tokens += x.Rows;
    }
}
