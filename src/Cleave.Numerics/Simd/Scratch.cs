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

    private static readonly Stack<nint>[] Free = CreateStacks();

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
            Stack<nint> free = Free[log - SmallestLog];
            lock (free)
            {
                if (free.TryPop(out nint pointer))
                    return new Scratch((void*)pointer, log);
            }
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
        Stack<nint> free = Free[_log - SmallestLog];
        lock (free)
            free.Push((nint)Pointer);
    }

    private static Stack<nint>[] CreateStacks()
    {
        var stacks = new Stack<nint>[LargestLog - SmallestLog + 1];
        for (int i = 0; i < stacks.Length; i++)
            stacks[i] = new Stack<nint>(64);
        return stacks;
    }
}
