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
                Gradient = pg,
                M = pm,
                V = pv,
                GradientScale = gradientScale,
                Beta1 = beta1,
                Beta2 = beta2,
                Epsilon = epsilon,
                Keep = (float)(1 - (double)learningRate * weightDecay),
                StepSize = (float)(-learningRate / (1 - Math.Pow(beta1, step))),
                RootScale = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step))),
            };
            ElementWise.Run(operation, parameter.Length);
        }
    }

    private struct Operation : IElementWise
    {
        public float* Parameter, Gradient, M, V;
        public float GradientScale, Beta1, Beta2, Epsilon, Keep, StepSize, RootScale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes g = place.Load(Gradient) * TLanes.Broadcast(GradientScale);
            TLanes m = TLanes.MultiplyAdd(TLanes.Broadcast(Beta1), place.Load(M), TLanes.Broadcast(1 - Beta1) * g);
            TLanes v = TLanes.MultiplyAdd(TLanes.Broadcast(Beta2), place.Load(V), TLanes.Broadcast(1 - Beta2) * g * g);
            place.Store(M, m);
            place.Store(V, v);
            TLanes root = TLanes.MultiplyAdd(TLanes.Sqrt(v), TLanes.Broadcast(RootScale), TLanes.Broadcast(Epsilon));
            TLanes kept = place.Load(Parameter) * TLanes.Broadcast(Keep);
            place.Store(Parameter, TLanes.MultiplyAdd(TLanes.Broadcast(StepSize), m / root, kept));
        }
    }
}
