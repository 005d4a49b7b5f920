using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Targets that are distributions, as in distillation.</summary>
public static unsafe partial class CrossEntropy
{
    /// <summary>
    /// Cross-entropy of softmax(logits / temperature) against the given probabilities; the logits are replaced by
    /// gradScale / temperature · (softmax(logits / temperature) · Σ p − p).
    /// </summary>
    /// <param name="logits">(V): in the logits, out their gradient.</param>
    /// <param name="targetProbabilities">(V), usually summing to 1.</param>
    /// <returns>−Σ p · log softmax(logits / temperature), not scaled.</returns>
    public static float ForwardBackwardSoft(Span<float> logits, ReadOnlySpan<float> targetProbabilities, float temperature, float gradScale)
    {
        Guard.AtLeast(logits.Length, 1, nameof(logits));
        Guard.Length(targetProbabilities.Length, logits.Length, nameof(targetProbabilities));
        if (!(temperature > 0))
            throw new ArgumentException($"temperature: must be positive, got {temperature}", nameof(temperature));
        fixed (float* x = logits, p = targetProbabilities)
        {
            var kernel = new SoftKernel { X = x, P = p, Length = logits.Length, Inverse = 1 / temperature, GradScale = gradScale };
            Dispatch.Run(ref kernel, 1, threaded: false);
            return kernel.Result;
        }
    }

    private struct SoftKernel : IKernel
    {
        public float* X, P;
        public int Length;
        public float Inverse, GradScale, Result;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            float max = LaneReduce.Max<TLanes>(X, Length);
            double sum = 0, mass = 0, weighted = 0;
            for (int i = 0; i < Length; i += Block)
            {
                int count = Math.Min(Block, Length - i);
                (float m, float w) = Weigh<TLanes>(X + i, P + i, count, max);
                mass += m;
                weighted += w;
                sum += LaneReduce.ExpSum<TLanes>(X + i, X + i, count, Inverse, max * Inverse);
            }
            float scale = GradScale * Inverse;
            Finish<TLanes>(X, Length, (float)(scale * mass / sum), 0);
            Subtract<TLanes>(X, P, Length, scale);
            Result = (float)(mass * Math.Log(sum) - weighted * Inverse);
        }
    }

    /// <summary>Σ p and Σ p · (x − max); an x of −∞ whose p is 0 adds nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Mass, float Weighted) Weigh<TLanes>(float* x, float* p, int length, float max)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes mass = default, weighted = default, top = TLanes.Broadcast(max);
        TLanes low = TLanes.Broadcast(-float.MaxValue), high = TLanes.Broadcast(float.MaxValue);
        int w = TLanes.Width;
        for (int i = 0; i < length; i += w)
        {
            int count = Math.Min(w, length - i);
            TLanes pi = count == w ? TLanes.Load(p + i) : TLanes.LoadPartial(p + i, count, default);
            TLanes xi = count == w ? TLanes.Load(x + i) : TLanes.LoadPartial(x + i, count, default);
            mass += pi;
            weighted = TLanes.MultiplyAdd(pi, TLanes.Clamp(xi - top, low, high), weighted);
        }
        return (TLanes.SumAcross(mass), TLanes.SumAcross(weighted));
    }

    /// <summary>Σ (x − max).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SumAbove<TLanes>(float* x, int length, float max) where TLanes : struct, ILanes<TLanes>
    {
        TLanes sum = default, top = TLanes.Broadcast(max);
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            sum += TLanes.Load(x + i) - top;
        if (i < length)
            sum += TLanes.LoadPartial(x + i, length - i, top) - top;
        return TLanes.SumAcross(sum);
    }

    /// <summary>x = x · scale + shift.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Finish<TLanes>(float* x, int length, float scale, float shift) where TLanes : struct, ILanes<TLanes>
    {
        TLanes s = TLanes.Broadcast(scale), t = TLanes.Broadcast(shift);
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            TLanes.Store(x + i, TLanes.MultiplyAdd(TLanes.Load(x + i), s, t));
        if (i < length)
            TLanes.StorePartial(x + i, length - i, TLanes.MultiplyAdd(TLanes.LoadPartial(x + i, length - i, default), s, t));
    }

    /// <summary>x −= scale · p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Subtract<TLanes>(float* x, float* p, int length, float scale) where TLanes : struct, ILanes<TLanes>
    {
        TLanes s = TLanes.Broadcast(-scale);
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            TLanes.Store(x + i, TLanes.MultiplyAdd(TLanes.Load(p + i), s, TLanes.Load(x + i)));
        if (i < length)
        {
            int rest = length - i;
            TLanes.StorePartial(x + i, rest,
                TLanes.MultiplyAdd(TLanes.LoadPartial(p + i, rest, default), s, TLanes.LoadPartial(x + i, rest, default)));
        }
    }
}
