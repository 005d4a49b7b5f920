using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// y = x·Wᵀ (+ b): x (N, I), weight W (O, I), bias b (1, O) or null, y (N, O).
    /// </summary>
    public static Tensor Linear(Tape tape, Tensor x, Tensor weight, Tensor? bias = null)
    {
        Check.Same("Linear: columns of x and weight", x.Columns, weight.Columns);
        if (bias is not null)
            Check.Same("Linear: rows of weight and length of bias", weight.Rows, bias.Length);
        Tensor y = tape.New(x.Rows, weight.Rows, x.RequiresGradient || weight.RequiresGradient || bias is { RequiresGradient: true });
        if (bias is not null)
        {
            Span<float> rows = y.Data;
            for (int r = 0; r < y.Rows; r++)
                bias.Data.CopyTo(rows[(r * y.Columns)..]);
        }
        MatMul.Multiply(x.Data, x.Columns, false, weight.Data, weight.Columns, true, y.Data, y.Columns,
            x.Rows, weight.Rows, x.Columns, accumulate: bias is not null);
        if (y.RequiresGradient)
        {
            LinearNode node = tape.Record<LinearNode>(y);
            (node.X, node.Weight, node.Bias) = (x, weight, bias);
        }
        return y;
    }

    private sealed class LinearNode : Node
    {
        public Tensor X = null!;
        public Tensor Weight = null!;
        public Tensor? Bias;

        public override void Backward()
        {
            Tensor y = Output!;
            ReadOnlySpan<float> dy = y.Gradient;
            if (X.RequiresGradient)
            {
                bool fresh = X.GradientToWrite(out Span<float> dx); // dX += dY·W
                MatMul.Multiply(dy, y.Columns, false, Weight.Data, Weight.Columns, false, dx, X.Columns,
                    X.Rows, X.Columns, y.Columns, accumulate: !fresh);
            }
            if (Weight.RequiresGradient)
            {
                bool fresh = Weight.GradientToWrite(out Span<float> dw); // dW += dYᵀ·X
                MatMul.Multiply(dy, y.Columns, true, X.Data, X.Columns, false, dw, Weight.Columns,
                    y.Columns, X.Columns, X.Rows, accumulate: !fresh);
            }
            if (Bias is { RequiresGradient: true })
            {
                Span<float> db = Bias.Gradient;
                for (int r = 0; r < y.Rows; r++)
                    VectorMath.AddInPlace(db, dy.Slice(r * y.Columns, y.Columns));
            }
        }
    }
}
