using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y[r] = λ[r] · x[r] + (1 − λ[r]) · x[partner[r]]: x (N, C), y (N, C).</summary>
    public static Tensor MixRows(Tape tape, Tensor x, ReadOnlyMemory<int> partners, ReadOnlyMemory<float> shares)
    {
        Check.Same("MixRows: rows and partners", x.Rows, partners.Length);
        Check.Same("MixRows: rows and shares", x.Rows, shares.Length);
        Tensor y = tape.New(x.Rows, x.Columns, x.RequiresGradient);
        ReadOnlySpan<int> other = partners.Span;
        ReadOnlySpan<float> own = shares.Span;
        int c = x.Columns;
        y.Data.Clear();
        for (int r = 0; r < x.Rows; r++)
        {
            Check.That((uint)other[r] < (uint)x.Rows, "MixRows: a partner is no row");
            VectorMath.AddScaled(y.Data.Slice(r * c, c), x.Data.Slice(r * c, c), own[r]);
            VectorMath.AddScaled(y.Data.Slice(r * c, c), x.Data.Slice(other[r] * c, c), 1 - own[r]);
        }
        if (y.RequiresGradient)
        {
            MixRowsNode node = tape.Record<MixRowsNode>(y);
            (node.X, node.Partners, node.Shares) = (x, partners, shares);
        }
        return y;
    }

    private sealed class MixRowsNode : Node
    {
        public Tensor X = null!;
        public ReadOnlyMemory<int> Partners;
        public ReadOnlyMemory<float> Shares;

        public override void Backward()
        {
            Span<float> dx = X.Gradient, dy = Output!.Gradient;
            int c = X.Columns;
            for (int r = 0; r < X.Rows; r++)
            {
                VectorMath.AddScaled(dx.Slice(r * c, c), dy.Slice(r * c, c), Shares.Span[r]);
                VectorMath.AddScaled(dx.Slice(Partners.Span[r] * c, c), dy.Slice(r * c, c), 1 - Shares.Span[r]);
            }
        }
    }
}
