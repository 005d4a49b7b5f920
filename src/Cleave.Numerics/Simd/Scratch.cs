using System.Numerics;
using System.Runtime.InteropServices;

namespace Cleave.Numerics.Simd;

/// <summary>
/// Working memory for one kernel call: 64-byte aligned, outside the managed heap, returned on Dispose and kept
/// for the next call of a similar size. Its content is arbitrary.
/// </summary>
/// <remarks>
/// Each thread keeps its small blocks. Large ones are kept by the processors, because a server's requests run on many threads of which
/// few compute at a time: there are no more of them than were ever in use at once.
/// </remarks>
internal readonly unsafe ref struct Scratch
{
    private const int SmallestLog = 12, LargestOwnLog = 15, LargestLog = 28; // to 32 KiB by the thread, to 256 MiB by the processor; larger ones are freed at once

    private static readonly SharedBlocks[] Processors = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new SharedBlocks())];

    [ThreadStatic]
    private static OwnBlocks? _own;

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
            if (log <= LargestOwnLog ? (_own ??= new OwnBlocks()).Free.TryPop(log, out nint pointer) : TryTake(log, out pointer))
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
        if (_log <= LargestOwnLog)
            (_own ??= new OwnBlocks()).Free.Push(_log, (nint)Pointer);
        else
            Processors[Here].Push(_log, (nint)Pointer);
    }

    private static int Here => (int)((uint)Thread.GetCurrentProcessorId() % (uint)Processors.Length);

    // Another processor's block is cheaper than a new one, whose pages have yet to be made.
    private static bool TryTake(int log, out nint block)
    {
        for (int i = 0, at = Here; i < Processors.Length; i++, at = at + 1 == Processors.Length ? 0 : at + 1)
        {
            if (Processors[at].TryPop(log, out block))
                return true;
        }
        block = 0;
        return false;
    }

    private readonly struct FreeBlocks()
    {
        private readonly Stack<nint>?[] _free = new Stack<nint>?[LargestLog - SmallestLog + 1];

        public bool TryPop(int log, out nint block)
        {
            block = 0;
            return _free[log - SmallestLog] is { } blocks && blocks.TryPop(out block);
        }

        public void Push(int log, nint block) => (_free[log - SmallestLog] ??= new Stack<nint>(16)).Push(block);
    }

    /// <summary>What one thread keeps: nothing is locked.</summary>
    private sealed class OwnBlocks
    {
        public readonly FreeBlocks Free = new();

        ~OwnBlocks()
        {
            for (int log = SmallestLog; log <= LargestOwnLog; log++)
            {
                while (Free.TryPop(log, out nint block))
                    NativeMemory.AlignedFree((void*)block);
            }
        }
    }

    /// <summary>What one processor keeps for whichever thread runs on it.</summary>
    private sealed class SharedBlocks
    {
        private readonly Lock _gate = new();
        private readonly FreeBlocks _free = new();

        public bool TryPop(int log, out nint block)
        {
            lock (_gate)
                return _free.TryPop(log, out block);
        }

        public void Push(int log, nint block)
        {
            lock (_gate)
                _free.Push(log, block);
        }
    }
}
