using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Scaled dot-product attention with grouped queries over ragged batches: y = softmax(q·kᵀ / √D) · v. Query head h
/// reads key-value head h / (H / G). The (T, T) matrix is never stored (Dao et al., 2022).
/// </summary>
public static partial class Attention
{
    /// <summary>Attention within each of B concatenated sequences.</summary>
    /// <param name="q">(N, H·D)</param>
    /// <param name="k">(N, G·D)</param>
    /// <param name="v">(N, G·D)</param>
    /// <param name="offsets">(B + 1): sequence s is rows offsets[s] up to offsets[s + 1]; from 0 to N, not decreasing.</param>
    /// <param name="causal">Whether a row sees only itself and earlier rows.</param>
    /// <param name="y">(N, H·D)</param>
    /// <param name="logSumExp">(N, H): log Σ exp of the scaled scores, kept for the backward pass.</param>
    public static void Forward(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, ReadOnlySpan<int> offsets,
        int heads, int kvHeads, int headSize, bool causal, Span<float> y, Span<float> logSumExp)
    {
        int rows = CheckSequences(q.Length, k.Length, v.Length, offsets, heads, kvHeads, headSize);
        Guard.Length(y.Length, q.Length, nameof(y));
        Guard.Length(logSumExp.Length, (long)rows * heads, nameof(logSumExp));
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            int start = offsets[s], end = offsets[s + 1];
            for (int i = start; i < end; i++)
            {
                for (int h = 0; h < heads; h++)
                {
                    int last = causal ? i + 1 : end, kv = h / (heads / kvHeads);
                    logSumExp[i * heads + h] = ScalarRow(q.Slice((i * heads + h) * headSize, headSize), k, v, start, last, kv, kvHeads,
                        y.Slice((i * heads + h) * headSize, headSize));
                }
            }
        }
    }

    /// <summary>
    /// The gradients of <see cref="Forward"/>, which overwrite dq, dk and dv. With P the softmax and
    /// δ = Σ dy · y per row: dV = Pᵀ·dy, dS = P ∘ (dy·Vᵀ − δ), dQ = dS·K / √D, dK = dSᵀ·Q / √D.
    /// </summary>
    public static void Backward(ReadOnlySpan<float> dy, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        ReadOnlySpan<float> y, ReadOnlySpan<float> logSumExp, ReadOnlySpan<int> offsets, int heads, int kvHeads, int headSize, bool causal,
        Span<float> dq, Span<float> dk, Span<float> dv)
    {
        int rows = CheckSequences(q.Length, k.Length, v.Length, offsets, heads, kvHeads, headSize);
        Guard.Length(dy.Length, q.Length, nameof(dy));
        Guard.Length(y.Length, q.Length, nameof(y));
        Guard.Length(logSumExp.Length, (long)rows * heads, nameof(logSumExp));
        Guard.Length(dq.Length, q.Length, nameof(dq));
        Guard.Length(dk.Length, k.Length, nameof(dk));
        Guard.Length(dv.Length, v.Length, nameof(dv));
        dq.Clear();
        dk.Clear();
        dv.Clear();
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            int start = offsets[s], end = offsets[s + 1];
            for (int i = start; i < end; i++)
            {
                for (int h = 0; h < heads; h++)
                {
                    int at = (i * heads + h) * headSize, last = causal ? i + 1 : end, kv = h / (heads / kvHeads);
                    ScalarRowBackward(dy.Slice(at, headSize), q.Slice(at, headSize), k, v, y.Slice(at, headSize), logSumExp[i * heads + h],
                        start, last, kv, kvHeads, dq.Slice(at, headSize), dk, dv);
                }
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
        int heads, int kvHeads, int headSize, Span<float> y)
    {
        CheckHeads(heads, kvHeads, headSize);
        int queries = q.Length / (heads * headSize), positions = k.Length / (kvHeads * headSize);
        Guard.Length(q.Length, (long)queries * heads * headSize, nameof(q));
        Guard.Length(k.Length, (long)positions * kvHeads * headSize, nameof(k));
        Guard.Length(v.Length, k.Length, nameof(v));
        Guard.Length(y.Length, q.Length, nameof(y));
        if (positions < queries)
            throw new ArgumentException($"k: {positions} positions for {queries} queries", nameof(k));
        for (int i = 0; i < queries; i++)
        {
            for (int h = 0; h < heads; h++)
            {
                ScalarRow(q.Slice((i * heads + h) * headSize, headSize), k, v, 0, positions - queries + i + 1, h / (heads / kvHeads), kvHeads,
                    y.Slice((i * heads + h) * headSize, headSize));
            }
        }
    }

    /// <summary>One query of one head against the keys from start to end; returns log Σ exp of the scores.</summary>
    private static float ScalarRow(ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, int start, int end, int kv,
        int kvHeads, Span<float> y)
    {
        int size = q.Length;
        float scale = 1 / MathF.Sqrt(size), max = float.NegativeInfinity, sum = 0;
        y.Clear();
        for (int j = start; j < end; j++)
        {
            float score = ScalarDot(q, k.Slice((j * kvHeads + kv) * size, size)) * scale;
            float newMax = MathF.Max(max, score), shrink = MathF.Exp(max - newMax), p = MathF.Exp(score - newMax);
            ReadOnlySpan<float> value = v.Slice((j * kvHeads + kv) * size, size);
            for (int d = 0; d < size; d++)
                y[d] = y[d] * shrink + p * value[d];
            sum = sum * shrink + p;
            max = newMax;
        }
        for (int d = 0; d < size; d++)
            y[d] /= sum;
        return max + MathF.Log(sum);
    }

    private static void ScalarRowBackward(ReadOnlySpan<float> dy, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v,
        ReadOnlySpan<float> y, float logSumExp, int start, int end, int kv, int kvHeads, Span<float> dq, Span<float> dk, Span<float> dv)
    {
        int size = q.Length;
        float scale = 1 / MathF.Sqrt(size), delta = ScalarDot(dy, y);
        for (int j = start; j < end; j++)
        {
            int at = (j * kvHeads + kv) * size;
            float p = MathF.Exp(ScalarDot(q, k.Slice(at, size)) * scale - logSumExp);
            float ds = p * (ScalarDot(dy, v.Slice(at, size)) - delta) * scale;
            for (int d = 0; d < size; d++)
            {
                dv[at + d] += p * dy[d];
                dq[d] += ds * k[at + d];
                dk[at + d] += ds * q[d];
            }
        }
    }

    private static float ScalarDot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
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
