using System.Collections.Concurrent;
using Cleave.Numerics.Simd;

namespace Cleave.Tests.Numerics.Kernels;

public unsafe class ScratchTests
{
    /// <summary>A block is one renter's at a time, on whichever thread and of whichever size.</summary>
    [Fact]
    public void Blocks_in_use_are_nobody_elses()
    {
        var failures = new ConcurrentBag<string>();
        Thread[] threads = [.. Enumerable.Range(1, 8).Select(who => new Thread(() =>
        {
            for (int i = 0; i < 400; i++)
            {
                int length = 100 << ((i + who) % 9);
                using var outer = Scratch.Rent(length);
                using var inner = Scratch.Rent(length / 2);
                var first = new Span<float>(outer.Pointer, length);
                var second = new Span<float>(inner.Pointer, length / 2);
                first.Fill(who);
                second.Fill(-who);
                Thread.Yield();
                if (first.IndexOfAnyExcept(who) >= 0 || second.IndexOfAnyExcept(-who) >= 0 || (nint)outer.Pointer % 64 != 0)
                    failures.Add($"thread {who}, {length}");
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.Empty(failures);
    }

    /// <summary>What threads use one after the other is not kept for each of them.</summary>
    [Fact]
    public void A_large_block_goes_from_thread_to_thread()
    {
        const long Floats = (1L << 27) / sizeof(float) - 100; // larger than what anything beside this test takes
        var seen = new HashSet<nint>();
        for (int i = 0; i < 16; i++)
        {
            var thread = new Thread(() =>
            {
                using var block = Scratch.Rent(Floats);
                lock (seen)
                    seen.Add((nint)block.Pointer);
            });
            thread.Start();
            thread.Join();
        }
        Assert.Single(seen);
    }
}
