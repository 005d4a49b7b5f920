using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// y = x ⊙ m / (1 − p) with m drawn Bernoulli(1 − p); x itself where <paramref name="probability"/> is 0. For training alone, on
    /// tapes that do not record too: they compute what is recomputed later. Srivastava et al., 2014.
    /// </summary>
    public static Tensor Dropout(Tape tape, Tensor x, float probability, Rng rng)
    {
        if (probability <= 0)
            return x;
        Tensor mask = tape.New(x.Rows, x.Columns);
        Tensor y = tape.New(x.Rows, x.Columns, x.RequiresGradient);
        float keep = 1 / (1 - probability);
        foreach (ref float m in mask.Data)
            m = rng.NextSingle() < probability ? 0 : keep;
        VectorMath.Multiply(x.Data, mask.Data, y.Data);
        if (y.RequiresGradient)
        {
            DropoutNode node = tape.Record<DropoutNode>(y);
            (node.X, node.Mask) = (x, mask);
        }
        return y;
    }

    private sealed class DropoutNode : Node
    {
        public Tensor X = null!;
        public Tensor Mask = null!;

        public override void Backward()
        {
            Span<float> dy = Output!.Gradient;
            VectorMath.Multiply(dy, Mask.Data, dy);
            Accumulate(X, dy);
        }
    }
}
