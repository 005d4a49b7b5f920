using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y = (x − mean) / √(variance + ε) ⊙ w + b, row by row: x (N, C), w (1, C), b (1, C) or null, y (N, C). Ba et al., 2016.</summary>
    public static Tensor LayerNorm(Tape tape, Tensor x, Tensor weight, Tensor? bias, float epsilon)
    {
        Check.Same("LayerNorm: columns of x and length of weight", x.Columns, weight.Length);
        Tensor moments = tape.New(x.Rows, 2);
        Tensor y = tape.New(x.Rows, x.Columns, x.RequiresGradient || weight.RequiresGradient || bias is { RequiresGradient: true }); // last, as where a layer ends with it
        Kernels.LayerNorm.Forward(x.Data, weight.Data, bias is null ? default : bias.Data, epsilon, y.Data, moments.Data, x.Rows, x.Columns);
        if (y.RequiresGradient)
        {
            LayerNormNode node = tape.Record<LayerNormNode>(y);
            (node.X, node.Weight, node.Bias, node.Moments) = (x, weight, bias, moments);
        }
        return y;
    }

    private sealed class LayerNormNode : Node
    {
        public Tensor X = null!;
        public Tensor Weight = null!;
        public Tensor? Bias;
        public Tensor Moments = null!;

        public override void Backward() => Kernels.LayerNorm.Backward(Output!.Gradient, X.Data, Weight.Data, Moments.Data,
            X.RequiresGradient ? X.Gradient : default, Weight.RequiresGradient ? Weight.Gradient : default,
            Bias is { RequiresGradient: true } ? Bias.Gradient : default, X.Rows, X.Columns);
    }
}
