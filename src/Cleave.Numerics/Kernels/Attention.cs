using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Scaled dot-product attention with grouped queries over ragged batches: y = softmax(q·kᵀ / √D) · v. Query head h
/// reads key-value head h / (H / G). The (T, T) matrix is never stored (Dao et al., 2022).
/// </summary>
public static unsafe partial class Attention
{
    private const long ThreadedFrom = 250_000; // multiply-adds of the scores

    /// <summary>Attention within each of B concatenated sequences.</summary>
    /// <param name="q">(N, H·D)</param>
    /// <param name="k">(N, G·D)</param>
    /// <param name="v">(N, G·D)</param>
    /// <param name="offsets">(B + 1): sequence s is rows offsets[s] up to offsets[s + 1]; from 0 to N, not decreasing.</param>
    /// <param name="causal">Whether a row sees only itself and earlier rows.</param>
    /// <param name="y">(N, H·D)</param>
    /// <param name="logSumExp">(N, H): log Σ exp of the final scores, kept for the backward pass.</param>
    public static void Forward(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, ReadOnlySpan<int> offsets,
        int heads, int kvHeads, int headSize, bool causal, Span<float> y, Span<float> logSumExp, ScoreRule rule = default)
    {
        int rows = CheckSequences(q.Length, k.Length, v.Length, offsets, heads, kvHeads, headSize);
        Guard.Length(y.Length, q.Length, nameof(y));
        Guard.Length(logSumExp.Length, (long)rows * heads, nameof(logSumExp));
        fixed (float* pq = q, pk = k, pv = v, py = y, pl = logSumExp)
        fixed (int* po = offsets)
        {
            var shape = new Shape(heads, kvHeads, headSize, causal, rule);
            var tensors = new Tensors { Q = pq, K = pk, V = pv, Y = py, LogSumExp = pl, Offsets = po };
            int parts = (offsets.Length - 1) * kvHeads;
            bool threaded = Work(offsets, heads * headSize) >= ThreadedFrom;
            switch (InstructionSets.Active, rule.IsSpecial)
            {
                case (InstructionSet.Avx512, false):
                    Run(new ForwardPart<Tile16, Float16, PlainScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Avx2, false):
                    Run(new ForwardPart<Tile8, Float8, PlainScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Avx512, true):
                    Run(new ForwardPart<Tile16, Float16, SpecialScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Avx2, true):
                    Run(new ForwardPart<Tile8, Float8, SpecialScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Vector128, false):
                    Run(new ForwardPart<Tile4, Float4, PlainScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Vector128, true):
                    Run(new ForwardPart<Tile4, Float4, SpecialScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                default:
                    Run(new ReferenceForward { X = tensors, Shape = shape }, parts, threaded);
                    break;
            }
        }
    }

    /// <summary>
    /// The gradients of <see cref="Forward"/>, which overwrite dq, dk and dv. With P the softmax and
    /// δ = Σ dy · y per row: dV = Pᵀ·dy, dS = P ∘ (dy·Vᵀ − δ), dQ = dS·K / √D, dK = dSᵀ·Q / √D.
    /// </summary>
    public static void Backward(ReadOnlySpan<float> dy, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        ReadOnlySpan<float> y, ReadOnlySpan<float> logSumExp, ReadOnlySpan<int> offsets, int heads, int kvHeads, int headSize, bool causal,
        Span<float> dq, Span<float> dk, Span<float> dv, ScoreRule rule = default)
    {
        int rows = CheckSequences(q.Length, k.Length, v.Length, offsets, heads, kvHeads, headSize);
        Guard.Length(dy.Length, q.Length, nameof(dy));
        Guard.Length(y.Length, q.Length, nameof(y));
        Guard.Length(logSumExp.Length, (long)rows * heads, nameof(logSumExp));
        Guard.Length(dq.Length, q.Length, nameof(dq));
        Guard.Length(dk.Length, k.Length, nameof(dk));
        Guard.Length(dv.Length, v.Length, nameof(dv));
        fixed (float* pdy = dy, pq = q, pk = k, pv = v, py = y, pl = logSumExp, pdq = dq, pdk = dk, pdv = dv)
        fixed (int* po = offsets)
        {
            var shape = new Shape(heads, kvHeads, headSize, causal, rule);
            var tensors = new Tensors
            {
                Dy = pdy,
                Q = pq,
                K = pk,
                V = pv,
                Y = py,
                LogSumExp = pl,
                Offsets = po,
                Dq = pdq,
                Dk = pdk,
                Dv = pdv,
            };
            int parts = (offsets.Length - 1) * kvHeads;
            bool threaded = Work(offsets, heads * headSize) >= ThreadedFrom;
            switch (InstructionSets.Active, rule.IsSpecial)
            {
                case (InstructionSet.Avx512, false):
                    Run(new BackwardPart<Tile16, Float16, PlainScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Avx2, false):
                    Run(new BackwardPart<Tile8, Float8, PlainScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Avx512, true):
                    Run(new BackwardPart<Tile16, Float16, SpecialScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Avx2, true):
                    Run(new BackwardPart<Tile8, Float8, SpecialScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Vector128, false):
                    Run(new BackwardPart<Tile4, Float4, PlainScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                case (InstructionSet.Vector128, true):
                    Run(new BackwardPart<Tile4, Float4, SpecialScores> { X = tensors, Shape = shape }, parts, threaded);
                    break;
                default:
                    Run(new ReferenceBackward { X = tensors, Shape = shape }, parts, threaded);
                    break;
            }
        }
    }

    /// <summary>
    /// Causal attention against a cache, without what training needs: the queries are the last Tq of S positions.
    /// </summary>
    /// <param name="q">(Tq, H·D)</param>
    /// <param name="k">(S, G·D), S ≥ Tq</param>
    /// <param name="v">(S, G·D)</param>
    /// <param name="y">(Tq, H·D)</param>
    public static void ForwardCached(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        int heads, int kvHeads, int headSize, Span<float> y, ScoreRule rule = default)
    {
        CheckHeads(heads, kvHeads, headSize);
        int queries = q.Length / (heads * headSize), positions = k.Length / (kvHeads * headSize);
        Guard.Length(q.Length, (long)queries * heads * headSize, nameof(q));
        Guard.Length(k.Length, (long)positions * kvHeads * headSize, nameof(k));
        Guard.Length(v.Length, k.Length, nameof(v));
        Guard.Length(y.Length, q.Length, nameof(y));
        if (positions < queries)
            throw new ArgumentException($"k: {positions} positions for {queries} queries", nameof(k));
        fixed (float* pq = q, pk = k, pv = v, py = y)
        {
            var tensors = new Tensors { Q = pq, K = pk, V = pv, Y = py };
            Cached(tensors, new Shape(heads, kvHeads, headSize, causal: true, rule), rule.IsSpecial, queries, positions);
        }
    }

    private readonly struct Shape
    {
        public readonly int Heads, KvHeads, HeadSize;

        /// <summary>How many positions behind and ahead of itself a query sees; int.MaxValue for all.</summary>
        public readonly int Behind, Ahead;

        public readonly float Scale, SoftCap;

        public Shape(int heads, int kvHeads, int headSize, bool causal, ScoreRule rule)
        {
            rule.Check();
            (Heads, KvHeads, HeadSize) = (heads, kvHeads, headSize);
            (Scale, SoftCap) = (rule.ScaleFor(headSize), rule.SoftCap);
            Behind = rule.Window > 0 ? rule.Window - 1 : int.MaxValue;
            Ahead = causal ? 0 : Behind;
        }

        public int Group => Heads / KvHeads;
        public nint QStride => (nint)Heads * HeadSize;
        public nint KvStride => (nint)KvHeads * HeadSize;

        /// <summary>The first key that the query at a position sees.</summary>
        public int First(int position) => Math.Max(0, position - Behind);

        /// <summary>Behind the last of so many keys that the query at a position sees.</summary>
        public int End(int position, int keys) => (int)Math.Min(keys, (long)position + Ahead + 1);

        /// <summary>Columns ≤ row + diagonal are seen, for queries from a position against keys from <paramref name="key"/>.</summary>
        public int Diagonal(int position, int key) => Ahead == int.MaxValue ? int.MaxValue : position + Ahead - key;
    }

    private struct Tensors
    {
        public float* Q, K, V, Y, LogSumExp, Dy, Dq, Dk, Dv;
        public int* Offsets;
    }

    private static void Run<TPart>(TPart body, int parts, bool threaded) where TPart : struct, IPart
    {
        if (threaded)
        {
            ThreadTeam.Current.Run(parts, ref body);
            return;
        }
        for (int part = 0; part < parts; part++)
            body.Invoke(part);
    }

    private static long Work(ReadOnlySpan<int> offsets, int width)
    {
        long work = 0;
        for (int s = 1; s < offsets.Length; s++)
        {
            long length = offsets[s] - offsets[s - 1];
            work += length * length * width;
        }
        return work;
    }

    private static void CheckHeads(int heads, int kvHeads, int headSize)
    {
        if (heads < 1 || kvHeads < 1 || headSize < 1 || heads % kvHeads != 0)
            throw new ArgumentException($"heads: {heads} query heads of size {headSize} do not share {kvHeads} key-value heads", nameof(heads));
    }

    private static int CheckSequences(int q, int k, int v, ReadOnlySpan<int> offsets, int heads, int kvHeads, int headSize)
    {
        CheckHeads(heads, kvHeads, headSize);
        int rows = q / (heads * headSize);
        Guard.Length(q, (long)rows * heads * headSize, nameof(q));
        Guard.Length(k, (long)rows * kvHeads * headSize, nameof(k));
        Guard.Length(v, (long)rows * kvHeads * headSize, nameof(v));
        Guard.AtLeast(offsets.Length, 1, nameof(offsets));
        if (offsets[0] != 0 || offsets[^1] != rows)
            throw new ArgumentException($"offsets: must run from 0 to {rows}, got {offsets[0]} to {offsets[^1]}", nameof(offsets));
        for (int s = 1; s < offsets.Length; s++)
        {
            if (offsets[s] < offsets[s - 1])
                throw new ArgumentException($"offsets: entry {s} decreases from {offsets[s - 1]} to {offsets[s]}", nameof(offsets));
        }
        return rows;
    }
}
