namespace Cleave.Numerics.Quantized;

/// <summary>A (rows, columns) weight matrix W that is not trained, in a form smaller than float32; gradients pass through it.</summary>
public interface IFrozenMatrix
{
    int Rows { get; }
    int Columns { get; }

    /// <summary>As it is held.</summary>
    long Bytes { get; }

    /// <summary>y = x·Wᵀ, as fast as the form allows: x may be rounded on the way.</summary>
    /// <param name="x">(n, columns)</param>
    /// <param name="y">(n, rows)</param>
    void MultiplyTransposed(ReadOnlySpan<float> x, int n, Span<float> y);

    /// <summary>y = x·Wᵀ with float32 sums of x as it is: the function whose derivative <see cref="MultiplyExactly"/> is.</summary>
    /// <param name="x">(n, columns)</param>
    /// <param name="y">(n, rows)</param>
    void MultiplyTransposedExactly(ReadOnlySpan<float> x, int n, Span<float> y);

    /// <summary>x = y·W, or x += y·W.</summary>
    /// <param name="y">(n, rows)</param>
    /// <param name="x">(n, columns)</param>
    void MultiplyExactly(ReadOnlySpan<float> y, int n, Span<float> x, bool accumulate);
}
