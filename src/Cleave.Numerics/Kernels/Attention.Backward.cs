using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// The fast backward pass: blocks of 48 queries meet blocks of 64 keys; scores and their gradients are recomputed
/// per block, then flow into dV, dK and dQ as small products. One part owns its rows of all three.
/// </summary>
public static unsafe partial class Attention
{
    private const int BackQueries = 48;
    private const int BackKeys = 64;

    private struct BackwardPart<TTile, TLanes, TScores> : IPart
        where TTile : struct, ITile where TLanes : struct, ILanes<TLanes> where TScores : struct, IScores
    {
        public Tensors X;
        public Shape Shape;

        public readonly void Invoke(int part)
        {
            int s = part / Shape.KvHeads, kv = part % Shape.KvHeads, start = X.Offsets[s], keyStart = X.KeyOffsets[s];
            int queries = X.Offsets[s + 1] - start, keys = X.KeyOffsets[s + 1] - keyStart, size = Shape.HeadSize;
            int padded = TileProduct<TTile>.RoundUp(size), keysUp = TileProduct<TTile>.RoundUp(keys);
            nint queryRows = (nint)queries * padded, keyRows = (nint)keys * padded;
            bool direct = padded == size;
            long space = 2L * keysUp * size + 2 * BackQueries * BackKeys + queries + (direct ? 0 : 3 * (queryRows + keyRows));
            using Scratch scratch = Scratch.Rent(space + (X.Bias == null ? 0 : 2 * BiasLine.Length(queries, keys)));
            float* lines = scratch.Pointer + space;
            nint q = start * Shape.QStride, k = keyStart * Shape.KvStride + kv * size;
            var work = new BackwardWork
            {
                KeyPanels = scratch.Pointer,
                ValuePanels = scratch.Pointer + (nint)keysUp * size,
                Size = size,
                Width = padded,
                KeyCount = keys,
                K = X.K + k,
                Dk = X.Dk + k,
                Dv = X.Dv + k,
                KvStride = Shape.KvStride,
                QStride = Shape.QStride,
                Shape = Shape,
            };
            work.P = work.ValuePanels + (nint)keysUp * size;
            work.Ds = work.P + BackQueries * BackKeys;
            work.Delta = work.Ds + BackQueries * BackKeys;
            PackKeys<TTile>(X.K + k, Shape.KvStride, keys, size, work.KeyPanels);
            PackKeys<TTile>(X.V + k, Shape.KvStride, keys, size, work.ValuePanels);
            float* copies = work.Delta + queries;
            if (!direct)
            {
                Pad(X.K + k, Shape.KvStride, keys, size, copies, padded);
                work.K = copies;
                work.Dk = copies + keyRows;
                work.Dv = copies + 2 * keyRows;
                work.KvStride = work.QStride = padded;
                copies += 3 * keyRows;
            }
            Clear(work.Dk, work.KvStride, keys, padded);
            Clear(work.Dv, work.KvStride, keys, padded);
            for (int h = kv * Shape.Group; h < (kv + 1) * Shape.Group; h++)
            {
                nint at = q + h * size;
                work.Q = X.Q + at;
                work.Dy = X.Dy + at;
                work.Dq = X.Dq + at;
                work.LogSumExp = X.LogSumExp + (nint)start * Shape.Heads + h;
                work.LogSumExpStride = Shape.Heads;
                for (int i = 0; i < queries; i++)
                    work.Delta[i] = LaneReduce.Dot<TLanes>(X.Dy + at + i * Shape.QStride, X.Y + at + i * Shape.QStride, size);
                if (!direct)
                {
                    Pad(X.Q + at, Shape.QStride, queries, size, copies, padded);
                    Pad(X.Dy + at, Shape.QStride, queries, size, copies + queryRows, padded);
                    work.Q = copies;
                    work.Dy = copies + queryRows;
                    work.Dq = copies + 2 * queryRows;
                }
                if (X.Bias != null)
                    work.TakeBias(X.Bias, h, queries, lines);
                for (int i = 0; i < queries; i += BackQueries)
                    work.Queries<TTile, TLanes, TScores>(i, Math.Min(BackQueries, queries - i));
                if (X.Bias != null)
                {
                    DBiasOf(X, Shape, s, h);
                    BiasLine.Fold(lines + BiasLine.Length(queries, keys), queries, keys, X.DBias + (nint)s * Shape.Heads * (2 * Shape.Reach + 1), Shape.Reach, h);
                }
                if (!direct)
                    Unpad(work.Dq, padded, queries, size, X.Dq + at, Shape.QStride);
            }
            if (!direct)
            {
                Unpad(work.Dk, padded, keys, size, X.Dk + k, Shape.KvStride);
                Unpad(work.Dv, padded, keys, size, X.Dv + k, Shape.KvStride);
            }
        }
    }

