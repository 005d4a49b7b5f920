using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch computes it.</summary>
public static class AdamW
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
        float correction1 = (float)(learningRate / (1 - Math.Pow(beta1, step)));
        float correction2 = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step)));
        float keep = 1 - learningRate * weightDecay;
        for (int i = 0; i < parameter.Length; i++)
        {
            float g = gradient[i] * gradientScale;
            m[i] = beta1 * m[i] + (1 - beta1) * g;
            v[i] = beta2 * v[i] + (1 - beta2) * g * g;
            parameter[i] = parameter[i] * keep - correction1 * m[i] / (MathF.Sqrt(v[i]) * correction2 + epsilon);
        }
    }
}
