using System.Diagnostics;

namespace Cleave.Server;

/// <summary>
/// Threads that wait for the answers to requests, more of them than there are cores, and a bounded row of requests that have no thread yet.
/// They are kept for long, so this stays off the pool that serves connections. No model has all of them: a request to another one finds a thread.
/// </summary>
internal sealed class WorkQueue : IDisposable
{
    private readonly object _gate = new();
    private readonly LinkedList<Job> _jobs = [];
    private readonly Dictionary<string, int> _running = new(StringComparer.Ordinal);
    private readonly Thread[] _threads;
    private readonly int _most, _mostOfOne;
    private double _meanSeconds;
    private bool _ends;

    /// <param name="waiting">Requests that may wait for a thread.</param>
    /// <param name="mostOfOne">Threads that requests to one model may have; null: three quarters.</param>
    public WorkQueue(int workers, int waiting, int? mostOfOne = null)
    {
        (_most, _mostOfOne) = (waiting, mostOfOne ?? Math.Max(1, workers - workers / 4));
        _threads = new Thread[workers];
        for (int i = 0; i < workers; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"cleave-serve-{i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>Jobs that no worker has taken yet.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _jobs.Count;
        }
    }

    /// <summary>When a refused client may try again: about the time that half of the waiting jobs take, 1 to 60 s.</summary>
    public int RetryAfterSeconds
    {
        get
        {
            lock (_gate)
                return (int)Math.Clamp(Math.Ceiling(_meanSeconds * _jobs.Count / _threads.Length / 2), 1, 60);
        }
    }

    /// <summary>False where too many wait already.</summary>
    /// <param name="model">What the request names.</param>
    /// <param name="run">Must not throw. Where it is cancelled it runs at once, to say so, and gives up its place.</param>
    public bool TryAdd(string model, Action run, CancellationToken cancellation)
    {
        var job = new Job(model, run);
        lock (_gate)
        {
            if (_jobs.Count >= _most || _ends)
                return false;
            _jobs.AddLast(job);
            Monitor.Pulse(_gate);
        }
        job.Leaving = cancellation.UnsafeRegister(_ => Leave(job), null);
        return true;
    }

    /// <summary>Waits for what was taken in.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ends = true;
            Monitor.PulseAll(_gate);
        }
        foreach (Thread thread in _threads)
            thread.Join();
    }

    private void Leave(Job job)
    {
        lock (_gate)
        {
            if (!_jobs.Remove(job))
                return;
            Monitor.PulseAll(_gate);
        }
        job.Run();
    }

    private void Work()
    {
        while (Take() is { } job)
        {
            job.Leaving.Unregister();
            long started = Stopwatch.GetTimestamp();
            job.Run();
            Done(job, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
    }

    // The first whose model has not all that it may have; null once there will be none.
    private Job? Take()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_jobs.FirstOrDefault(j => _running.GetValueOrDefault(j.Model) < _mostOfOne) is { } job)
                {
                    _jobs.Remove(job);
                    _running[job.Model] = _running.GetValueOrDefault(job.Model) + 1;
                    return job;
                }
                if (_ends && _jobs.Count == 0)
                    return null;
                Monitor.Wait(_gate);
            }
        }
    }

    private void Done(Job job, double seconds)
    {
        lock (_gate)
        {
            _meanSeconds = _meanSeconds == 0 ? seconds : 0.9 * _meanSeconds + 0.1 * seconds;
            if (--_running[job.Model] == 0)
                _running.Remove(job.Model); // names come from clients
            if (_jobs.Count > 0)
                Monitor.PulseAll(_gate);
        }
    }

    private sealed class Job(string model, Action run)
    {
        public string Model { get; } = model;
        public Action Run { get; } = run;
        public CancellationTokenRegistration Leaving { get; set; }
    }
}
