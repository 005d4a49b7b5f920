namespace Cleave.Tests.Hub;

/// <summary>
/// A clock that jumps: waits end at once and are noted, and the time moves on by them. Timers of <paramref name="held"/>,
/// the silence that is allowed, only fire when <see cref="Stall"/> says so.
/// </summary>
internal sealed class JumpClock(TimeSpan held) : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<HeldTimer> _timers = [];
    private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public List<TimeSpan> Waits { get; } = [];

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _now;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        lock (_gate)
        {
            if (dueTime == held || dueTime == Timeout.InfiniteTimeSpan)
            {
                var timer = new HeldTimer(this, () => callback(state));
                _timers.Add(timer);
                return timer;
            }
            Waits.Add(dueTime);
            _now += dueTime;
        }
        return System.CreateTimer(callback, state, TimeSpan.Zero, period);
    }

    /// <summary>As if nothing had arrived for too long, on every open connection.</summary>
    public void Stall()
    {
        HeldTimer[] timers;
        lock (_gate)
            timers = [.. _timers];
        foreach (HeldTimer timer in timers)
            timer.Fire();
    }

    private sealed class HeldTimer(JumpClock clock, Action fire) : ITimer
    {
        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
            lock (clock._gate)
                clock._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
