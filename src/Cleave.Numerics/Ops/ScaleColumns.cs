using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y[n, c] = x[n, c] · scale[c] / divisor[c] + bias[c]: x (N, C), scale (1, C), y (N, C).</summary>
    /// <param name="divisor">(1, C), a constant: no gradient reaches it; null for 1. Where it is 0, y is the bias alone and no gradient passes.</param>
    /// <param name="bias">(1, C), or null.</param>
    public static Tensor ScaleColumns(Tape tape, Tensor x, Tensor scale, Tensor? divisor = null, Tensor? bias = null)
    {
        Check.Same("ScaleColumns: columns of x and length of scale", x.Columns, scale.Length);
        Tensor factor = tape.Copy(scale.Data, 1, scale.Length);
        if (divisor is not null)
        {
            Check.Same("ScaleColumns: columns of x and length of divisor", x.Columns, divisor.Length);
            // What is divided by a norm of 0 is 0 itself and has no direction: 0 stands for it, and not 0 / 0.
            for (int c = 0; c < factor.Length; c++)
                factor.Data[c] = divisor.Data[c] == 0 ? 0 : factor.Data[c] / divisor.Data[c];
        }
        Tensor y = tape.New(x.Rows, x.Columns, x.RequiresGradient || scale.RequiresGradient || bias is { RequiresGradient: true });
        for (int r = 0; r < x.Rows; r++)
        {
            Span<float> row = y.Data.Slice(r * x.Columns, x.Columns);
            VectorMath.Multiply(x.Data.Slice(r * x.Columns, x.Columns), factor.Data, row);
            if (bias is not null)
                VectorMath.AddInPlace(row, bias.Data);
        }
        if (y.RequiresGradient)
        {
            ScaleColumnsNode node = tape.Record<ScaleColumnsNode>(y);
            (node.X, node.Scale, node.Factor, node.Divisor, node.Bias, node.Tape) = (x, scale, factor, divisor, bias, tape);
        }
        return y;
    }

    private sealed class ScaleColumnsNode : Node
    {
        public Tensor X = null!;
        public Tensor Scale = null!;
        public Tensor Factor = null!;
        public Tensor? Divisor;
        public Tensor? Bias;
        public Tape Tape = null!;

        public override void Backward()
        {
            int c = X.Columns;
            Span<float> dy = Output!.Gradient;
            for (int r = 0; r < X.Rows && Bias is { RequiresGradient: true }; r++)
                VectorMath.AddInPlace(Bias.Gradient, dy.Slice(r * c, c));
            if (Scale.RequiresGradient)
            {
                Span<float> sum = Tape.New(1, c).Data, part = Tape.New(1, c).Data;
                sum.Clear();
                for (int r = 0; r < X.Rows; r++)
                {
                    VectorMath.Multiply(dy.Slice(r * c, c), X.Data.Slice(r * c, c), part);
                    VectorMath.AddInPlace(sum, part);
                }
                for (int i = 0; i < c && Divisor is not null; i++)
                    sum[i] = Divisor.Data[i] == 0 ? 0 : sum[i] / Divisor.Data[i];
                Accumulate(Scale, sum);
            }
            if (!X.RequiresGradient)
                return;
            for (int r = 0; r < X.Rows; r++)
                VectorMath.Multiply(dy.Slice(r * c, c), Factor.Data, dy.Slice(r * c, c));
            Accumulate(X, dy);
        }
    }
}
