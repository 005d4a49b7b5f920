using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y = f(x), element by element.</summary>
    public static Tensor Activate(Tape tape, Tensor x, Activation kind)
    {
        Tensor y = tape.New(x.Rows, x.Columns, x.RequiresGradient);
        Activations.Forward(kind, x.Data, y.Data);
        if (y.RequiresGradient)
        {
            ActivateNode node = tape.Record<ActivateNode>(y);
            (node.X, node.Kind) = (x, kind);
        }
        return y;
    }

    private sealed class ActivateNode : Node
    {
        public Tensor X = null!;
        public Activation Kind;

        public override void Backward()
        {
            Span<float> dy = Output!.Gradient;
            Activations.Backward(Kind, dy, X.Data, dy);
            Accumulate(X, dy);
        }
    }

    /// <summary>y = a ⊙ b, of one shape.</summary>
    public static Tensor Multiply(Tape tape, Tensor a, Tensor b)
    {
        Check.Same("Multiply: shapes of a and b", a.Shape, b.Shape);
        Tensor y = tape.New(a.Rows, a.Columns, a.RequiresGradient || b.RequiresGradient);
        VectorMath.Multiply(a.Data, b.Data, y.Data);
        if (y.RequiresGradient)
        {
            MultiplyNode node = tape.Record<MultiplyNode>(y);
            (node.A, node.B, node.Tape) = (a, b, tape);
        }
        return y;
    }

    private sealed class MultiplyNode : Node
    {
        public Tensor A = null!;
        public Tensor B = null!;
        public Tape Tape = null!;

        public override void Backward()
        {
            Span<float> part = Tape.New(A.Rows, A.Columns).Data;
            VectorMath.Multiply(Output!.Gradient, B.Data, part);
            Accumulate(A, part);
            VectorMath.Multiply(Output.Gradient, A.Data, part);
            Accumulate(B, part);
        }
    }

    /// <summary>y = s·x.</summary>
    public static Tensor Scale(Tape tape, Tensor x, float factor)
    {
        Tensor y = tape.Copy(x.Data, x.Rows, x.Columns, x.RequiresGradient);
        VectorMath.Scale(y.Data, factor);
        if (y.RequiresGradient)
        {
            ScaleNode node = tape.Record<ScaleNode>(y);
            (node.X, node.Factor) = (x, factor);
        }
        return y;
    }

    private sealed class ScaleNode : Node
    {
        public Tensor X = null!;
        public float Factor;

        public override void Backward()
        {
            Span<float> dy = Output!.Gradient;
            VectorMath.Scale(dy, Factor);
            Accumulate(X, dy);
        }
    }

    /// <summary>y = cap · tanh(x / cap), within ±cap (Gemma Team, 2024).</summary>
    public static Tensor SoftCap(Tape tape, Tensor x, float cap)
    {
        Tensor y = tape.Copy(x.Data, x.Rows, x.Columns, x.RequiresGradient);
        VectorMath.SoftCap(y.Data, cap);
        if (y.RequiresGradient)
        {
            SoftCapNode node = tape.Record<SoftCapNode>(y);
            (node.X, node.Cap) = (x, cap);
        }
        return y;
    }

    private sealed class SoftCapNode : Node
    {
        public Tensor X = null!;
        public float Cap;

        public override void Backward()
        {
            Span<float> dy = Output!.Gradient;
            VectorMath.SoftCapSlope(dy, Output.Data, Cap);
            Accumulate(X, dy);
        }
    }
}
