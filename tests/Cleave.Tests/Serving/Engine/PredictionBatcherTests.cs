using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Serving.Engine;
using Cleave.Splitting.Modules;

namespace Cleave.Tests.Serving.Engine;

public sealed class PredictionBatcherTests : IDisposable
{
    /// <summary>Says how long a text is; knows nothing of an empty one.</summary>
    private sealed class Lengths : ITaskModule
    {
        public Action<int> BeforePass { get; set; } = _ => { };
        public List<int> Passes { get; } = [];
        public string Task => "length";
        public TaskKind Kind => TaskKind.Classify;
        public IReadOnlyList<string> Labels => [];
        public long WeightBytes => 0;
        public long Parameters => 0;

        public IReadOnlyList<Prediction> Predict(IReadOnlyList<Example> items, CancellationToken cancellation = default)
        {
            lock (Passes)
                Passes.Add(items.Count);
            BeforePass(items.Count);
            return [.. items.Select(i => i.Text.Length > 0 ? new Prediction { Label = $"{i.Text.Length}", Confidence = 1 } : throw new CleaveException("an empty text"))];
        }

        public void Dispose()
        {
            // Holds nothing.
        }
    }

    private readonly Lengths _module = new();
    private readonly PredictionBatcher _batcher;

    public PredictionBatcherTests() => _batcher = new PredictionBatcher(_module, new ComputeTurns(), new ComputeShare("length"), null);

    public void Dispose() => _module.Dispose();

    private string[] Ask(CancellationToken cancellation, params string[] texts) =>
        [.. _batcher.Predict([.. texts.Select(t => new Example { Text = t })], cancellation).Predictions.Select(p => p.Label!)];

    private Task<string[]> Asking(params string[] texts) => Task.Factory.StartNew(() => Ask(default, texts), TaskCreationOptions.LongRunning);

    // Blocks the module's first pass until some texts wait for the second.
    private async Task<Task<string[]>[]> Together(params string[][] waiting)
    {
        using var go = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        _module.BeforePass = _ => { begun.Set(); go.Wait(); };
        Task<string[]> first = Asking("first");
        begun.Wait();
        Task<string[]>[] others = [.. waiting.Select(texts => Asking(texts))];
        int texts = waiting.Sum(t => t.Length);
        Assert.True(SpinWait.SpinUntil(() => _batcher.Waiting == texts, TimeSpan.FromSeconds(30)));
        _module.BeforePass = _ => { };
        go.Set();
        Assert.Equal(["5"], await first);
        return others;
    }

    [Fact]
    public async Task Texts_that_wait_at_the_same_time_are_asked_together()
    {
        Task<string[]>[] others = await Together(["a"], ["ab", "abc"], ["abcd"], ["abcde"]);
        Assert.Equal([["1"], ["2", "3"], ["4"], ["5"]], await Task.WhenAll(others));
        Assert.Equal([1, 5], _module.Passes);
    }

    [Fact]
    public async Task A_text_that_cannot_be_judged_is_nobody_elses_trouble()
    {
        Task<string[]>[] others = await Together(["a"], [""], ["abc"]);
        Assert.Equal(["1"], await others[0]);
        Assert.Equal(["3"], await others[2]);
        Assert.Equal("an empty text", (await Assert.ThrowsAsync<CleaveException>(() => others[1])).Message);
        Assert.Equal([1, 3, 1, 1, 1], _module.Passes);
    }

    [Fact]
    public void Many_texts_are_asked_in_batches_in_their_order_and_none_is_no_pass()
    {
        string[] texts = [.. Enumerable.Range(1, 70).Select(n => new string('x', n))];
        Assert.Equal(texts.Select(t => $"{t.Length}"), Ask(default, texts));
        Assert.Equal([32, 32, 6], _module.Passes);
        Assert.Empty(Ask(default));
    }

    [Fact]
    public async Task Who_is_cancelled_while_waiting_leaves_the_row()
    {
        using var go = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource();
        _module.BeforePass = _ => { begun.Set(); go.Wait(); };
        Task<string[]> first = Asking("first");
        begun.Wait();
        Task leaves = Task.Factory.StartNew(() => Assert.ThrowsAny<OperationCanceledException>(() => Ask(cancel.Token, "gone")), TaskCreationOptions.LongRunning);
        Assert.True(SpinWait.SpinUntil(() => _batcher.Waiting == 1, TimeSpan.FromSeconds(30)));
        await cancel.CancelAsync();
        await leaves;
        Assert.Equal(0, _batcher.Waiting);
        go.Set();
        await first;
        Assert.Equal([1], _module.Passes);
    }
}
