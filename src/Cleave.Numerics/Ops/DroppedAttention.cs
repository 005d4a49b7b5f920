using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// <see cref="Attention"/> with dropout on its probabilities, y = (softmax(q·kᵀ/√D) ⊙ m / (1 − p))·v, for training: the T×T
    /// probabilities of every sequence and head are stored. Capped scores are not supported.
    /// </summary>
    /// <param name="probability">p, above 0 and below 1.</param>
    /// <exception cref="CapacityException">The probabilities are more than a tensor holds.</exception>
    public static Tensor DroppedAttention(Tape tape, Tensor q, Tensor k, Tensor v, ReadOnlyMemory<int> offsets, int heads, int kvHeads, bool causal,
        ScoreRule rule, float probability, Rng rng)
    {
        Check.Same("DroppedAttention: rows of q and k", q.Rows, k.Rows);
        Check.Same("DroppedAttention: shapes of k and v", k.Shape, v.Shape);
        Check.That(rule.SoftCap == 0, "DroppedAttention: capped scores are not supported");
        Check.That(probability is > 0 and < 1, "DroppedAttention: the probability is above 0 and below 1");
        ReadOnlySpan<int> o = offsets.Span;
        long cells = 0;
        for (int s = 0; s + 1 < o.Length; s++)
            cells += heads * ((long)o[s + 1] - o[s]) * (o[s + 1] - o[s]);
        if (cells > int.MaxValue)
            throw new CapacityException($"dropout of attention keeps the probability of every pair of tokens, here {cells}, and at most {int.MaxValue} fit; shorten the texts or the batch, or use residual-dropout");
        Tensor y = tape.New(q.Rows, q.Columns, q.RequiresGradient || k.RequiresGradient || v.RequiresGradient), kept = tape.New(1, (int)cells);
        var pieces = new HeadPieces(o, q.Columns, k.Columns, heads, kvHeads);
        Span<float> weights = tape.New(1, pieces.Longest * pieces.Longest).Data;
        for (int piece = 0; piece < pieces.Count; piece++)
        {
            (int from, int keyFrom, int length, int cell) = pieces[piece, o];
            Span<float> p = kept.Data.Slice(cell, length * length);
            MatMul.Multiply(q.Data[from..], q.Columns, false, k.Data[keyFrom..], k.Columns, true, p, length, length, length, pieces.HeadSize);
            Probabilities(p, length, rule, rule.ScaleFor(pieces.HeadSize), causal);
            foreach (ref float x in p)
                x = rng.NextSingle() < probability ? -x : x; // what is dropped keeps its size behind the sign
            KeepSome(p, weights, probability);
            MatMul.Multiply(weights, length, false, v.Data[keyFrom..], v.Columns, false, y.Data[from..], y.Columns, length, pieces.HeadSize, length);
        }
        if (y.RequiresGradient)
        {
            DroppedAttentionNode node = tape.Record<DroppedAttentionNode>(y);
            (node.Q, node.K, node.V, node.Kept, node.Offsets, node.Tape) = (q, k, v, kept, offsets, tape);
            (node.Heads, node.KvHeads, node.Probability, node.Scale) = (heads, kvHeads, probability, rule.ScaleFor(pieces.HeadSize));
        }
        return y;
    }

    private static void Probabilities(Span<float> scores, int length, ScoreRule rule, float scale, bool causal)
    {
        for (int i = 0; i < length; i++)
        {
            Span<float> row = scores.Slice(i * length, length);
            int behind = rule.Window > 0 ? rule.Window - 1 : length, first = Math.Max(0, i - behind), end = causal ? i + 1 : (int)Math.Min(length, (long)i + behind + 1);
            float max = VectorMath.Max(row[first..end]);
            double sum = 0;
            for (int j = 0; j < length; j++)
            {
                row[j] = j >= first && j < end ? MathF.Exp((row[j] - max) * scale) : 0;
                sum += row[j];
            }
            VectorMath.Scale(row, (float)(1 / sum));
        }
    }

    private static void KeepSome(ReadOnlySpan<float> signed, Span<float> weights, float probability)
    {
        float keep = 1 / (1 - probability);
        for (int i = 0; i < signed.Length; i++)
            weights[i] = MathF.Max(signed[i], 0) * keep;
    }

    /// <summary>Where each sequence's heads lie in the rows and among the stored probabilities.</summary>
    private readonly struct HeadPieces
    {
        private readonly int _columns, _keyColumns, _heads, _group;

        public HeadPieces(ReadOnlySpan<int> offsets, int columns, int keyColumns, int heads, int kvHeads)
        {
            (_columns, _keyColumns, _heads, _group, HeadSize) = (columns, keyColumns, heads, heads / kvHeads, columns / heads);
            Count = (offsets.Length - 1) * heads;
            for (int s = 0; s + 1 < offsets.Length; s++)
                Longest = Math.Max(Longest, offsets[s + 1] - offsets[s]);
        }

        public int HeadSize { get; }
        public int Count { get; }
        public int Longest { get; }

        /// <summary>The first elements of a piece's queries and keys, its length, and its first stored probability.</summary>
        public (int From, int KeyFrom, int Length, int Cell) this[int piece, ReadOnlySpan<int> offsets]
        {
            get
            {
                int s = piece / _heads, h = piece % _heads, length = offsets[s + 1] - offsets[s], cell = h * length * length;
                for (int before = 0; before < s; before++)
                    cell += _heads * (offsets[before + 1] - offsets[before]) * (offsets[before + 1] - offsets[before]);
                return (offsets[s] * _columns + h * HeadSize, offsets[s] * _keyColumns + h / _group * HeadSize, length, cell);
            }
        }
    }

    private sealed class DroppedAttentionNode : Node
    {
        public Tensor Q = null!;
        public Tensor K = null!;
        public Tensor V = null!;
        public Tensor Kept = null!;
        public ReadOnlyMemory<int> Offsets;
        public Tape Tape = null!;
        public int Heads;
        public int KvHeads;
        public float Probability;
        public float Scale;

        public override void Backward()
        {
            ReadOnlySpan<int> o = Offsets.Span;
            var pieces = new HeadPieces(o, Q.Columns, K.Columns, Heads, KvHeads);
            Span<float> dq = GradientOf(Q), dk = GradientOf(K), dv = GradientOf(V), dy = Output!.Gradient;
            Span<float> weights = Tape.New(1, pieces.Longest * pieces.Longest).Data, ds = Tape.New(1, pieces.Longest * pieces.Longest).Data;
            int d = pieces.HeadSize;
            for (int piece = 0; piece < pieces.Count; piece++)
            {
                (int from, int keyFrom, int n, int cell) = pieces[piece, o];
                ReadOnlySpan<float> p = Kept.Data.Slice(cell, n * n);
                KeepSome(p, weights, Probability);
                MatMul.Multiply(weights, n, true, dy[from..], Q.Columns, false, dv[keyFrom..], V.Columns, n, d, n, accumulate: true);
                MatMul.Multiply(dy[from..], Q.Columns, false, V.Data[keyFrom..], V.Columns, true, ds, n, n, n, d);
                for (int i = 0; i < n; i++)
                    SoftmaxBackward(p.Slice(i * n, n), ds.Slice(i * n, n));
                MatMul.Multiply(ds, n, false, K.Data[keyFrom..], K.Columns, false, dq[from..], Q.Columns, n, d, n, accumulate: true);
                MatMul.Multiply(ds, n, true, Q.Data[from..], Q.Columns, false, dk[keyFrom..], K.Columns, n, d, n, accumulate: true);
            }
        }

        private void SoftmaxBackward(ReadOnlySpan<float> p, Span<float> d)
        {
            float keep = 1 / (1 - Probability);
            double along = 0;
            for (int j = 0; j < d.Length; j++)
            {
                d[j] = p[j] > 0 ? d[j] * keep : 0;
                along += Math.Abs(p[j]) * d[j];
            }
            for (int j = 0; j < d.Length; j++)
                d[j] = Math.Abs(p[j]) * (d[j] - (float)along) * Scale;
        }

        // A frozen input's gradient goes to a buffer that nobody reads.
        private Span<float> GradientOf(Tensor x) => x.RequiresGradient ? x.Gradient : Tape.New(x.Rows, x.Columns).Data;
    }
}
