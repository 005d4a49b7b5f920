using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>The mean of each sequence's rows: x (N, C), offsets (B + 1), y (B, C).</summary>
    public static Tensor MeanPool(Tape tape, Tensor x, ReadOnlyMemory<int> offsets)
    {
        ReadOnlySpan<int> o = offsets.Span;
        int c = x.Columns;
        Tensor y = tape.New(o.Length - 1, c, x.RequiresGradient);
        y.Data.Clear();
        for (int b = 0; b < y.Rows; b++)
        {
            Check.That(o[b + 1] > o[b], "MeanPool: a sequence is empty");
            for (int r = o[b]; r < o[b + 1]; r++)
                VectorMath.AddScaled(y.Data.Slice(b * c, c), x.Data.Slice(r * c, c), 1f / (o[b + 1] - o[b]));
        }
        if (y.RequiresGradient)
        {
            MeanPoolNode node = tape.Record<MeanPoolNode>(y);
            (node.X, node.Offsets) = (x, offsets);
        }
        return y;
    }

    private sealed class MeanPoolNode : Node
    {
        public Tensor X = null!;
        public ReadOnlyMemory<int> Offsets;

        public override void Backward()
        {
            ReadOnlySpan<int> o = Offsets.Span;
            int c = X.Columns;
            Span<float> dx = X.Gradient, dy = Output!.Gradient;
            for (int b = 0; b < o.Length - 1; b++)
            {
                for (int r = o[b]; r < o[b + 1]; r++)
                    VectorMath.AddScaled(dx.Slice(r * c, c), dy.Slice(b * c, c), 1f / (o[b + 1] - o[b]));
            }
        }
    }
}
