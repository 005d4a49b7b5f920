using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y = silu(gate) ⊙ up, with silu(z) = z·sigmoid(z): all (N, F). Shazeer, 2020.</summary>
    public static Tensor SwiGlu(Tape tape, Tensor gate, Tensor up)
    {
        Check.Same("SwiGlu: shapes of gate and up", gate.Shape, up.Shape);
        Tensor y = tape.New(gate.Rows, gate.Columns, gate.RequiresGradient || up.RequiresGradient);
        Kernels.SwiGlu.Forward(gate.Data, up.Data, y.Data);
        if (y.RequiresGradient)
        {
            SwiGluNode node = tape.Record<SwiGluNode>(y);
            (node.Gate, node.Up, node.Tape) = (gate, up, tape);
        }
        return y;
    }

    private sealed class SwiGluNode : Node
    {
        public Tensor Gate = null!;
        public Tensor Up = null!;
        public Tape Tape = null!;

        public override void Backward()
        {
            bool freshGate = Target(Gate, out Span<float> dGate), freshUp = Target(Up, out Span<float> dUp);
            Span<float> scratchGate = freshGate ? dGate : Tape.New(Gate.Rows, Gate.Columns).Data;
            Span<float> scratchUp = freshUp ? dUp : Tape.New(Up.Rows, Up.Columns).Data;
            Kernels.SwiGlu.Backward(Output!.Gradient, Gate.Data, Up.Data, scratchGate, scratchUp);
            if (!freshGate && Gate.RequiresGradient)
                VectorMath.AddInPlace(dGate, scratchGate);
            if (!freshUp && Up.RequiresGradient)
                VectorMath.AddInPlace(dUp, scratchUp);
        }
    }

    /// <summary>True with a buffer to overwrite; false where there is a gradient to add to, or none is wanted.</summary>
    private static bool Target(Tensor tensor, out Span<float> gradient)
    {
        gradient = default;
        return tensor.RequiresGradient && tensor.GradientToWrite(out gradient);
    }
}
