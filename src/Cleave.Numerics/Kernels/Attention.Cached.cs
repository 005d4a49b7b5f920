using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>A stretch of queries, a prompt or a part of one, behind the positions of a cache.</summary>
public static unsafe partial class Attention
{
    private const long CachedThreadedFrom = 65536; // elements of the keys

    private static void Cached(in Tensors x, in Shape shape, bool special, int queries, int positions)
    {
        bool threaded = (long)positions * shape.KvStride * Math.Max(1, queries / 4) >= CachedThreadedFrom;
        switch (InstructionSets.Active, special)
        {
            case (InstructionSet.Avx512, false):
                Run(new CachedPart<Tile16, Float16, PlainScores> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            case (InstructionSet.Avx512, true):
                Run(new CachedPart<Tile16, Float16, SpecialScores> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            case (InstructionSet.Avx2, false):
                Run(new CachedPart<Tile8, Float8, PlainScores> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            case (InstructionSet.Avx2, true):
                Run(new CachedPart<Tile8, Float8, SpecialScores> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            case (InstructionSet.Vector128, false):
                Run(new CachedPart<Tile4, Float4, PlainScores> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            case (InstructionSet.Vector128, true):
                Run(new CachedPart<Tile4, Float4, SpecialScores> { X = x, Shape = shape, Queries = queries, Positions = positions }, shape.KvHeads, threaded);
                break;
            default:
                for (int i = 0; i < queries; i++)
                {
                    for (int h = 0; h < shape.Heads; h++)
                        ReferenceRow(x, shape, i * shape.QStride + h * shape.HeadSize, h, 0, positions - queries + i, positions);
                }
                break;
        }
    }

    private struct CachedPart<TTile, TLanes, TScores> : IPart
        where TTile : struct, ITile where TLanes : struct, ILanes<TLanes> where TScores : struct, IScores
    {
        public Tensors X;
        public Shape Shape;
        public int Queries, Positions;

        public readonly void Invoke(int part) => ForwardHead<TTile, TLanes, TScores>(X, Shape, part, Queries, Positions, Positions - Queries);
    }
}