    private static void Clear(float* rows, nint stride, int count, int width)
    {
        for (int i = 0; i < count; i++)
            new Span<float>(rows + i * stride, width).Clear();
    }

    /// <summary>One query head of one sequence; the matrices have whole tiles of columns.</summary>
    private struct BackwardWork
    {
        public float* KeyPanels, ValuePanels, P, Ds, Delta, Q, K, Dy, Dq, Dk, Dv, LogSumExp;

        /// <summary>The head's bias by distance and the gradient of it, or null.</summary>
        public float* Bias, DBias;

        public nint QStride, KvStride, LogSumExpStride;
        public int Size, Width, KeyCount;
        public Shape Shape;

        public void TakeBias(float* bias, int head, int queries, float* lines)
        {
            long length = BiasLine.Length(queries, KeyCount);
            Bias = BiasLine.Fill(bias, Shape.Reach, head, queries, KeyCount, 0, lines);
            new Span<float>(lines + length, (int)length).Clear();
            DBias = BiasLine.Middle(queries, 0, lines + length);
        }

        public readonly void Queries<TTile, TLanes, TScores>(int i, int rows)
            where TTile : struct, ITile where TLanes : struct, ILanes<TLanes> where TScores : struct, IScores
        {
            int end = Shape.End(i + rows - 1, KeyCount), start = TScores.Special ? Shape.First(i) / BackKeys * BackKeys : 0;
            nint panel = TTile.Columns * (nint)Size;
            for (int j = start; j < end; j += BackKeys)
            {
                int columns = Math.Min(BackKeys, end - j), diagonal = Shape.Diagonal(i, j);
                TileProduct<TTile>.Multiply(Q + i * QStride, QStride, 1, KeyPanels + (nint)j * Size, TTile.Columns, panel, P, BackKeys,
                    rows, columns, Size, accumulate: false, diagonal);
                TileProduct<TTile>.Multiply(Dy + i * QStride, QStride, 1, ValuePanels + (nint)j * Size, TTile.Columns, panel, Ds, BackKeys,
                    rows, columns, Size, accumulate: false, diagonal);
                for (int r = 0; r < rows; r++)
                {
                    // The products below read up to a tile of rows beyond the diagonal.
                    int seen = Seen(columns, diagonal, r), needed = Math.Min(columns, seen + TTile.StridedRows);
                    float* p = P + r * BackKeys, ds = Ds + r * BackKeys;
                    if (TScores.Special)
                        SpecialRow<TLanes>(p, ds, Shape.First(i + r) - j, seen, needed, LogSumExp[(i + r) * LogSumExpStride], Delta[i + r], j - i - r);
                    else
                        Row<TLanes>(p, ds, seen, needed, LogSumExp[(i + r) * LogSumExpStride], Delta[i + r]);
                }
                Keys<TTile>(i, rows, j, columns, diagonal);
                for (int r = 0; r < rows; r += TTile.StridedRows)
                {
                    int count = Math.Min(TTile.StridedRows, rows - r), seen = Seen(columns, diagonal, r + count - 1);
                    if (seen > 0)
                    {
                        TileProduct<TTile>.Multiply(Ds + r * BackKeys, BackKeys, 1, K + j * KvStride, KvStride, TTile.Columns,
                            Dq + (i + r) * QStride, QStride, count, Width, seen, accumulate: j > start);
                    }
                }
            }
        }

