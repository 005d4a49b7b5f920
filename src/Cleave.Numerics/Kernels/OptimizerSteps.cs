using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Updates of weights from their gradients, each in one pass over memory.</summary>
public static unsafe partial class OptimizerSteps
{
    /// <summary>
    /// Gradient descent with momentum (Sutskever et al., 2013), as PyTorch computes it: g = gradient · gradientScale; v = μv + g;
    /// p = p · (1 − lr · decay) − lr · d, with d = g + μv (Nesterov), v, or g where there is no velocity.
    /// </summary>
    /// <param name="velocity">As long as the parameter, or empty for no momentum.</param>
    public static void Sgd(Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> velocity, float learningRate,
        float momentum, bool nesterov, float weightDecay, float gradientScale)
    {
        Guard.Length(gradient.Length, parameter.Length, nameof(gradient));
        if (!velocity.IsEmpty)
            Guard.Length(velocity.Length, parameter.Length, nameof(velocity));
        fixed (float* pp = parameter, pg = gradient, pv = velocity)
        {
            float keep = Keep(learningRate, weightDecay);
            if (velocity.IsEmpty)
                ElementWise.Run(new DescentOperation { Parameter = pp, Gradient = pg, Keep = keep, StepSize = -learningRate * gradientScale }, parameter.Length);
            else
            {
                ElementWise.Run(new MomentumOperation
                {
                    Parameter = pp,
                    Gradient = pg,
                    Velocity = pv,
                    GradientScale = gradientScale,
                    Momentum = momentum,
                    Keep = keep,
                    FromGradient = nesterov ? -learningRate : 0,
                    FromVelocity = nesterov ? -learningRate * momentum : -learningRate,
                }, parameter.Length);
            }
        }
    }

    private struct DescentOperation : IElementWise
    {
        public float* Parameter, Gradient;
        public float Keep, StepSize;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(Parameter, TLanes.MultiplyAdd(TLanes.Broadcast(StepSize), place.Load(Gradient), place.Load(Parameter) * TLanes.Broadcast(Keep)));
    }

    private struct MomentumOperation : IElementWise
    {
        public float* Parameter, Gradient, Velocity;
        public float GradientScale, Momentum, Keep, FromGradient, FromVelocity;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes g = place.Load(Gradient) * TLanes.Broadcast(GradientScale);
            TLanes v = TLanes.MultiplyAdd(TLanes.Broadcast(Momentum), place.Load(Velocity), g);
            place.Store(Velocity, v);
            TLanes p = TLanes.MultiplyAdd(TLanes.Broadcast(FromVelocity), v, place.Load(Parameter) * TLanes.Broadcast(Keep));
            place.Store(Parameter, TLanes.MultiplyAdd(TLanes.Broadcast(FromGradient), g, p));
        }
    }

    /// <summary>
    /// Lion (Chen et al., 2023): g = gradient · gradientScale; p = p · (1 − lr · decay) − lr · sign(β₁m + (1 − β₁)g);
    /// m = β₂m + (1 − β₂)g.
    /// </summary>
    public static void Lion(Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> m, float learningRate, float beta1, float beta2,
        float weightDecay, float gradientScale)
    {
        Guard.Length(gradient.Length, parameter.Length, nameof(gradient));
        Guard.Length(m.Length, parameter.Length, nameof(m));
        fixed (float* pp = parameter, pg = gradient, pm = m)
        {
            ElementWise.Run(new LionOperation
            {
                Parameter = pp,
                Gradient = pg,
                M = pm,
                GradientScale = gradientScale,
                Beta1 = beta1,
                Beta2 = beta2,
                Keep = Keep(learningRate, weightDecay),
                StepSize = -learningRate,
            }, parameter.Length);
        }
    }

    private struct LionOperation : IElementWise
    {
        public float* Parameter, Gradient, M;
        public float GradientScale, Beta1, Beta2, Keep, StepSize;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes g = place.Load(Gradient) * TLanes.Broadcast(GradientScale), m = place.Load(M);
            TLanes direction = Sign(TLanes.MultiplyAdd(TLanes.Broadcast(Beta1), m, TLanes.Broadcast(1 - Beta1) * g));
            place.Store(M, TLanes.MultiplyAdd(TLanes.Broadcast(Beta2), m, TLanes.Broadcast(1 - Beta2) * g));
            place.Store(Parameter, TLanes.MultiplyAdd(TLanes.Broadcast(StepSize), direction, place.Load(Parameter) * TLanes.Broadcast(Keep)));
        }

        // The smallest float times 10⁶⁰ is above 1: what is not 0 ends at an end of the clamp.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TLanes Sign<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
        {
            TLanes large = TLanes.Broadcast(1e30f), low = TLanes.Broadcast(-1), high = TLanes.Broadcast(1);
            return TLanes.Clamp(TLanes.Clamp(x * large, low, high) * large, low, high);
        }
    }

    /// <summary>
    /// The direction of LAMB (You et al., 2020) before its trust ratio: Adam's, plus decay · p. g = gradient · gradientScale;
    /// m = β₁m + (1 − β₁)g; v = β₂v + (1 − β₂)g²; the gradient becomes m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε) + decay · p.
    /// </summary>
    /// <param name="gradient">In the gradient, out the direction.</param>
    /// <param name="step">t, from 1.</param>
    public static void LambDirection(ReadOnlySpan<float> parameter, Span<float> gradient, Span<float> m, Span<float> v,
        float beta1, float beta2, float epsilon, float weightDecay, int step, float gradientScale)
    {
        Guard.Length(gradient.Length, parameter.Length, nameof(gradient));
        Guard.Length(m.Length, parameter.Length, nameof(m));
        Guard.Length(v.Length, parameter.Length, nameof(v));
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        fixed (float* pp = parameter, pg = gradient, pm = m, pv = v)
        {
            ElementWise.Run(new LambOperation
            {
                Parameter = pp,
                Gradient = pg,
                Moments = new AdamW.Moments(pg, pm, pv, gradientScale, beta1, beta2, epsilon, step),
                Decay = weightDecay,
                FirstScale = (float)(1 / (1 - Math.Pow(beta1, step))),
            }, parameter.Length);
        }
    }

    private struct LambOperation : IElementWise
    {
        public float* Parameter, Gradient;
        public AdamW.Moments Moments;
        public float Decay, FirstScale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            (TLanes m, TLanes root) = Moments.Next<TLanes, TPlace>(place);
            place.Store(Gradient, TLanes.MultiplyAdd(TLanes.Broadcast(Decay), place.Load(Parameter), m * TLanes.Broadcast(FirstScale) / root));
        }
    }

    /// <summary>The proximal step of an L1 penalty: p moves towards 0 by <paramref name="threshold"/>, and stays at 0 once there.</summary>
    public static void SoftThreshold(Span<float> parameter, float threshold)
    {
        fixed (float* pp = parameter)
            ElementWise.Run(new ThresholdOperation { Parameter = pp, Threshold = threshold }, parameter.Length);
    }

    private struct ThresholdOperation : IElementWise
    {
        public float* Parameter;
        public float Threshold;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes p = place.Load(Parameter);
            place.Store(Parameter, p - TLanes.Clamp(p, TLanes.Broadcast(-Threshold), TLanes.Broadcast(Threshold)));
        }
    }

    private static float Keep(float learningRate, float weightDecay) => (float)(1 - (double)learningRate * weightDecay);
}
