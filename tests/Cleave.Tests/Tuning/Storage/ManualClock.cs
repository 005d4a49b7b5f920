using Cleave.Tuning;
using Cleave.Tuning.Storage;

namespace Cleave.Tests.Tuning.Storage;

internal sealed class ManualClock : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>Lets threads take turns at a storage that callers must not use at once.</summary>
internal sealed class OneAtATime(IStudyStorage inner) : IStudyStorage
{
    public StudyDefinition Definition => inner.Definition;

    public string? Settings => inner.Settings;

    public TimeSpan? LeaseTime => inner.LeaseTime;

    public IReadOnlyList<Trial> Trials
    {
        get
        {
            lock (inner)
                return [.. inner.Trials];
        }
    }

    public void Refresh() => Do(() => inner.Refresh());

    public void Configure(string settings) => Do(() => inner.Configure(settings));

    public Trial Enqueue(ParameterSet parameters) => Get(() => inner.Enqueue(parameters));

    public Lease? Claim(string worker, int limit = int.MaxValue) => Get(() => inner.Claim(worker, limit));

    public Lease? Resume(int number, string worker) => Get(() => inner.Resume(number, worker));

    public void Renew(Lease lease) => Do(() => inner.Renew(lease));

    public void SetParameters(Lease lease, ParameterSet parameters) => Do(() => inner.SetParameters(lease, parameters));

    public void Report(Lease lease, int step, double value, string? checkpoint = null) => Do(() => inner.Report(lease, step, value, checkpoint));

    public void Attach(Lease lease, IReadOnlyList<string> artifacts) => Do(() => inner.Attach(lease, artifacts));

    public void Pause(Lease lease) => Do(() => inner.Pause(lease));

    public void Finish(Lease lease, TrialOutcome outcome) => Do(() => inner.Finish(lease, outcome));

    public void Release(Lease lease) => Do(() => inner.Release(lease));

    public void Dispose()
    {
    }

    private void Do(Action action) => Get(() =>
    {
        action();
        return true;
    });

    private T Get<T>(Func<T> action)
    {
        lock (inner)
            return action();
    }
}