        /// <summary>dV += Pᵀ·dY and dK += dSᵀ·Q for one block of keys, from the first query that sees a tile of them.</summary>
        private readonly void Keys<TTile>(int i, int rows, int j, int columns, int diagonal) where TTile : struct, ITile
        {
            for (int c = 0; c < columns; c += TTile.StridedRows)
            {
                int count = Math.Min(TTile.StridedRows, columns - c), from = (int)Math.Max(0, (long)c - diagonal);
                if (from >= rows)
                    break;
                TileProduct<TTile>.Multiply(P + from * BackKeys + c, 1, BackKeys, Dy + (i + from) * QStride, QStride, TTile.Columns,
                    Dv + (j + c) * KvStride, KvStride, count, Width, rows - from, accumulate: true);
                TileProduct<TTile>.Multiply(Ds + from * BackKeys + c, 1, BackKeys, Q + (i + from) * QStride, QStride, TTile.Columns,
                    Dk + (j + c) * KvStride, KvStride, count, Width, rows - from, accumulate: true);
            }
        }

        /// <summary>
        /// As <see cref="Row"/>, with the bias added, 0 before <paramref name="from"/> too, and t = cap · tanh(score · scale / cap)
        /// in place of the scaled score, whose derivative is 1 − (t / cap)².
        /// </summary>
        /// <param name="distance">From the query to the first column's key.</param>
        private readonly void SpecialRow<TLanes>(float* p, float* ds, int from, int seen, int needed, float logSumExp, float delta, int distance)
            where TLanes : struct, ILanes<TLanes>
        {
            from = Math.Clamp(from, 0, seen);
            int whole = (needed + TLanes.Width - 1) / TLanes.Width * TLanes.Width;
            new Span<float>(p, from).Clear();
            new Span<float>(ds, from).Clear();
            new Span<float>(p + seen, whole - seen).Clear();
            new Span<float>(ds + seen, whole - seen).Clear();
            p += from;
            ds += from;
            int count = seen - from;
            float* bias = Bias == null ? null : Bias + distance + from;
            if (Shape.SoftCap > 0)
            {
                CappedRow<TLanes>(p, ds, count, logSumExp, delta, bias, distance + from);
                return;
            }
            LaneReduce.Scale<TLanes>(p, count, Shape.Scale);
            if (bias != null)
                LaneReduce.Add<TLanes>(bias, p, count);
            LaneReduce.ExpSum<TLanes>(p, p, count, 1, logSumExp);
            LaneReduce.MultiplyLess<TLanes>(p, delta, ds, count);
            if (bias != null)
                LaneReduce.Add<TLanes>(ds, DBias + distance + from, count);
            LaneReduce.Scale<TLanes>(ds, count, Shape.Scale);
        }

        private readonly void CappedRow<TLanes>(float* p, float* ds, int count, float logSumExp, float delta, float* bias, int distance)
            where TLanes : struct, ILanes<TLanes>
        {
            float cap = Shape.SoftCap;
            LaneReduce.Scale<TLanes>(p, count, Shape.Scale);
            LaneReduce.SoftCap<TLanes>(p, count, cap);
            for (int c = 0; c < count; c++)
            {
                float t = p[c];
                p[c] = MathF.Exp((bias == null ? t : t + bias[c]) - logSumExp);
                float g = p[c] * (ds[c] - delta);
                if (bias != null)
                    DBias[distance + c] += g;
                ds[c] = g * (1 - t / cap * (t / cap)) * Shape.Scale;
            }
        }

        /// <summary>p = e^(score · scale − logSumExp), ds = p · (dp − delta) · scale; both 0 from seen to needed.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Row<TLanes>(float* p, float* ds, int seen, int needed, float logSumExp, float delta)
            where TLanes : struct, ILanes<TLanes>
        {
            int whole = (needed + TLanes.Width - 1) / TLanes.Width * TLanes.Width;
            for (int c = seen; c < whole; c++)
            {
                p[c] = float.NegativeInfinity;
                ds[c] = 0; // what stands here was not computed and could be anything
            }
            TLanes scale = TLanes.Broadcast(Shape.Scale), shift = TLanes.Broadcast(-logSumExp), minus = TLanes.Broadcast(delta);
            for (int c = 0; c < whole; c += TLanes.Width)
            {
                TLanes e = LaneMath.ExpOrZero(TLanes.MultiplyAdd(TLanes.Load(p + c), scale, shift));
                TLanes.Store(p + c, e);
                TLanes.Store(ds + c, e * (TLanes.Load(ds + c) - minus) * scale);
            }
        }
    }
}
