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
            int s = part / Shape.KvHeads, kv = part % Shape.KvHeads, start = X.Offsets[s], length = X.Offsets[s + 1] - start;
            if (length == 0)
                return;
            int size = Shape.HeadSize, padded = TileProduct<TTile>.RoundUp(size), lengthUp = TileProduct<TTile>.RoundUp(length);
            nint rows = (nint)length * padded;
            bool direct = padded == size;
            using Scratch scratch = Scratch.Rent(2L * lengthUp * size + 2 * BackQueries * BackKeys + length + (direct ? 0 : 6 * rows));
            nint q = start * Shape.QStride, k = start * Shape.KvStride + kv * size;
            var work = new BackwardWork
            {
                KeyPanels = scratch.Pointer,
                ValuePanels = scratch.Pointer + (nint)lengthUp * size,
                Size = size,
                Width = padded,
                Length = length,
                K = X.K + k,
                Dk = X.Dk + k,
                Dv = X.Dv + k,
                KvStride = Shape.KvStride,
                QStride = Shape.QStride,
                Shape = Shape,
            };
            work.P = work.ValuePanels + (nint)lengthUp * size;
            work.Ds = work.P + BackQueries * BackKeys;
            work.Delta = work.Ds + BackQueries * BackKeys;
            PackKeys<TTile>(X.K + k, Shape.KvStride, length, size, work.KeyPanels);
            PackKeys<TTile>(X.V + k, Shape.KvStride, length, size, work.ValuePanels);
            float* copies = work.Delta + length;
            if (!direct)
            {
                Pad(X.K + k, Shape.KvStride, length, size, copies, padded);
                work.K = copies;
                work.Dk = copies + rows;
                work.Dv = copies + 2 * rows;
                work.KvStride = work.QStride = padded;
                copies += 3 * rows;
            }
            Clear(work.Dk, work.KvStride, length, padded);
            Clear(work.Dv, work.KvStride, length, padded);
            for (int h = kv * Shape.Group; h < (kv + 1) * Shape.Group; h++)
            {
                nint at = q + h * size;
                work.Q = X.Q + at;
                work.Dy = X.Dy + at;
                work.Dq = X.Dq + at;
                work.LogSumExp = X.LogSumExp + (nint)start * Shape.Heads + h;
                work.LogSumExpStride = Shape.Heads;
                for (int i = 0; i < length; i++)
                    work.Delta[i] = LaneReduce.Dot<TLanes>(X.Dy + at + i * Shape.QStride, X.Y + at + i * Shape.QStride, size);
                if (!direct)
                {
                    Pad(X.Q + at, Shape.QStride, length, size, copies, padded);
                    Pad(X.Dy + at, Shape.QStride, length, size, copies + rows, padded);
                    work.Q = copies;
                    work.Dy = copies + rows;
                    work.Dq = copies + 2 * rows;
                }
                for (int i = 0; i < length; i += BackQueries)
                    work.Queries<TTile, TLanes, TScores>(i, Math.Min(BackQueries, length - i));
                if (!direct)
                    Unpad(work.Dq, padded, length, size, X.Dq + at, Shape.QStride);
            }
            if (!direct)
            {
                Unpad(work.Dk, padded, length, size, X.Dk + k, Shape.KvStride);
                Unpad(work.Dv, padded, length, size, X.Dv + k, Shape.KvStride);
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
        public nint QStride, KvStride, LogSumExpStride;
        public int Size, Width, Length;
        public Shape Shape;

        public readonly void Queries<TTile, TLanes, TScores>(int i, int rows)
            where TTile : struct, ITile where TLanes : struct, ILanes<TLanes> where TScores : struct, IScores
        {
            int end = Shape.End(i + rows - 1, Length), start = TScores.Special ? Shape.First(i) / BackKeys * BackKeys : 0;
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
                        SpecialRow<TLanes>(p, ds, Shape.First(i + r) - j, seen, needed, LogSumExp[(i + r) * LogSumExpStride], Delta[i + r]);
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
        /// As <see cref="Row"/>, with t = cap · tanh(score · scale / cap) in place of the scaled score, whose derivative is
        /// 1 − (t / cap)², and 0 before <paramref name="from"/> too.
        /// </summary>
        private readonly void SpecialRow<TLanes>(float* p, float* ds, int from, int seen, int needed, float logSumExp, float delta)
            where TLanes : struct, ILanes<TLanes>
        {
            float cap = Shape.SoftCap;
            from = Math.Clamp(from, 0, seen);
            new Span<float>(p, from).Clear();
            new Span<float>(ds, from).Clear();
            int whole = (needed + TLanes.Width - 1) / TLanes.Width * TLanes.Width;
            new Span<float>(p + seen, whole - seen).Clear();
            new Span<float>(ds + seen, whole - seen).Clear();
            LaneReduce.Scale<TLanes>(p + from, seen - from, Shape.Scale);
            if (cap > 0)
                LaneReduce.SoftCap<TLanes>(p + from, seen - from, cap);
            for (int c = from; c < seen; c++)
            {
                float t = p[c], slope = cap > 0 ? 1 - t / cap * (t / cap) : 1;
                p[c] = MathF.Exp(t - logSumExp);
                ds[c] = p[c] * (ds[c] - delta) * slope * Shape.Scale;
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
