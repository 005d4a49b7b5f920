using System.Runtime.InteropServices;

namespace Cleave.Numerics.Simd;

/// <summary>
/// A block of float32 outside the managed heap, aligned to 64 bytes (a cache line, and the widest vector).
/// </summary>
public sealed unsafe partial class NativeBuffer : IDisposable
{
    public const int Alignment = 64;

    // Large weights in large pages: one entry of the processor's page table instead of 512, and the prefetcher, which stops
    // at the end of a page, stops less.
    private const nuint HugePage = 2 << 20;
    private const int HugePageAdvice = 14; // MADV_HUGEPAGE

    private float* _pointer;

    /// <param name="clear">False: the content is arbitrary, for callers that write all of it.</param>
    /// <exception cref="CapacityException">There is not that much memory.</exception>
    public NativeBuffer(int length, bool clear = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        _pointer = Allocate(length);
        if (clear)
            Span.Clear();
        GC.AddMemoryPressure(Bytes);
    }

    ~NativeBuffer() => Free();

    public int Length { get; }

    public Span<float> Span => _pointer == null
        ? throw new ObjectDisposedException(nameof(NativeBuffer)) : new Span<float>(_pointer, Length);

    internal float* Pointer => _pointer;

    private long Bytes => Math.Max(1, (long)Length * sizeof(float));

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    internal static float* Allocate(int length)
    {
        try
        {
            nuint bytes = (nuint)Math.Max(1, length) * sizeof(float);
            if (bytes < 2 * HugePage || !OperatingSystem.IsLinux())
                return (float*)NativeMemory.AlignedAlloc((bytes + Alignment - 1) / Alignment * Alignment, Alignment);
            void* block = NativeMemory.AlignedAlloc((bytes + HugePage - 1) / HugePage * HugePage, HugePage);
            _ = MAdvise(block, bytes / HugePage * HugePage, HugePageAdvice); // a wish: without it the memory is as good, only slower
            return (float*)block;
        }
        catch (OutOfMemoryException)
        {
            throw new CapacityException($"out of memory: a block of {length * 4L:N0} bytes is not to be had; use a smaller batch or context");
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(void* address, nuint length, int advice);

    private void Free()
    {
        if (_pointer == null)
            return;
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
        GC.RemoveMemoryPressure(Bytes);
    }
}
