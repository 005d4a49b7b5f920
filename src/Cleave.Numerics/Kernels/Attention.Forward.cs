using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// The fast forward pass: per sequence and key-value head the keys are transposed into panels once; then blocks of
/// 24 queries meet blocks of 128 keys, whose scores stay in the first-level cache between the two products.
/// </summary>
public static unsafe partial class Attention
{
    private const int QueryBlock = 24;
    private const int KeyBlock = 128;
    private const int ScoreStride = KeyBlock + 16; // room to store a whole vector from any place

    private struct ForwardPart<TTile, TLanes, TScores> : IPart
        where TTile : struct, ITile where TLanes : struct, ILanes<TLanes> where TScores : struct, IScores
    {
        public Tensors X;
        public Shape Shape;

        public readonly void Invoke(int part)
        {
            int s = part / Shape.KvHeads, kv = part % Shape.KvHeads, start = X.Offsets[s], keyStart = X.KeyOffsets[s];
            var view = new Tensors
            {
                Q = X.Q + start * Shape.QStride,
                K = X.K + keyStart * Shape.KvStride,
                V = X.V + keyStart * Shape.KvStride,
                Y = X.Y + start * Shape.QStride,
                LogSumExp = X.LogSumExp + (nint)start * Shape.Heads,
                Bias = X.Bias,
            };
            ForwardHead<TTile, TLanes, TScores>(view, Shape, kv, X.Offsets[s + 1] - start, X.KeyOffsets[s + 1] - keyStart, 0);
        }
    }

    /// <summary>
    /// The query heads of one key-value head; the queries stand at the positions from <paramref name="first"/> on. Without a
    /// place for LogSumExp it is not written.
    /// </summary>
    private static void ForwardHead<TTile, TLanes, TScores>(in Tensors x, in Shape shape, int kv, int queries, int keys, int first)
        where TTile : struct, ITile where TLanes : struct, ILanes<TLanes> where TScores : struct, IScores
    {
        if (queries == 0)
            return;
        int size = shape.HeadSize, padded = TileProduct<TTile>.RoundUp(size), keysUp = TileProduct<TTile>.RoundUp(keys);
        bool direct = padded == size; // rows of V and y can be read and written as whole tiles where they are
        long space = (long)keysUp * size + QueryBlock * (ScoreStride + 2L) + (direct ? 0 : (long)(keys + QueryBlock) * padded);
        using Scratch scratch = Scratch.Rent(space + (x.Bias == null ? 0 : BiasLine.Length(queries, keys)));
        var work = new HeadWork
        {
            KeyPanels = scratch.Pointer,
            Scores = scratch.Pointer + (nint)keysUp * size,
            V = x.V + kv * size,
            VStride = shape.KvStride,
        };
        work.Max = work.Scores + QueryBlock * ScoreStride;
        work.Sum = work.Max + QueryBlock;
        PackKeys<TTile>(x.K + kv * size, shape.KvStride, keys, size, work.KeyPanels);
        if (!direct)
        {
            float* copy = work.Sum + QueryBlock;
            Pad(work.V, work.VStride, keys, size, copy, padded);
            work.V = copy;
            work.VStride = padded;
            work.Output = copy + (nint)keys * padded;
        }
        for (int h = kv * shape.Group; h < (kv + 1) * shape.Group; h++)
        {
            if (x.Bias != null)
                work.Bias = BiasLine.Fill(x.Bias, shape.Reach, h, queries, keys, first, scratch.Pointer + space);
            for (int i = 0; i < queries; i += QueryBlock)
            {
                int rows = Math.Min(QueryBlock, queries - i);
                float* y = x.Y + i * shape.QStride + h * size;
                float* output = direct ? y : work.Output;
                nint stride = direct ? shape.QStride : padded;
                Block<TTile, TLanes, TScores>(x.Q + i * shape.QStride + h * size, shape, work, first + i, rows, keys, output, stride, padded);
                if (!direct)
                    Unpad(output, padded, rows, size, y, shape.QStride);
                for (int r = 0; r < rows && x.LogSumExp != null; r++)
                    x.LogSumExp[(nint)(i + r) * shape.Heads + h] = work.Max[r] + MathF.Log(work.Sum[r]);
            }
        }
    }

    private struct HeadWork
    {
        public float* KeyPanels, Scores, Max, Sum, V, Output;

        /// <summary>What the head adds to a score, at the key's position less the query's; null for nothing.</summary>
        public float* Bias;

        public nint VStride;
    }

