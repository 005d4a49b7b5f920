using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// Products for training: some rows at a time are widened to float32 and multiplied, so the input is not rounded, and what passes back is the
/// exact derivative (as QLoRA trains through a frozen base: Dettmers et al., 2023).
/// </summary>
public sealed unsafe partial class QuantizedMatrix : IFrozenMatrix
{
    private const int WidenedAtOnce = 1 << 19; // floats

    /// <inheritdoc/>
    public void MultiplyTransposedExactly(ReadOnlySpan<float> x, int n, Span<float> y)
    {
        Guard.Length(x.Length, (long)n * Columns, nameof(x));
        Guard.Length(y.Length, (long)n * Rows, nameof(y));
        int step = Math.Max(1, WidenedAtOnce / Columns);
        using Scratch scratch = Scratch.Rent((long)Math.Min(step, Rows) * Columns);
        for (int first = 0; first < Rows; first += step)
        {
            int count = Math.Min(step, Rows - first);
            MatMul.Multiply(x, Columns, false, Widen(scratch, first, count), Columns, true, y[first..], Rows, n, count, Columns);
        }
    }

    /// <inheritdoc/>
    public void MultiplyExactly(ReadOnlySpan<float> y, int n, Span<float> x, bool accumulate)
    {
        Guard.Length(x.Length, (long)n * Columns, nameof(x));
        Guard.Length(y.Length, (long)n * Rows, nameof(y));
        int step = Math.Max(1, WidenedAtOnce / Columns);
        using Scratch scratch = Scratch.Rent((long)Math.Min(step, Rows) * Columns);
        for (int first = 0; first < Rows; first += step)
        {
            int count = Math.Min(step, Rows - first);
            MatMul.Multiply(y[first..], Rows, false, Widen(scratch, first, count), Columns, false, x, Columns, n, Columns, count, accumulate || first > 0);
        }
    }

    private ReadOnlySpan<float> Widen(in Scratch scratch, int first, int count)
    {
        var part = new WidenPart { Matrix = this, First = first, To = scratch.Pointer };
        ThreadTeam.Current.Run(count, ref part);
        return new ReadOnlySpan<float>(scratch.Pointer, count * Columns);
    }

    private struct WidenPart : IPart
    {
        public QuantizedMatrix Matrix;
        public int First;
        public float* To;

        public readonly void Invoke(int part) => Matrix.DequantizeRow(First + part, new Span<float>(To + (nint)part * Matrix.Columns, Matrix.Columns));
    }
}
