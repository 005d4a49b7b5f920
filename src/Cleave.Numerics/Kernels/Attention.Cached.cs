using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Decoding. Few queries read each key and value once, in place; a longer stretch of queries (a prompt after a
/// cached prefix) takes the blocked way.
/// </summary>
public static unsafe partial class Attention
{
    private const int FewQueries = 6;
    private const long CachedThreadedFrom = 65536; // elements of the keys

    private static void Cached(in Tensors x, in Shape shape, int queries, int positions)
    {
        bool threaded = (long)positions * shape.KvStride * Math.Max(1, queries / 4) >= CachedThreadedFrom;
        switch (InstructionSets.Active)
        {
            case InstructionSet.Avx512 when queries > FewQueries:
                Run(new CachedPart<Tile16, Float16> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            case InstructionSet.Avx2 when queries > FewQueries:
                Run(new CachedPart<Tile8, Float8> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            case InstructionSet.Scalar:
                for (int i = 0; i < queries; i++)
                {
                    for (int h = 0; h < shape.Heads; h++)
                    {
                        ReferenceRow(x, shape, i * shape.QStride + h * shape.HeadSize, h / shape.Group, 0, positions - queries + i + 1);
                    }
                }
                break;
            default:
                var kernel = new FewQueriesKernel { X = x, Shape = shape, Queries = queries, Positions = positions };
                Dispatch.Run(ref kernel, shape.KvHeads, threaded);
                break;
        }
    }

    private struct CachedPart<TTile, TLanes> : IPart
        where TTile : struct, ITile where TLanes : struct, ILanes<TLanes>
    {
        public Tensors X;
        public Shape Shape;
        public int Queries, Positions;

        public readonly void Invoke(int part) => ForwardHead<TTile, TLanes>(X, Shape, part, Queries, Positions);
    }

    private struct FewQueriesKernel : IKernel
    {
        public Tensors X;
        public Shape Shape;
        public int Queries, Positions;

        public void Part<TLanes>(int kv) where TLanes : struct, ILanes<TLanes>
        {
            int size = Shape.HeadSize, group = Shape.Group;
            float* k = X.K + kv * size, v = X.V + kv * size;
            using Scratch scratch = Scratch.Rent((long)group * Positions);
            float* scores = scratch.Pointer;
            for (int i = 0; i < Queries; i++)
            {
                int seen = Positions - Queries + i + 1;
                nint at = i * Shape.QStride + kv * group * size;
                MatMul.Dots<TLanes>(X.Q + at, size, group, k, Shape.KvStride, seen, size, scores, seen);
                for (int h = 0; h < group; h++)
                {
                    float* row = scores + (nint)h * seen;
                    float max = LaneReduce.Max<TLanes>(row, seen) * Shape.Scale;
                    float sum = LaneReduce.ExpSum<TLanes>(row, row, seen, Shape.Scale, max);
                    LaneReduce.Scale<TLanes>(row, seen, 1 / sum);
                }
                MatMul.Combine<TLanes>(scores, seen, group, v, Shape.KvStride, seen, size, X.Y + at, size);
            }
        }
    }
}
