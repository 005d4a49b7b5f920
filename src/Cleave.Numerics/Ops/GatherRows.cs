using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y[i] = x[rows[i]]: x (N, C), y (R, C). To compute a head only where there is something to learn or say.</summary>
    public static Tensor GatherRows(Tape tape, Tensor x, ReadOnlyMemory<int> rows)
    {
        Tensor y = tape.New(rows.Length, x.Columns, x.RequiresGradient);
        ReadOnlySpan<int> r = rows.Span;
        for (int i = 0; i < r.Length; i++)
            x.Data.Slice(r[i] * x.Columns, x.Columns).CopyTo(y.Data[(i * x.Columns)..]);
        if (y.RequiresGradient)
        {
            GatherRowsNode node = tape.Record<GatherRowsNode>(y);
            (node.X, node.Rows) = (x, rows);
        }
        return y;
    }

    private sealed class GatherRowsNode : Node
    {
        public Tensor X = null!;
        public ReadOnlyMemory<int> Rows;

        public override void Backward()
        {
            ReadOnlySpan<int> r = Rows.Span;
            Span<float> dx = X.Gradient, dy = Output!.Gradient;
            for (int i = 0; i < r.Length; i++)
                VectorMath.AddInPlace(dx.Slice(r[i] * X.Columns, X.Columns), dy.Slice(i * X.Columns, X.Columns));
        }
    }
}
