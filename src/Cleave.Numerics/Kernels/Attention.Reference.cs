using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>The plain form: one query row at a time, with a running maximum.</summary>
public static unsafe partial class Attention
{
    private struct ReferenceForward : IPart
    {
        public Tensors X;
        public Shape Shape;

        public readonly void Invoke(int part)
        {
            int s = part / Shape.KvHeads, kv = part % Shape.KvHeads, start = X.Offsets[s], keys = X.KeyOffsets[s + 1] - X.KeyOffsets[s];
            for (int i = start; i < X.Offsets[s + 1]; i++)
            {
                for (int h = kv * Shape.Group; h < (kv + 1) * Shape.Group; h++)
                {
                    nint at = i * Shape.QStride + h * Shape.HeadSize;
                    X.LogSumExp[(nint)i * Shape.Heads + h] = ReferenceRow(X, Shape, at, h, X.KeyOffsets[s], i - start, keys);
                }
            }
        }
    }

    private struct ReferenceBackward : IPart
    {
        public Tensors X;
        public Shape Shape;

        public readonly void Invoke(int part)
        {
            int s = part / Shape.KvHeads, kv = part % Shape.KvHeads, start = X.Offsets[s], size = Shape.HeadSize;
            int keyStart = X.KeyOffsets[s], keys = X.KeyOffsets[s + 1] - keyStart;
            for (int j = keyStart; j < keyStart + keys; j++)
            {
                nint at = j * Shape.KvStride + kv * size;
                new Span<float>(X.Dk + at, size).Clear();
                new Span<float>(X.Dv + at, size).Clear();
            }
            for (int h = kv * Shape.Group; h < (kv + 1) * Shape.Group; h++)
            {
                float* dBias = X.Bias == null ? null : DBiasOf(X, Shape, s, h);
                for (int i = start; i < X.Offsets[s + 1]; i++)
                    ReferenceRowBackward(X, Shape, i * Shape.QStride + h * size, X.LogSumExp[(nint)i * Shape.Heads + h], h, keyStart, i - start, keys, dBias);
            }
        }
    }

    /// <summary>Where a sequence's and head's part of the bias's gradient is summed, from zero: the place of distance 0.</summary>
    private static float* DBiasOf(in Tensors x, in Shape shape, int sequence, int head)
    {
        int width = 2 * shape.Reach + 1;
        float* row = x.DBias + ((nint)sequence * shape.Heads + head) * width;
        new Span<float>(row, width).Clear();
        return row + shape.Reach;
    }

    /// <summary>What a head adds to the score of a key so far from the query.</summary>
    private static float BiasOf(in Tensors x, in Shape shape, int head, int distance) =>
        x.Bias == null ? 0 : x.Bias[head * (2L * shape.Reach + 1) + shape.Reach + Math.Clamp(distance, -shape.Reach, shape.Reach)];

    /// <summary>
    /// One query of one head, at a position, against what it sees of so many keys from row keyStart on; returns log Σ exp of the scores.
    /// </summary>
    private static float ReferenceRow(in Tensors x, in Shape shape, nint at, int head, int keyStart, int position, int keys)
    {
        int size = shape.HeadSize;
        float* q = x.Q + at, y = x.Y + at;
        float max = float.NegativeInfinity, sum = 0;
        new Span<float>(y, size).Clear();
        for (int j = shape.First(position); j < shape.End(position, keys); j++)
        {
            nint key = (keyStart + j) * shape.KvStride + head / shape.Group * size;
            float* k = x.K + key, v = x.V + key;
            float score = Cap(ReferenceDot(q, k, size) * shape.Scale, shape.SoftCap) + BiasOf(x, shape, head, j - position);
            float newMax = MathF.Max(max, score), shrink = MathF.Exp(max - newMax), p = MathF.Exp(score - newMax);
            for (int d = 0; d < size; d++)
                y[d] = y[d] * shrink + p * v[d];
            sum = sum * shrink + p;
            max = newMax;
        }
        for (int d = 0; d < size; d++)
            y[d] /= sum;
        return max + MathF.Log(sum);
    }

    private static void ReferenceRowBackward(in Tensors x, in Shape shape, nint at, float logSumExp, int head, int keyStart, int position, int keys, float* dBias)
    {
        int size = shape.HeadSize;
        float* q = x.Q + at, dy = x.Dy + at, dq = x.Dq + at;
        float delta = ReferenceDot(dy, x.Y + at, size);
        new Span<float>(dq, size).Clear();
        for (int j = shape.First(position); j < shape.End(position, keys); j++)
        {
            nint key = (keyStart + j) * shape.KvStride + head / shape.Group * size;
            float* k = x.K + key, dk = x.Dk + key, dv = x.Dv + key;
            float score = Cap(ReferenceDot(q, k, size) * shape.Scale, shape.SoftCap), p = MathF.Exp(score + BiasOf(x, shape, head, j - position) - logSumExp);
            float slope = shape.SoftCap > 0 ? 1 - score / shape.SoftCap * (score / shape.SoftCap) : 1;
            float ds = p * (ReferenceDot(dy, x.V + key, size) - delta);
            if (dBias != null)
                dBias[Math.Clamp(j - position, -shape.Reach, shape.Reach)] += ds;
            ds *= slope * shape.Scale;
            for (int d = 0; d < size; d++)
            {
                dv[d] += p * dy[d];
                dq[d] += ds * k[d];
                dk[d] += ds * q[d];
            }
        }
    }

    private static float Cap(float score, float cap) => cap > 0 ? cap * MathF.Tanh(score / cap) : score;

    private static float ReferenceDot(float* a, float* b, int length)
    {
        float sum = 0;
        for (int i = 0; i < length; i++)
            sum += a[i] * b[i];
        return sum;
    }
}
