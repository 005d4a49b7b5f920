using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// y = x·Wᵀ (+ b) with a frozen W (O, I): x (N, I), b (1, O) or null, y (N, O). The gradient passes to x and b alone.
    /// </summary>
    public static Tensor FrozenLinear(Tape tape, Tensor x, IFrozenMatrix weight, Tensor? bias = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Check.Same("FrozenLinear: columns of x and weight", x.Columns, weight.Columns);
        Tensor y = tape.New(x.Rows, weight.Rows, x.RequiresGradient || bias is { RequiresGradient: true });
        weight.MultiplyTransposedExactly(x.Data, x.Rows, y.Data);
        for (int r = 0; r < y.Rows && bias is not null; r++)
            VectorMath.AddInPlace(y.Data.Slice(r * y.Columns, y.Columns), bias.Data);
        if (y.RequiresGradient)
        {
            FrozenLinearNode node = tape.Record<FrozenLinearNode>(y);
            (node.X, node.Weight, node.Bias) = (x, weight, bias);
        }
        return y;
    }

    private sealed class FrozenLinearNode : Node
    {
        public Tensor X = null!;
        public IFrozenMatrix Weight = null!;
        public Tensor? Bias;

        public override void Backward()
        {
            Tensor y = Output!;
            if (X.RequiresGradient)
            {
                bool fresh = X.GradientToWrite(out Span<float> dx);
                Weight.MultiplyExactly(y.Gradient, y.Rows, dx, accumulate: !fresh);
            }
            for (int r = 0; r < y.Rows && Bias is { RequiresGradient: true }; r++)
                VectorMath.AddInPlace(Bias.Gradient, y.Gradient.Slice(r * y.Columns, y.Columns));
        }
    }
}
