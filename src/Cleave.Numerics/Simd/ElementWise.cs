using System.Runtime.CompilerServices;

namespace Cleave.Numerics.Simd;

/// <summary>
/// An element-wise operation: holds its pointers and constants, and computes the lanes at one place of all of them.
/// </summary>
internal interface IElementWise
{
    void At<TLanes, TPlace>(TPlace place)
        where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes>;
}

/// <summary>Where an operation reads and writes: a whole vector, or the few elements left at the end.</summary>
internal unsafe interface IPlace<TLanes> where TLanes : struct, ILanes<TLanes>
{
    TLanes Load(float* start);
    void Store(float* start, TLanes value);
}

/// <summary>The one driver of all element-wise operations.</summary>
internal static unsafe class ElementWise
{
    private const int PartLength = 8192; // 32 KiB of each stream

    /// <summary>Applies <paramref name="operation"/> to elements 0 to <paramref name="length"/> − 1.</summary>
    public static void Run<TOperation>(TOperation operation, int length) where TOperation : struct, IElementWise
    {
        bool threaded = length >= Dispatch.ThreadedFrom;
        var kernel = new Kernel<TOperation> { Operation = operation, Length = length, PartLength = threaded ? PartLength : length };
        Dispatch.Run(ref kernel, threaded ? (length - 1) / PartLength + 1 : 1, threaded);
    }

    private struct Kernel<TOperation> : IKernel where TOperation : struct, IElementWise
    {
        public TOperation Operation;
        public int Length;
        public int PartLength;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            TOperation operation = Operation;
            nint i = (nint)part * PartLength, end = Math.Min(i + PartLength, Length);
            for (; i + 2 * TLanes.Width <= end; i += 2 * TLanes.Width)
            {
                operation.At<TLanes, Whole<TLanes>>(new(i));
                operation.At<TLanes, Whole<TLanes>>(new(i + TLanes.Width));
            }
            for (; i + TLanes.Width <= end; i += TLanes.Width)
                operation.At<TLanes, Whole<TLanes>>(new(i));
            if (i < end)
                operation.At<TLanes, Rest<TLanes>>(new(i, (int)(end - i)));
        }
    }

    private readonly struct Whole<TLanes>(nint index) : IPlace<TLanes> where TLanes : struct, ILanes<TLanes>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TLanes Load(float* start) => TLanes.Load(start + index);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store(float* start, TLanes value) => TLanes.Store(start + index, value);
    }

    private readonly struct Rest<TLanes>(nint index, int count) : IPlace<TLanes> where TLanes : struct, ILanes<TLanes>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TLanes Load(float* start) => TLanes.LoadPartial(start + index, count, default);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store(float* start, TLanes value) => TLanes.StorePartial(start + index, count, value);
    }
}
