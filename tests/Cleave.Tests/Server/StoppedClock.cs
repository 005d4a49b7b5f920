namespace Cleave.Tests.Server;

/// <summary>A clock whose timers all run out when the test says so.</summary>
internal sealed class StoppedClock : TimeProvider
{
    private readonly List<Timer> _timers = [];

    /// <summary>How many timers wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_timers)
                return _timers.Count;
        }
    }

    public void RunOut()
    {
        Timer[] due;
        lock (_timers)
        {
            due = [.. _timers];
            _timers.Clear();
        }
        Array.ForEach(due, t => t.Callback(t.State));
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        lock (_timers)
            _timers.Add(timer);
        return timer;
    }

    private sealed record Timer(StoppedClock Clock, TimerCallback Callback, object? State) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
            lock (Clock._timers)
                Clock._timers.RemoveAll(t => ReferenceEquals(t, this));
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
