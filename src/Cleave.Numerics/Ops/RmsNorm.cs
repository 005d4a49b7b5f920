using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// y = x / sqrt(mean(x²) + ε) ⊙ w, row by row: x (N, C), w (1, C), y (N, C); a shorter w (1, D) norms each D columns by
    /// themselves, as heads of queries and keys are. Zhang and Sennrich, 2019.
    /// </summary>
    public static Tensor RmsNorm(Tape tape, Tensor x, Tensor weight, float epsilon)
    {
        Check.Same("RmsNorm: columns of x over the length of weight", x.Columns % weight.Length, 0);
        int columns = weight.Length, rows = x.Length / columns;
        Tensor y = tape.New(x.Rows, x.Columns, x.RequiresGradient || weight.RequiresGradient);
        Tensor inverse = tape.New(rows, 1);
        Kernels.RmsNorm.Forward(x.Data, weight.Data, epsilon, y.Data, inverse.Data, rows, columns);
        if (y.RequiresGradient)
        {
            RmsNormNode node = tape.Record<RmsNormNode>(y);
            (node.X, node.Weight, node.Inverse) = (x, weight, inverse);
        }
        return y;
    }

    private sealed class RmsNormNode : Node
    {
        public Tensor X = null!;
        public Tensor Weight = null!;
        public Tensor Inverse = null!;

        public override void Backward()
        {
            // The kernel writes both gradients; a frozen side gets a throw-away buffer only when it is a parameter.
            Span<float> dx = X.RequiresGradient ? X.Gradient : new float[X.Length];
            Span<float> dw = Weight.RequiresGradient ? Weight.Gradient : new float[Weight.Length];
            Kernels.RmsNorm.Backward(Output!.Gradient, X.Data, Weight.Data, Inverse.Data, dx, dw, Inverse.Rows, Weight.Length);
        }
    }
}
