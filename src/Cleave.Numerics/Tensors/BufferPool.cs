using System.Runtime.InteropServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Tensors;

/// <summary>
/// Reuses aligned blocks by size, so that the second step of a training run allocates nothing, and gives back what many
/// steps have not needed, so that one large batch is not paid for ever after. Not safe for use from two threads: each tape has its own.
/// </summary>
internal sealed unsafe class BufferPool : IDisposable
{
    /// <summary>So many steps tell what is not needed: seconds of a busy server, and long enough for sizes of batches to come again.</summary>
    public const int StepsRemembered = 1024;

    private readonly Dictionary<int, FreeBlocks> _free = [];
    private int _steps;

    /// <summary>Bytes held, in use or free.</summary>
    public long Bytes { get; private set; }

    /// <summary>A block of at least <paramref name="length"/> floats, content undefined.</summary>
    public float* Rent(int length)
    {
        int size = RoundUp(length);
        if (_free.TryGetValue(size, out FreeBlocks? free) && free.Blocks.TryPop(out nint kept))
        {
            free.Least = Math.Min(free.Least, free.Blocks.Count);
            return (float*)kept;
        }
        float* block = NativeBuffer.Allocate(size);
        Bytes += size * 4L;
        return block;
    }

    public void Return(float* block, int length)
    {
        int size = RoundUp(length);
        if (!_free.TryGetValue(size, out FreeBlocks? free))
            _free[size] = free = new FreeBlocks();
        free.Blocks.Push((nint)block);
    }

    /// <summary>A step is over, and all its blocks are back. Once in <see cref="StepsRemembered"/> steps those go that none of them used.</summary>
    public void EndStep()
    {
        if (++_steps < StepsRemembered)
            return;
        _steps = 0;
        foreach ((int size, FreeBlocks free) in _free)
        {
            for (int i = 0; i < free.Least; i++)
                Free(free, size);
            free.Least = free.Blocks.Count;
        }
    }

    /// <summary>Gives everything back to the system. No block may be in use.</summary>
    public void Dispose()
    {
        foreach ((int size, FreeBlocks free) in _free)
        {
            while (free.Blocks.Count > 0)
                Free(free, size);
        }
        _free.Clear();
    }

    private void Free(FreeBlocks free, int size)
    {
        NativeMemory.AlignedFree((void*)free.Blocks.Pop());
        Bytes -= size * 4L;
    }

    // Ragged batches differ in size from step to step: an eighth of the next power of two as the step keeps the
    // number of size classes small and wastes at most an eighth.
    private static int RoundUp(int length)
    {
        int step = Math.Max(64, (int)(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, length)) / 8));
        return checked((length + step - 1) / step * step);
    }

    private sealed class FreeBlocks
    {
        public readonly Stack<nint> Blocks = [];

        /// <summary>As few as lay here at any moment since blocks last went; none in the first steps, which are still finding out.</summary>
        public int Least;
    }
}
