using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Floating-point numbers of sixteen bits.</summary>
public enum HalfFormat
{
    /// <summary>The upper half of a float32.</summary>
    BFloat16,

    /// <summary>IEEE half precision.</summary>
    Float16,
}

/// <summary>How the elements of a right operand are held.</summary>
internal unsafe interface IElement
{
    static abstract int Bytes { get; }

    /// <summary>A vector of elements from index <paramref name="at"/> on.</summary>
    static abstract TLanes Load<TLanes>(void* elements, nint at) where TLanes : struct, ILanes<TLanes>;

    static abstract float One(void* elements, nint at);
}

internal readonly unsafe struct Float32Element : IElement
{
    public static int Bytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load<TLanes>(void* elements, nint at) where TLanes : struct, ILanes<TLanes> => TLanes.Load((float*)elements + at);

    public static float One(void* elements, nint at) => ((float*)elements)[at];
}

internal readonly unsafe struct BFloat16Element : IElement
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load<TLanes>(void* elements, nint at) where TLanes : struct, ILanes<TLanes> => TLanes.LoadBFloat16((ushort*)elements + at);

    public static float One(void* elements, nint at) => BitConverter.Int32BitsToSingle(((ushort*)elements)[at] << 16);
}

internal readonly unsafe struct Float16Element : IElement
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load<TLanes>(void* elements, nint at) where TLanes : struct, ILanes<TLanes> => TLanes.LoadFloat16((ushort*)elements + at);

    public static float One(void* elements, nint at) => (float)BitConverter.UInt16BitsToHalf(((ushort*)elements)[at]);
}
