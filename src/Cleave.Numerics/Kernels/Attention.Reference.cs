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
            int s = part / Shape.KvHeads, kv = part % Shape.KvHeads, start = X.Offsets[s], end = X.Offsets[s + 1];
            for (int i = start; i < end; i++)
            {
                for (int h = kv * Shape.Group; h < (kv + 1) * Shape.Group; h++)
                {
                    nint at = i * Shape.QStride + h * Shape.HeadSize;
                    X.LogSumExp[(nint)i * Shape.Heads + h] = ReferenceRow(X, Shape, at, kv, start, i, end);
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
            int s = part / Shape.KvHeads, kv = part % Shape.KvHeads, start = X.Offsets[s], end = X.Offsets[s + 1], size = Shape.HeadSize;
            for (int i = start; i < end; i++)
            {
                nint at = i * Shape.KvStride + kv * size;
                new Span<float>(X.Dk + at, size).Clear();
                new Span<float>(X.Dv + at, size).Clear();
            }
            for (int i = start; i < end; i++)
            {
                for (int h = kv * Shape.Group; h < (kv + 1) * Shape.Group; h++)
                {
                    nint at = i * Shape.QStride + h * size;
                    ReferenceRowBackward(X, Shape, at, X.LogSumExp[(nint)i * Shape.Heads + h], kv, start, i, end);
                }
            }
        }
    }

    /// <summary>One query of one head, of row i, against what it sees of the keys from start to end; returns log Σ exp of the scores.</summary>
    private static float ReferenceRow(in Tensors x, in Shape shape, nint at, int kv, int start, int i, int end)
    {
        int size = shape.HeadSize;
        float* q = x.Q + at, y = x.Y + at;
        float max = float.NegativeInfinity, sum = 0;
        new Span<float>(y, size).Clear();
        for (int j = start + shape.First(i - start); j < start + shape.End(i - start, end - start); j++)
        {
            float* k = x.K + j * shape.KvStride + kv * size, v = x.V + j * shape.KvStride + kv * size;
            float score = Cap(ReferenceDot(q, k, size) * shape.Scale, shape.SoftCap);
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

    private static void ReferenceRowBackward(in Tensors x, in Shape shape, nint at, float logSumExp, int kv, int start, int i, int end)
    {
        int size = shape.HeadSize;
        float* q = x.Q + at, dy = x.Dy + at, dq = x.Dq + at;
        float delta = ReferenceDot(dy, x.Y + at, size);
        new Span<float>(dq, size).Clear();
        for (int j = start + shape.First(i - start); j < start + shape.End(i - start, end - start); j++)
        {
            nint key = j * shape.KvStride + kv * size;
            float* k = x.K + key, dk = x.Dk + key, dv = x.Dv + key;
            float score = Cap(ReferenceDot(q, k, size) * shape.Scale, shape.SoftCap), p = MathF.Exp(score - logSumExp);
            float slope = shape.SoftCap > 0 ? 1 - score / shape.SoftCap * (score / shape.SoftCap) : 1;
            float ds = p * (ReferenceDot(dy, x.V + key, size) - delta) * slope * shape.Scale;
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
