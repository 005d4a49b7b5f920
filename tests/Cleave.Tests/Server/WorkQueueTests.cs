using Cleave.Server;

namespace Cleave.Tests.Server;

[Trait("Kernels", "unused")]
public sealed class WorkQueueTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task One_models_requests_leave_threads_to_those_of_others()
    {
        using var go = new ManualResetEventSlim();
        using var begun = new SemaphoreSlim(0);
        using var queue = new WorkQueue(4, 16);
        for (int i = 0; i < 6; i++)
            Assert.True(queue.TryAdd("long", () => { begun.Release(); go.Wait(); }, default));
        for (int i = 0; i < 3; i++)
            Assert.True(await begun.WaitAsync(Patience));
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.True(queue.TryAdd("short", other.SetResult, default)); // behind three that wait
        await other.Task.WaitAsync(Patience);
        Assert.Equal((3, 0), (queue.Waiting, begun.CurrentCount));
        go.Set();
        for (int i = 0; i < 3; i++)
            Assert.True(await begun.WaitAsync(Patience));
    }

    [Fact]
    public async Task Who_leaves_gives_up_its_place_at_once()
    {
        using var go = new ManualResetEventSlim();
        using var queue = new WorkQueue(1, 1);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.True(queue.TryAdd("m", () => { begun.SetResult(); go.Wait(); }, default));
        await begun.Task.WaitAsync(Patience);
        using var leaves = new CancellationTokenSource();
        bool heard = false;
        Assert.True(queue.TryAdd("m", () => heard = leaves.IsCancellationRequested, leaves.Token));
        Assert.False(queue.TryAdd("m", () => { }, default));
        await leaves.CancelAsync();
        Assert.True(heard);
        var last = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.True(queue.TryAdd("m", last.SetResult, default));
        Assert.Equal(1, queue.Waiting);
        go.Set();
        await last.Task.WaitAsync(Patience);
        Assert.True(queue.TryAdd("m", () => { }, new CancellationToken(canceled: true)));
    }
}
