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
    /// <param name="bias">
    /// (H, 2R + 1), what is added to a finished score of each head, by the key's position less the query's, from −R to R; what
    /// is further away takes the outermost. Empty for none.
    /// </param>
    public static void Forward(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, ReadOnlySpan<int> offsets,
        int heads, int kvHeads, int headSize, bool causal, Span<float> y, Span<float> logSumExp, ScoreRule rule = default, ReadOnlySpan<float> bias = default) =>
        Forward(q, k, v, offsets, offsets, new Shape(heads, kvHeads, headSize, causal, rule, BiasReach(bias.Length, heads)), y, logSumExp, rule.IsSpecial, bias);

    /// <summary>
    /// Attention of each of B sequences to another one: every row of q sees all of the rows of k that belong to its sequence.
    /// </summary>
    /// <param name="q">(N, H·D)</param>
    /// <param name="k">(M, G·D)</param>
    /// <param name="v">(M, G·D)</param>
    /// <param name="offsets">(B + 1), of q.</param>
    /// <param name="keyOffsets">(B + 1), of k and v; no sequence of them is empty.</param>
    /// <param name="y">(N, H·D)</param>
    /// <param name="logSumExp">(N, H)</param>
    public static void ForwardAcross(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, ReadOnlySpan<int> offsets, ReadOnlySpan<int> keyOffsets,
        int heads, int kvHeads, int headSize, Span<float> y, Span<float> logSumExp, ScoreRule rule = default) =>
        Forward(q, k, v, offsets, keyOffsets, AcrossShape(heads, kvHeads, headSize, rule, offsets, keyOffsets), y, logSumExp, rule.IsSpecial, default);

    private static void Forward(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, ReadOnlySpan<int> offsets, ReadOnlySpan<int> keyOffsets,
        in Shape shape, Span<float> y, Span<float> logSumExp, bool special, ReadOnlySpan<float> bias)
    {
        int rows = CheckRows(q.Length, shape.QStride, offsets, nameof(q));
        CheckRows(k.Length, shape.KvStride, keyOffsets, nameof(k));
        Guard.Length(v.Length, k.Length, nameof(v));
        Guard.Length(y.Length, q.Length, nameof(y));
        Guard.Length(logSumExp.Length, (long)rows * shape.Heads, nameof(logSumExp));
        fixed (float* pq = q, pk = k, pv = v, py = y, pl = logSumExp, pb = bias)
        fixed (int* po = offsets, pko = keyOffsets)
        {
            var tensors = new Tensors { Q = pq, K = pk, V = pv, Y = py, LogSumExp = pl, Bias = pb, Offsets = po, KeyOffsets = pko };
            int parts = (offsets.Length - 1) * shape.KvHeads;
            bool threaded = Work(offsets, keyOffsets, shape.QStride) >= ThreadedFrom;
            switch (InstructionSets.Active, special || pb != null)
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
    /// The gradients of <see cref="Forward(ReadOnlySpan{float}, ReadOnlySpan{float}, ReadOnlySpan{float}, ReadOnlySpan{int}, int, int, int, bool, Span{float}, Span{float}, ScoreRule, ReadOnlySpan{float})"/>,
    /// which overwrite dq, dk, dv and, where there is a bias, dBias. With P the softmax and δ = Σ dy · y per row:
    /// dV = Pᵀ·dy, dS = P ∘ (dy·Vᵀ − δ), dQ = dS·K / √D, dK = dSᵀ·Q / √D; dBias sums dS over queries and keys equally far apart.
    /// </summary>
    public static void Backward(ReadOnlySpan<float> dy, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        ReadOnlySpan<float> y, ReadOnlySpan<float> logSumExp, ReadOnlySpan<int> offsets, int heads, int kvHeads, int headSize, bool causal,
        Span<float> dq, Span<float> dk, Span<float> dv, ScoreRule rule = default, ReadOnlySpan<float> bias = default, Span<float> dBias = default) =>
        Backward(dy, q, k, v, y, logSumExp, offsets, offsets, new Shape(heads, kvHeads, headSize, causal, rule, BiasReach(bias.Length, heads)), dq, dk, dv, rule.IsSpecial, bias, dBias);

    /// <summary>The gradients of <see cref="ForwardAcross"/>, which overwrite dq, dk and dv.</summary>
    public static void BackwardAcross(ReadOnlySpan<float> dy, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        ReadOnlySpan<float> y, ReadOnlySpan<float> logSumExp, ReadOnlySpan<int> offsets, ReadOnlySpan<int> keyOffsets, int heads, int kvHeads, int headSize,
        Span<float> dq, Span<float> dk, Span<float> dv, ScoreRule rule = default) =>
        Backward(dy, q, k, v, y, logSumExp, offsets, keyOffsets, AcrossShape(heads, kvHeads, headSize, rule, offsets, keyOffsets), dq, dk, dv, rule.IsSpecial, default, default);

    private static void Backward(ReadOnlySpan<float> dy, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        ReadOnlySpan<float> y, ReadOnlySpan<float> logSumExp, ReadOnlySpan<int> offsets, ReadOnlySpan<int> keyOffsets, in Shape shape,
        Span<float> dq, Span<float> dk, Span<float> dv, bool special, ReadOnlySpan<float> bias, Span<float> dBias)
    {
        int rows = CheckRows(q.Length, shape.QStride, offsets, nameof(q));
        CheckRows(k.Length, shape.KvStride, keyOffsets, nameof(k));
        Guard.Length(v.Length, k.Length, nameof(v));
        Guard.Length(dy.Length, q.Length, nameof(dy));
        Guard.Length(y.Length, q.Length, nameof(y));
        Guard.Length(logSumExp.Length, (long)rows * shape.Heads, nameof(logSumExp));
        Guard.Length(dq.Length, q.Length, nameof(dq));
        Guard.Length(dk.Length, k.Length, nameof(dk));
        Guard.Length(dv.Length, v.Length, nameof(dv));
        Guard.Length(dBias.Length, bias.Length, nameof(dBias));
        int sequences = offsets.Length - 1;
        using Scratch biases = Scratch.Rent((long)sequences * bias.Length); // each sequence's part of dBias
        fixed (float* pdy = dy, pq = q, pk = k, pv = v, py = y, pl = logSumExp, pdq = dq, pdk = dk, pdv = dv, pb = bias)
        fixed (int* po = offsets, pko = keyOffsets)
        {
            var tensors = new Tensors
            {
                Dy = pdy,
                Q = pq,
                K = pk,
                V = pv,
                Y = py,
                LogSumExp = pl,
                Offsets = po,
                KeyOffsets = pko,
                Dq = pdq,
                Dk = pdk,
                Dv = pdv,
                Bias = pb,
                DBias = biases.Pointer,
            };
            int parts = sequences * shape.KvHeads;
            bool threaded = Work(offsets, keyOffsets, shape.QStride) >= ThreadedFrom;
            switch (InstructionSets.Active, special || pb != null)
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
            dBias.Clear();
            for (int s = 0; s < sequences; s++) // in order, so that threads do not change a bit
                VectorMath.AddInPlace(dBias, new ReadOnlySpan<float>(biases.Pointer + (nint)s * dBias.Length, dBias.Length));
        }
    }

    /// <summary>
    /// Causal attention against a cache, without what training needs: the queries are the last Tq of S positions.
    /// </summary>
    /// <param name="q">(Tq, H·D)</param>
    /// <param name="k">(S, G·D), S ≥ Tq</param>
    /// <param name="v">(S, G·D)</param>
    /// <param name="y">(Tq, H·D)</param>
    /// <param name="bias">(H, 2R + 1), or empty.</param>
    public static void ForwardCached(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        int heads, int kvHeads, int headSize, Span<float> y, ScoreRule rule = default, ReadOnlySpan<float> bias = default)
    {
        CheckHeads(heads, kvHeads, headSize);
        int queries = q.Length / (heads * headSize), positions = k.Length / (kvHeads * headSize);
        Guard.Length(q.Length, (long)queries * heads * headSize, nameof(q));
        Guard.Length(k.Length, (long)positions * kvHeads * headSize, nameof(k));
        Guard.Length(v.Length, k.Length, nameof(v));
        Guard.Length(y.Length, q.Length, nameof(y));
        if (positions < queries)
            throw new ArgumentException($"k: {positions} positions for {queries} queries", nameof(k));
        fixed (float* pq = q, pk = k, pv = v, py = y, pb = bias)
        {
            var tensors = new Tensors { Q = pq, K = pk, V = pv, Y = py, Bias = pb };
            Cached(tensors, new Shape(heads, kvHeads, headSize, causal: true, rule, BiasReach(bias.Length, heads)), rule.IsSpecial || pb != null, queries, positions);
        }
    }

    private readonly struct Shape
    {
        public readonly int Heads, KvHeads, HeadSize;

        /// <summary>How many positions behind and ahead of itself a query sees; int.MaxValue for all.</summary>
        public readonly int Behind, Ahead;

        public readonly float Scale, SoftCap;

        /// <summary>R of the bias.</summary>
        public readonly int Reach;

        public Shape(int heads, int kvHeads, int headSize, bool causal, ScoreRule rule, int reach = 0)
        {
            CheckHeads(heads, kvHeads, headSize);
            rule.Check();
            Reach = reach;
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

        /// <summary>(H, 2R + 1), or null; its gradient is by sequence, (B, H, 2R + 1).</summary>
        public float* Bias, DBias;

        /// <summary>Of queries, and of keys and values: the same where a sequence sees itself.</summary>
        public int* Offsets, KeyOffsets;
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

    private static long Work(ReadOnlySpan<int> offsets, ReadOnlySpan<int> keyOffsets, nint width)
    {
        long work = 0;
        for (int s = 1; s < offsets.Length; s++)
            work += (long)(offsets[s] - offsets[s - 1]) * (keyOffsets[s] - keyOffsets[s - 1]) * width;
        return work;
    }

    private static Shape AcrossShape(int heads, int kvHeads, int headSize, ScoreRule rule, ReadOnlySpan<int> offsets, ReadOnlySpan<int> keyOffsets)
    {
        if (rule.Window > 0)
            throw new ArgumentException("rule: a window has no meaning between two sequences", nameof(rule));
        if (keyOffsets.Length != offsets.Length)
            throw new ArgumentException($"keyOffsets: {keyOffsets.Length} entries for {offsets.Length} of the queries", nameof(keyOffsets));
        for (int s = 1; s < keyOffsets.Length; s++)
        {
            if (keyOffsets[s] == keyOffsets[s - 1] && offsets[s] > offsets[s - 1])
                throw new ArgumentException($"keyOffsets: sequence {s - 1} has nothing to look at", nameof(keyOffsets));
        }
        return new Shape(heads, kvHeads, headSize, causal: false, rule);
    }

    /// <summary>R of a bias of so many numbers.</summary>
    private static int BiasReach(int length, int heads)
    {
        if (length == 0)
            return 0;
        if (heads < 1 || length % heads != 0 || length / heads % 2 == 0)
            throw new ArgumentException($"bias: {length} numbers are not 2R + 1 for each of {heads} heads", nameof(length));
        return length / heads / 2;
    }

    private static void CheckHeads(int heads, int kvHeads, int headSize)
    {
        if (heads < 1 || kvHeads < 1 || headSize < 1 || heads % kvHeads != 0)
            throw new ArgumentException($"heads: {heads} query heads of size {headSize} do not share {kvHeads} key-value heads", nameof(heads));
    }

    /// <summary>How many rows there are; offsets must run over them.</summary>
    private static int CheckRows(int length, nint stride, ReadOnlySpan<int> offsets, string name)
    {
        int rows = (int)(length / stride);
        Guard.Length(length, rows * (long)stride, name);
        Guard.AtLeast(offsets.Length, 1, nameof(offsets));
        if (offsets[0] != 0 || offsets[^1] != rows)
            throw new ArgumentException($"offsets: must run from 0 to {rows} of {name}, got {offsets[0]} to {offsets[^1]}", nameof(offsets));
        for (int s = 1; s < offsets.Length; s++)
        {
            if (offsets[s] < offsets[s - 1])
                throw new ArgumentException($"offsets: entry {s} decreases from {offsets[s - 1]} to {offsets[s]}", nameof(offsets));
        }
        return rows;
    }
}
