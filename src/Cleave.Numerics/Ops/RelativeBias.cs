using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// y[h, R + d] = table[bucket(d), h] for the distances d = −R … R, R the buckets' reach: table (buckets, H), y (H, 2R + 1), as
    /// <see cref="Attention"/> adds it to scores (Raffel et al., 2020).
    /// </summary>
    public static Tensor RelativeBias(Tape tape, Tensor table, RelativeBuckets buckets)
    {
        Check.Same("RelativeBias: rows of table and buckets", table.Rows, buckets.Count);
        ReadOnlySpan<int> ofDistance = buckets.ByDistance;
        Tensor y = tape.New(table.Columns, ofDistance.Length, table.RequiresGradient);
        Span<float> source = table.Data, target = y.Data;
        for (int h = 0; h < y.Rows; h++)
        {
            for (int d = 0; d < ofDistance.Length; d++)
                target[h * ofDistance.Length + d] = source[ofDistance[d] * y.Rows + h];
        }
        if (y.RequiresGradient)
        {
            RelativeBiasNode node = tape.Record<RelativeBiasNode>(y);
            (node.Table, node.Buckets) = (table, buckets);
        }
        return y;
    }

    private sealed class RelativeBiasNode : Node
    {
        public Tensor Table = null!;
        public RelativeBuckets Buckets = null!;

        public override void Backward()
        {
            Span<float> dTable = Table.Gradient, dy = Output!.Gradient;
            ReadOnlySpan<int> ofDistance = Buckets.ByDistance;
            for (int h = 0; h < Output.Rows; h++)
            {
                for (int d = 0; d < ofDistance.Length; d++)
                    dTable[ofDistance[d] * Output.Rows + h] += dy[h * ofDistance.Length + d];
            }
        }
    }
}
