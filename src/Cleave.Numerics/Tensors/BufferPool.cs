using System.Runtime.InteropServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Tensors;

/// <summary>
/// Reuses aligned blocks by size, so that the second step of a training run allocates nothing. Not safe for
/// use from two threads: each tape has its own.
/// </summary>
internal sealed unsafe class BufferPool : IDisposable
{
    private readonly Dictionary<int, Stack<nint>> _free = [];
    private readonly List<nint> _all = [];

    /// <summary>Bytes held, in use or free.</summary>
    public long Bytes { get; private set; }

    /// <summary>A block of at least <paramref name="length"/> floats, content undefined.</summary>
    public float* Rent(int length)
    {
        int size = RoundUp(length);
        if (_free.TryGetValue(size, out Stack<nint>? stack) && stack.Count > 0)
            return (float*)stack.Pop();
        float* block = NativeBuffer.Allocate(size);
        _all.Add((nint)block);
        Bytes += size * 4L;
        return block;
    }

    public void Return(float* block, int length)
    {
        int size = RoundUp(length);
        if (!_free.TryGetValue(size, out Stack<nint>? stack))
            _free[size] = stack = new Stack<nint>();
        stack.Push((nint)block);
    }

    /// <summary>Gives everything back to the system. No block may be in use.</summary>
    public void Dispose()
    {
        foreach (nint block in _all)
            NativeMemory.AlignedFree((void*)block);
        _all.Clear();
        _free.Clear();
        Bytes = 0;
    }

    // Ragged batches differ in size from step to step: an eighth of the next power of two as the step keeps the
    // number of size classes small and wastes at most an eighth.
    private static int RoundUp(int length)
    {
        int step = Math.Max(64, (int)(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, length)) / 8));
        return checked((length + step - 1) / step * step);
    }
}
