using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Element-wise operations over spans of float.</summary>
public static unsafe partial class VectorMath
{
    /// <summary>destination[i] = a[i] + b[i]; the destination may be one of the operands.</summary>
    public static void Add(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> destination)
    {
        Guard.Length(b.Length, a.Length, nameof(b));
        Guard.Length(destination.Length, a.Length, nameof(destination));
        fixed (float* pa = a, pb = b, to = destination)
            ElementWise.Run(new AddOperation { A = pa, B = pb, To = to }, a.Length);
    }

    private struct AddOperation : IElementWise
    {
        public float* A, B, To;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(To, place.Load(A) + place.Load(B));
    }

    /// <summary>destination[i] += source[i].</summary>
    public static void AddInPlace(Span<float> destination, ReadOnlySpan<float> source) => Add(destination, source, destination);

    /// <summary>destination[i] += scale · source[i].</summary>
    public static void AddScaled(Span<float> destination, ReadOnlySpan<float> source, float scale)
    {
        Guard.Length(source.Length, destination.Length, nameof(source));
        fixed (float* from = source, to = destination)
            ElementWise.Run(new AddScaledOperation { From = from, To = to, Scale = scale }, destination.Length);
    }

    private struct AddScaledOperation : IElementWise
    {
        public float* From, To;
        public float Scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(To, TLanes.MultiplyAdd(place.Load(From), TLanes.Broadcast(Scale), place.Load(To)));
    }

    /// <summary>destination[i] = a[i] · b[i]; the destination may be one of the operands.</summary>
    public static void Multiply(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> destination)
    {
        Guard.Length(b.Length, a.Length, nameof(b));
        Guard.Length(destination.Length, a.Length, nameof(destination));
        fixed (float* pa = a, pb = b, to = destination)
            ElementWise.Run(new MultiplyOperation { A = pa, B = pb, To = to }, a.Length);
    }

    private struct MultiplyOperation : IElementWise
    {
        public float* A, B, To;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(To, place.Load(A) * place.Load(B));
    }

    /// <summary>destination[i] *= scale.</summary>
    public static void Scale(Span<float> destination, float scale)
    {
        fixed (float* to = destination)
            ElementWise.Run(new ScaleOperation { To = to, Scale = scale }, destination.Length);
    }

    private struct ScaleOperation : IElementWise
    {
        public float* To;
        public float Scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(To, place.Load(To) * TLanes.Broadcast(Scale));
    }

    /// <summary>
    /// destination[i] = e^source[i], within 2 units in the last place where the result is a normal number; the
    /// two may be the same span.
    /// </summary>
    public static void Exp(ReadOnlySpan<float> source, Span<float> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        fixed (float* from = source, to = destination)
            ElementWise.Run(new ExpOperation { From = from, To = to }, source.Length);
    }

    private struct ExpOperation : IElementWise
    {
        public float* From, To;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(To, LaneMath.Exp(place.Load(From)));
    }
}
