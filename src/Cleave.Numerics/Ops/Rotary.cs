using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// Rotary position embedding, in place: x (N, heads·D), each head rotated by its row's position.
    /// Su et al., 2021, with the half-split pairing of the Hugging Face weights.
    /// </summary>
    public static void Rotary(Tape tape, Tensor x, ReadOnlyMemory<int> positions, int heads, RotaryTable table)
    {
        Check.Same("Rotary: rows of x and positions", x.Rows, positions.Length);
        int headSize = x.Columns / heads;
        Kernels.Rotary.Apply(x.Data, positions.Span, heads, headSize, table, inverse: false);
        if (x.RequiresGradient)
        {
            RotaryNode node = tape.Record<RotaryNode>(x);
            (node.Positions, node.Heads, node.Table) = (positions, heads, table);
        }
    }

    private sealed class RotaryNode : Node, IInPlace
    {
        public ReadOnlyMemory<int> Positions;
        public int Heads;
        public RotaryTable Table = null!;

        public override void Backward() => Kernels.Rotary.Apply(
            Output!.Gradient, Positions.Span, Heads, Output.Columns / Heads, Table, inverse: true);
    }
}
