using System.Collections.Concurrent;
using System.Diagnostics;

namespace Cleave.Server;

/// <summary>
/// Threads that wait for the answers to requests, more of them than there are cores, and a bounded row of requests that have no thread yet.
/// They are kept for long, so this stays off the pool that serves connections.
/// </summary>
internal sealed class WorkQueue : IDisposable
{
    private readonly BlockingCollection<Action> _jobs;
    private readonly Thread[] _threads;
    private readonly Lock _gate = new();
    private double _meanSeconds;

    public WorkQueue(int workers, int waiting)
    {
        _jobs = new BlockingCollection<Action>(waiting);
        _threads = new Thread[workers];
        for (int i = 0; i < workers; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"cleave-serve-{i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>Jobs that no worker has taken yet.</summary>
    public int Waiting => _jobs.Count;

    /// <summary>False where too many wait already. The job must not throw.</summary>
    public bool TryAdd(Action job) => _jobs.TryAdd(job);

    /// <summary>When a refused client may try again: about the time that half of the waiting jobs take, 1 to 60 s.</summary>
    public int RetryAfterSeconds
    {
        get
        {
            lock (_gate)
                return (int)Math.Clamp(Math.Ceiling(_meanSeconds * _jobs.Count / _threads.Length / 2), 1, 60);
        }
    }

    public void Dispose()
    {
        _jobs.CompleteAdding();
        foreach (Thread thread in _threads)
            thread.Join();
        _jobs.Dispose();
    }

    private void Work()
    {
        foreach (Action job in _jobs.GetConsumingEnumerable())
        {
            long started = Stopwatch.GetTimestamp();
            job();
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            lock (_gate)
                _meanSeconds = _meanSeconds == 0 ? seconds : 0.9 * _meanSeconds + 0.1 * seconds;
        }
    }
}
