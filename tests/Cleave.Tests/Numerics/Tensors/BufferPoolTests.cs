using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Numerics.Tensors;

public unsafe class BufferPoolTests
{
    /// <summary>One large batch is paid for while it may come again, and what every step needs stays.</summary>
    [Fact]
    public void What_many_steps_do_not_need_goes_back_to_the_system()
    {
        using var pool = new BufferPool();
        Step(pool, 1000, 1000, 50);
        long usual = pool.Bytes;
        Step(pool, 1000, 1000, 50, 1_000_000, 900_000);
        long most = pool.Bytes;
        Assert.True(most - usual >= 4 * 1_900_000);
        for (int step = 2; step < BufferPool.StepsRemembered; step++)
            Step(pool, 1000, 1000, 50);
        Assert.Equal(most, pool.Bytes);
        for (int step = 0; step < BufferPool.StepsRemembered; step++)
            Step(pool, 1000, 1000, 50);
        Assert.Equal(usual, pool.Bytes);
    }

    [Fact]
    public void Sizes_that_come_now_and_then_are_kept()
    {
        using var pool = new BufferPool();
        long held = 0;
        for (int step = 0; step < 4 * BufferPool.StepsRemembered; step++)
        {
            Step(pool, 64 << (step / 100 % 5));
            if (step == 500)
                held = pool.Bytes;
        }
        Assert.Equal(4 * (64 + 128 + 256 + 512 + 1024), held);
        Assert.Equal(held, pool.Bytes);
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        var pool = new BufferPool();
        Step(pool, 1, 10, 100_000);
        pool.Dispose();
        Assert.Equal(0, pool.Bytes);
    }

    private static void Step(BufferPool pool, params int[] lengths)
    {
        nint[] blocks = [.. lengths.Select(l => (nint)pool.Rent(l))];
        Assert.Equal(blocks.Length, blocks.Distinct().Count());
        for (int i = 0; i < blocks.Length; i++)
        {
            new Span<float>((void*)blocks[i], lengths[i]).Fill(i);
            pool.Return((float*)blocks[i], lengths[i]);
        }
        pool.EndStep();
    }
}
