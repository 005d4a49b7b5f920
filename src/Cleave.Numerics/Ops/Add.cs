using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y = a + b, element by element, of one shape.</summary>
    public static Tensor Add(Tape tape, Tensor a, Tensor b)
    {
        Check.Same("Add: shapes of a and b", a.Shape, b.Shape);
        Tensor y = tape.New(a.Rows, a.Columns, a.RequiresGradient || b.RequiresGradient);
        VectorMath.Add(a.Data, b.Data, y.Data);
        if (y.RequiresGradient)
        {
            AddNode node = tape.Record<AddNode>(y);
            (node.A, node.B) = (a, b);
        }
        return y;
    }

    private sealed class AddNode : Node
    {
        public Tensor A = null!;
        public Tensor B = null!;

        public override void Backward()
        {
            Accumulate(A, Output!.Gradient);
            Accumulate(B, Output!.Gradient);
        }
    }

    private static void Accumulate(Tensor tensor, ReadOnlySpan<float> gradient)
    {
        if (!tensor.RequiresGradient)
            return;
        if (tensor.GradientToWrite(out Span<float> target))
            gradient.CopyTo(target);
        else
            VectorMath.AddInPlace(target, gradient);
    }
}
