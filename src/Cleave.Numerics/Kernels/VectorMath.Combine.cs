using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Weighted sums and limits.</summary>
public static unsafe partial class VectorMath
{
    /// <summary>destination[i] = scale · destination[i] + factor · source[i].</summary>
    public static void ScaleAndAdd(Span<float> destination, float scale, ReadOnlySpan<float> source, float factor)
    {
        Guard.Length(source.Length, destination.Length, nameof(source));
        fixed (float* from = source, to = destination)
            ElementWise.Run(new ScaleAndAddOperation { From = from, To = to, Scale = scale, Factor = factor }, destination.Length);
    }

    private struct ScaleAndAddOperation : IElementWise
    {
        public float* From, To;
        public float Scale, Factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(To, TLanes.MultiplyAdd(place.Load(From), TLanes.Broadcast(Factor), place.Load(To) * TLanes.Broadcast(Scale)));
    }

    /// <summary>Brings every element into [low, high]; NaN stays NaN.</summary>
    public static void Clamp(Span<float> destination, float low, float high)
    {
        fixed (float* to = destination)
            ElementWise.Run(new ClampOperation { To = to, Low = low, High = high }, destination.Length);
    }

    private struct ClampOperation : IElementWise
    {
        public float* To;
        public float Low, High;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(To, TLanes.Clamp(place.Load(To), TLanes.Broadcast(Low), TLanes.Broadcast(High)));
    }
}