    /// <summary>One block of queries, the first at <paramref name="position"/>, against all keys that they see.</summary>
    private static void Block<TTile, TLanes, TScores>(float* q, in Shape shape, in HeadWork work, int position, int rows, int keys,
        float* y, nint yStride, int width) where TTile : struct, ITile where TLanes : struct, ILanes<TLanes> where TScores : struct, IScores
    {
        int size = shape.HeadSize, end = shape.End(position + rows - 1, keys);
        int start = TScores.Special ? shape.First(position) / KeyBlock * KeyBlock : 0;
        for (int j = start; j < end; j += KeyBlock)
        {
            int columns = Math.Min(KeyBlock, end - j), diagonal = shape.Diagonal(position, j);
            TileProduct<TTile>.Multiply(q, shape.QStride, 1, work.KeyPanels + (nint)j * size, TTile.Columns, TTile.Columns * (nint)size,
                work.Scores, ScoreStride, rows, columns, size, accumulate: false, diagonal);
            for (int i = 0; i < rows; i += TTile.StridedRows)
            {
                int last = Math.Min(rows, i + TTile.StridedRows), seen = Seen(columns, diagonal, last - 1);
                if (seen == 0)
                    continue;
                for (int r = i; r < last; r++)
                {
                    int rowSeen = Seen(columns, diagonal, r);
                    if (TScores.Special)
                        rowSeen = Special<TLanes>(work, r, shape.First(position + r) - j, rowSeen, shape, j == start, j - position - r);
                    SoftmaxRow<TLanes>(work, r, rowSeen, seen, TScores.Special ? 1 : shape.Scale, j == start, y + r * yStride, width);
                }
                TileProduct<TTile>.Multiply(work.Scores + i * ScoreStride, ScoreStride, 1, work.V + j * work.VStride, work.VStride, TTile.Columns,
                    y + i * yStride, yStride, last - i, width, seen, accumulate: j > start);
            }
        }
        for (int r = 0; r < rows; r++)
            LaneReduce.Scale<TLanes>(y + r * yStride, width, 1 / work.Sum[r]);
    }

    /// <summary>
    /// Scales and caps a row's scores, adds the bias and leaves out those before <paramref name="from"/>; returns how many
    /// columns are seen, 0 if the window has not begun.
    /// </summary>
    /// <param name="distance">From the query to the first column's key.</param>
    private static int Special<TLanes>(in HeadWork work, int row, int from, int seen, in Shape shape, bool first, int distance) where TLanes : struct, ILanes<TLanes>
    {
        float* scores = work.Scores + row * ScoreStride;
        if (from >= seen)
        {
            if (first)
                (work.Max[row], work.Sum[row]) = (float.NegativeInfinity, 0);
            return 0;
        }
        LaneReduce.Scale<TLanes>(scores, seen, shape.Scale);
        if (shape.SoftCap > 0)
            LaneReduce.SoftCap<TLanes>(scores, seen, shape.SoftCap);
        if (work.Bias != null)
            LaneReduce.Add<TLanes>(work.Bias + distance, scores, seen);
        if (from > 0)
            new Span<float>(scores, from).Fill(float.NegativeInfinity);
        return seen;
    }

    /// <summary>How many of a block's columns a row sees.</summary>
    private static int Seen(int columns, int diagonal, int row) =>
        (int)Math.Clamp((long)row + diagonal + 1, 0, columns);

    /// <summary>
    /// Turns a row of scores into e^(score − max so far), zero from <paramref name="seen"/> to
    /// <paramref name="width"/>, and brings what was summed under the old maximum to the new one.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SoftmaxRow<TLanes>(in HeadWork work, int row, int seen, int tileSeen, float scale, bool first, float* y, int width)
        where TLanes : struct, ILanes<TLanes>
    {
        float* scores = work.Scores + row * ScoreStride;
        int w = TLanes.Width;
        TLanes nothing = TLanes.Broadcast(seen == 0 ? 0 : float.NegativeInfinity), max = nothing, sum = default;
        // Whole vectors: the places behind the seen ones become −∞ and so e to them 0.
        int whole = (tileSeen + w - 1) / w * w;
        for (int c = seen; c < whole; c += w)
            TLanes.Store(scores + c, nothing);
        if (seen == 0)
            return;
        for (int c = 0; c < whole; c += w)
            max = TLanes.Larger(max, TLanes.Load(scores + c)); // a NaN comes back through its exponential
        float top = TLanes.MaxAcross(max) * scale;
        if (!first)
        {
            float before = work.Max[row];
            top = MathF.Max(before, top);
            if (top != before)
            {
                float shrink = MathF.Exp(before - top);
                work.Sum[row] *= shrink;
                LaneReduce.Scale<TLanes>(y, width, shrink);
            }
        }
        TLanes factor = TLanes.Broadcast(scale), shift = TLanes.Broadcast(-top);
        for (int c = 0; c < whole; c += w)
        {
            TLanes e = LaneMath.ExpOrZero(TLanes.MultiplyAdd(TLanes.Load(scores + c), factor, shift));
            TLanes.Store(scores + c, e);
            sum += e;
        }
        work.Max[row] = top;
        work.Sum[row] = first ? TLanes.SumAcross(sum) : work.Sum[row] + TLanes.SumAcross(sum);
    }

    /// <summary>Rows of one head, transposed into panels of a tile's columns: panel[d · Columns + row].</summary>
    private static void PackKeys<TTile>(float* source, nint stride, int rows, int size, float* panels) where TTile : struct, ITile
    {
        for (int j = 0; j < rows; j += TTile.Columns)
            Packing.Across(source + j * stride, stride, Math.Min(TTile.Columns, rows - j), size, panels + (nint)j * size, TTile.Columns);
    }

    private static void Pad(float* source, nint stride, int rows, int size, float* to, int padded)
    {
        for (nint r = 0; r < rows; r++)
        {
            new ReadOnlySpan<float>(source + r * stride, size).CopyTo(new Span<float>(to + r * padded, size));
            new Span<float>(to + r * padded + size, padded - size).Clear();
        }
    }

    private static void Unpad(float* source, int padded, int rows, int size, float* to, nint stride)
    {
        for (nint r = 0; r < rows; r++)
            new ReadOnlySpan<float>(source + r * padded, size).CopyTo(new Span<float>(to + r * stride, size));
    }
}
