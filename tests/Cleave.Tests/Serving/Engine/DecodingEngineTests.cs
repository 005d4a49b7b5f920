using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Serving.Engine;

namespace Cleave.Tests.Serving.Engine;

public sealed class DecodingEngineTests
{
    private readonly LanguageModel _model = DecisiveModel.Create("llama");

    private DecodingEngine Start(EngineOptions? options = null) => new(_model.Transformer, new ComputeTurns(), new ComputeShare("tiny"), options);

    private static SequenceRequest Request(int first, int most, int length = 3) =>
        new() { Prompt = [.. Enumerable.Range(first, length)], Sampling = new SamplingOptions { MaxTokens = most }, IsEnd = _ => false };

    private static void IsIdle(DecodingEngine engine) =>
        Assert.True(SpinWait.SpinUntil(() => engine.Load == new EngineLoad(0, 0, 0), TimeSpan.FromSeconds(30)), engine.Load.ToString());

    [Fact]
    public async Task Threads_get_each_its_own_answer()
    {
        using DecodingEngine engine = Start(new EngineOptions { MaxSequences = 3, StepTokens = 8 });
        Task<List<int>>[] asked = [.. Enumerable.Range(0, 8).Select(i => Task.Factory.StartNew(() =>
        {
            var made = new List<int>();
            SequenceResult result = engine.Run(Request(10 * i + 1, 8, 1 + i), t => { made.Add(t.Id); return true; });
            Assert.False(result.Ended);
            return made;
        }, TaskCreationOptions.LongRunning))];
        List<int>[] all = await Task.WhenAll(asked);
        for (int i = 0; i < all.Length; i++)
            Assert.Equal(DecisiveModel.Alone(_model, Request(10 * i + 1, 8, 1 + i).Prompt, new SamplingOptions { MaxTokens = 8 }, null).Tokens, all[i]);
        IsIdle(engine);
    }

    [Fact]
    public async Task A_listener_that_takes_its_time_holds_up_nobody()
    {
        using DecodingEngine engine = Start();
        using var go = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        int heard = 0;
        Task slow = Task.Factory.StartNew(() => engine.Run(Request(1, 20), _ => { begun.Set(); go.Wait(); heard++; return true; }), TaskCreationOptions.LongRunning);
        begun.Wait();
        int quick = 0;
        engine.Run(Request(5, 30), _ => ++quick > 0); // would never end if the engine waited for the other
        Assert.Equal((30, 0), (quick, heard));
        go.Set();
        await slow;
        Assert.Equal(20, heard);
    }

    [Fact]
    public void Who_has_heard_enough_fails_or_is_cancelled_leaves_nothing_behind()
    {
        using DecodingEngine engine = Start();
        int heard = 0;
        engine.Run(Request(1, 50), _ => ++heard < 3);
        Assert.Equal(3, heard);
        Assert.Throws<FormatException>(() => engine.Run(Request(1, 50), _ => throw new FormatException()));
        using var cancel = new CancellationTokenSource();
        heard = 0;
        Assert.Throws<OperationCanceledException>(() => engine.Run(Request(1, 50), _ => { if (++heard == 2) cancel.Cancel(); return true; }, cancel.Token));
        Assert.Equal(2, heard);
        Assert.Throws<OperationCanceledException>(() => engine.Run(Request(1, 50), _ => true, cancel.Token));
        Assert.Throws<CapacityException>(() => engine.Run(Request(1, 50, 64), _ => true));
        IsIdle(engine);
    }

    [Fact]
    public async Task Those_who_wait_when_it_ends_are_told_so()
    {
        DecodingEngine engine = Start(new EngineOptions { MaxSequences = 1 });
        using var begun = new ManualResetEventSlim();
        Task[] asked = [.. Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(() =>
            Assert.Throws<ObjectDisposedException>(() => Again(engine, begun)), TaskCreationOptions.LongRunning))];
        begun.Wait();
        engine.Dispose();
        engine.Dispose();
        await Task.WhenAll(asked);
        Assert.Throws<ObjectDisposedException>(() => engine.Run(Request(1, 5), _ => true));
    }

    private static void Again(DecodingEngine engine, ManualResetEventSlim begun)
    {
        for (int n = 0; n < 1_000_000; n++)
            engine.Run(Request(1, 60), _ => { begun.Set(); return true; });
    }
}
