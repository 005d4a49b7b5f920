using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>The gated activation y = silu(gate) · up, silu(g) = g · σ(g) (Shazeer, 2020).</summary>
public static class SwiGlu
{
    /// <summary>y = silu(gate) · up; all three of one length, y may be one of the operands.</summary>
    public static void Forward(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y)
    {
        Guard.Length(up.Length, gate.Length, nameof(up));
        Guard.Length(y.Length, gate.Length, nameof(y));
        for (int i = 0; i < gate.Length; i++)
            y[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
    }

    /// <summary>
    /// dUp = dy · silu(gate); dGate = dy · up · σ(gate) · (1 + gate · (1 − σ(gate))). Both are overwritten and may be gate and up.
    /// </summary>
    public static void Backward(ReadOnlySpan<float> dy, ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> dGate, Span<float> dUp)
    {
        Guard.Length(gate.Length, dy.Length, nameof(gate));
        Guard.Length(up.Length, dy.Length, nameof(up));
        Guard.Length(dGate.Length, dy.Length, nameof(dGate));
        Guard.Length(dUp.Length, dy.Length, nameof(dUp));
        for (int i = 0; i < dy.Length; i++)
        {
            float g = gate[i], sigmoid = 1 / (1 + MathF.Exp(-g)), d = dy[i];
            dGate[i] = d * up[i] * sigmoid * (1 + g * (1 - sigmoid));
            dUp[i] = d * g * sigmoid;
        }
    }
}
