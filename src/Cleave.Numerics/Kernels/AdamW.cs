using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch computes it.</summary>
public static unsafe class AdamW
{
    /// <summary>
    /// One step, in one pass: g = gradient · gradientScale; p −= lr · decay · p; m = β₁m + (1 − β₁)g;
    /// v = β₂v + (1 − β₂)g²; p −= lr · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε).
    /// </summary>
    /// <param name="step">t, from 1.</param>
    /// <param name="gradientScale">Multiplies the gradient before use: 1 / accumulated batches, clipping.</param>
    public static void Update(Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> m, Span<float> v, float learningRate,
        float beta1, float beta2, float epsilon, float weightDecay, int step, float gradientScale)
    {
        Guard.Length(gradient.Length, parameter.Length, nameof(gradient));
        Guard.Length(m.Length, parameter.Length, nameof(m));
        Guard.Length(v.Length, parameter.Length, nameof(v));
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        fixed (float* pp = parameter, pg = gradient, pm = m, pv = v)
        {
            var operation = new Operation
            {
                Parameter = pp,
                Moments = new Moments(pg, pm, pv, gradientScale, beta1, beta2, epsilon, step),
                Keep = (float)(1 - (double)learningRate * weightDecay),
                StepSize = (float)(-learningRate / (1 - Math.Pow(beta1, step))),
            };
            ElementWise.Run(operation, parameter.Length);
        }
    }

    private struct Operation : IElementWise
    {
        public float* Parameter;
        public Moments Moments;
        public float Keep, StepSize;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            (TLanes m, TLanes root) = Moments.Next<TLanes, TPlace>(place);
            TLanes kept = place.Load(Parameter) * TLanes.Broadcast(Keep);
            place.Store(Parameter, TLanes.MultiplyAdd(TLanes.Broadcast(StepSize), m / root, kept));
        }
    }

    /// <summary>The running means that Adam and LAMB share.</summary>
    internal readonly struct Moments(float* gradient, float* m, float* v, float gradientScale, float beta1, float beta2, float epsilon, int step)
    {
        private readonly float _rootScale = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step)));

        /// <summary>Brings m and v up to this step.</summary>
        /// <returns>m, its beginning not made up for; and √(v / (1 − β₂ᵗ)) + ε.</returns>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly (TLanes M, TLanes Root) Next<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes g = place.Load(gradient) * TLanes.Broadcast(gradientScale);
            TLanes first = TLanes.MultiplyAdd(TLanes.Broadcast(beta1), place.Load(m), TLanes.Broadcast(1 - beta1) * g);
            TLanes second = TLanes.MultiplyAdd(TLanes.Broadcast(beta2), place.Load(v), TLanes.Broadcast(1 - beta2) * g * g);
            place.Store(m, first);
            place.Store(v, second);
            return (first, TLanes.MultiplyAdd(TLanes.Sqrt(second), TLanes.Broadcast(_rootScale), TLanes.Broadcast(epsilon)));
        }
    }
}
