using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

public static unsafe partial class VectorMath
{
    /// <summary>x[i] = cap · tanh(x[i] / cap).</summary>
    public static void SoftCap(Span<float> x, float cap)
    {
        fixed (float* p = x)
            ElementWise.Run(new SoftCapOperation { X = p, Cap = cap }, x.Length);
    }

    private struct SoftCapOperation : IElementWise
    {
        public float* X;
        public float Cap;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(X, LaneMath.Tanh(place.Load(X) * TLanes.Broadcast(1 / Cap)) * TLanes.Broadcast(Cap));
    }

    /// <summary>d[i] *= 1 − (y[i] / cap)², the slope of <see cref="SoftCap"/> where its result is y.</summary>
    public static void SoftCapSlope(Span<float> d, ReadOnlySpan<float> y, float cap)
    {
        Guard.Length(y.Length, d.Length, nameof(y));
        fixed (float* pd = d, py = y)
            ElementWise.Run(new SoftCapSlopeOperation { D = pd, Y = py, Cap = cap }, d.Length);
    }

    private struct SoftCapSlopeOperation : IElementWise
    {
        public float* D, Y;
        public float Cap;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>
        {
            TLanes t = place.Load(Y) * TLanes.Broadcast(1 / Cap);
            place.Store(D, place.Load(D) * (TLanes.Broadcast(1) - t * t));
        }
    }
}
