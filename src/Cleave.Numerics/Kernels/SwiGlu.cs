using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>The gated activation y = silu(gate) · up, silu(g) = g · σ(g) (Shazeer, 2020).</summary>
public static unsafe class SwiGlu
{
    /// <summary>y = silu(gate) · up; all three of one length, y may be one of the operands.</summary>
    public static void Forward(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y)
    {
        Guard.Length(up.Length, gate.Length, nameof(up));
        Guard.Length(y.Length, gate.Length, nameof(y));
        fixed (float* pg = gate, pu = up, py = y)
            ElementWise.Run(new ForwardOperation { Gate = pg, Up = pu, Y = py }, gate.Length);
    }

    private struct ForwardOperation : IElementWise
    {
        public float* Gate, Up, Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes g = place.Load(Gate);
            place.Store(Y, g * LaneMath.Sigmoid(g) * place.Load(Up));
        }
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
        fixed (float* pdy = dy, pg = gate, pu = up, pdg = dGate, pdu = dUp)
            ElementWise.Run(new BackwardOperation { Dy = pdy, Gate = pg, Up = pu, DGate = pdg, DUp = pdu }, dy.Length);
    }

    private struct BackwardOperation : IElementWise
    {
        public float* Dy, Gate, Up, DGate, DUp;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes g = place.Load(Gate), up = place.Load(Up), d = place.Load(Dy), one = TLanes.Broadcast(1);
            TLanes sigmoid = LaneMath.Sigmoid(g), ds = d * sigmoid;
            place.Store(DGate, ds * up * TLanes.MultiplyAdd(g, one - sigmoid, one));
            place.Store(DUp, ds * g);
        }
    }
}
