using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>y[n] = table[ids[n] + offset]: table (V, C), y (N, C). Backward adds the rows in order of n, so it is deterministic.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not a row of the table.</exception>
    public static Tensor Embedding(Tape tape, ReadOnlyMemory<int> ids, Tensor table, int offset = 0)
    {
        Tensor y = tape.New(ids.Length, table.Columns, table.RequiresGradient);
        ReadOnlySpan<int> rows = ids.Span;
        Span<float> source = table.Data, target = y.Data;
        int c = table.Columns;
        for (int n = 0; n < rows.Length; n++)
        {
            int row = rows[n] + offset;
            if ((uint)row >= (uint)table.Rows)
                throw new ArgumentOutOfRangeException(nameof(ids), $"token id {row} is outside of the vocabulary of {table.Rows}");
            source.Slice(row * c, c).CopyTo(target[(n * c)..]);
        }
        if (y.RequiresGradient)
        {
            EmbeddingNode node = tape.Record<EmbeddingNode>(y);
            (node.Ids, node.Table, node.Offset) = (ids, table, offset);
        }
        return y;
    }

    private sealed class EmbeddingNode : Node
    {
        public ReadOnlyMemory<int> Ids;
        public Tensor Table = null!;
        public int Offset;

        public override void Backward()
        {
            Span<float> dTable = Table.Gradient, dy = Output!.Gradient;
            ReadOnlySpan<int> ids = Ids.Span;
            int c = Table.Columns;
            for (int n = 0; n < ids.Length; n++)
                VectorMath.AddInPlace(dTable.Slice((ids[n] + Offset) * c, c), dy.Slice(n * c, c));
        }
    }
}
