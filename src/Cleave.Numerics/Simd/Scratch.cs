using System.Numerics;
using System.Runtime.InteropServices;

namespace Cleave.Numerics.Simd;

/// <summary>
/// Working memory for one kernel call: 64-byte aligned, outside the managed heap, returned on Dispose and kept
/// for the next call of a similar size. Its content is arbitrary.
/// </summary>
internal readonly unsafe ref struct Scratch
{
    private const int SmallestLog = 12, LargestLog = 28; // 4 KiB to 256 MiB are kept; larger ones are freed at once

    [ThreadStatic]
    private static Cache? _cache;

    private readonly int _log;

    private Scratch(void* pointer, int log)
    {
        Pointer = (float*)pointer;
        _log = log;
    }

    public readonly float* Pointer;

    /// <param name="floats">How many floats are needed.</param>
    public static Scratch Rent(long floats)
    {
        ulong bytes = (ulong)Math.Max(1, floats) * sizeof(float);
        int log = Math.Max(SmallestLog, 64 - BitOperations.LeadingZeroCount(bytes - 1));
        if (log <= LargestLog)
        {
            if ((_cache ??= new Cache()).TryPop(log - SmallestLog, out nint pointer))
                return new Scratch((void*)pointer, log);
            bytes = 1UL << log;
        }
        return new Scratch(NativeMemory.AlignedAlloc((nuint)bytes, 64), log);
    }

    public void Dispose()
    {
        if (Pointer == null)
            return;
        if (_log > LargestLog)
        {
            NativeMemory.AlignedFree(Pointer);
            return;
        }
        (_cache ??= new Cache()).Push(_log - SmallestLog, (nint)Pointer);
    }

    /// <summary>What one thread keeps: nothing is locked, and a block goes back to the thread that used it.</summary>
    private sealed class Cache
    {
        private readonly Stack<nint>?[] _free = new Stack<nint>?[LargestLog - SmallestLog + 1];

        ~Cache()
        {
            foreach (Stack<nint>? blocks in _free)
            {
                while (blocks is not null && blocks.TryPop(out nint block))
                    NativeMemory.AlignedFree((void*)block);
            }
        }

        public bool TryPop(int size, out nint block)
        {
            block = 0;
            return _free[size] is { } blocks && blocks.TryPop(out block);
        }

        public void Push(int size, nint block) => (_free[size] ??= new Stack<nint>(16)).Push(block);
    }
}
