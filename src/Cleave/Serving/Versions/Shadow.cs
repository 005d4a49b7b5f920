using System.Threading.Channels;

namespace Cleave.Serving.Versions;

/// <summary>Answers requests a second time, on a version whose answers nobody is given, and compares. What it is too slow for is left out, so requests never wait for it.</summary>
internal sealed class Shadow : IDisposable
{
    private const int MostWaiting = 32;

    private readonly Func<ModuleRequest, CancellationToken, ModuleResult?> _answer;
    private readonly Channel<(ModuleRequest Request, ModuleResult Given)> _waiting = Channel.CreateBounded<(ModuleRequest, ModuleResult)>(MostWaiting);
    private readonly CancellationTokenSource _stop = new(); // left to the collector: when the thread ends, Dispose may be about to cancel it
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Compared, long Equal)> _byTask = new(StringComparer.Ordinal);
    private long _failed, _skipped;

    /// <param name="answer">Null where the version takes no more requests.</param>
    public Shadow(Func<ModuleRequest, CancellationToken, ModuleResult?> answer)
    {
        _answer = answer;
        new Thread(Work) { IsBackground = true, Name = "cleave-shadow" }.Start(_stop.Token);
    }

    public ShadowComparison Comparison
    {
        get
        {
            lock (_gate)
            {
                return new ShadowComparison(_byTask.Values.Sum(t => t.Compared), _byTask.Values.Sum(t => t.Equal), _failed, _skipped,
                    new Dictionary<string, (long, long)>(_byTask, StringComparer.Ordinal));
            }
        }
    }

    public void Offer(ModuleRequest request, ModuleResult given)
    {
        if (!_waiting.Writer.TryWrite((request, given)))
        {
            lock (_gate)
                _skipped++;
        }
    }

    public void Dispose()
    {
        _waiting.Writer.TryComplete();
        _stop.Cancel();
    }

    private void Work(object? token)
    {
        var stop = (CancellationToken)token!;
        try
        {
            while (_waiting.Reader.WaitToReadAsync(stop).AsTask().GetAwaiter().GetResult())
            {
                while (!stop.IsCancellationRequested && _waiting.Reader.TryRead(out (ModuleRequest Request, ModuleResult Given) next))
                    Compare(next.Request, next.Given, stop);
            }
        }
        catch (OperationCanceledException)
        {
            // The trial is over.
        }
    }

    private void Compare(ModuleRequest request, ModuleResult given, CancellationToken stop)
    {
        ModuleResult? own;
        try
        {
            own = _answer(request, stop);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            lock (_gate)
                _failed++;
            return;
        }
        if (own is null)
            return;
        bool equal = own.Text == given.Text && own.Choice.Task == given.Choice.Task;
        lock (_gate)
        {
            (long compared, long same) = _byTask.GetValueOrDefault(given.Choice.Task);
            _byTask[given.Choice.Task] = (compared + 1, same + (equal ? 1 : 0));
        }
    }
}
