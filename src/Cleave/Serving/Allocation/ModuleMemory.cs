namespace Cleave.Serving.Allocation;

/// <summary>
/// The modules of a process in memory, under one limit (<see cref="MemoryTable"/>): a request holds what it uses, and waits for what is not there; whoever
/// waits does the loading and the taking out. Safe for use from several threads.
/// </summary>
public sealed class ModuleMemory
{
    private const int RetrySeconds = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), Glance = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private readonly MemoryTable _table;
    private readonly TimeProvider _clock;
    private readonly long _start;
    private readonly Dictionary<string, (Func<long> Load, Action Unload)> _modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _waitingFor = new(StringComparer.Ordinal);
    private int _waiting;

    /// <param name="limit">Bytes of modules, keys and values; null for no limit.</param>
    public ModuleMemory(long? limit = null, TimeProvider? clock = null)
    {
        (_table, _clock) = (new MemoryTable(limit), clock ?? TimeProvider.System);
        _start = _clock.GetTimestamp();
    }

    public long? Limit
    {
        get
        {
            lock (_gate)
                return _table.Limit;
        }
    }

    /// <summary>Requests that wait for a module.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Bytes in use, and the modules that had to make room and that came back, so far.</summary>
    public (long Used, long Evictions, long Reloads) Totals
    {
        get
        {
            lock (_gate)
                return (_table.Used, _table.Evictions, _table.Reloads);
        }
    }

    private double Now => _clock.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Tells of a module that requests will use; it is not loaded yet.</summary>
    /// <param name="key">Its own among all modules of the process.</param>
    /// <param name="bytes">About as many as it will take.</param>
    /// <param name="load">Brings it into memory, and says how many bytes it takes.</param>
    /// <param name="unload">Takes it out; nobody uses it then.</param>
    /// <exception cref="CapacityException">It would not fit even alone.</exception>
    public void Add(string key, long bytes, Func<long> load, Action unload)
    {
        lock (_gate)
        {
            _table.Add(key, bytes, 0);
            _modules.Add(key, (load, unload));
        }
    }

    /// <summary>Forgets a module that nobody uses any more; it stays to its owner to take it out.</summary>
    public void Remove(string key)
    {
        lock (_gate)
        {
            _table.Remove(key);
            _modules.Remove(key);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Sets bytes aside that are not modules', or gives them back where they are negative.</summary>
    /// <exception cref="CapacityException">A module would not fit beside them any more.</exception>
    public void Reserve(long bytes)
    {
        lock (_gate)
        {
            _table.Reserve(bytes);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Changes the limit.</summary>
    /// <exception cref="CapacityException">A module would not fit even alone.</exception>
    public void SetLimit(long limit)
    {
        lock (_gate)
        {
            _table.SetLimit(limit);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Holds a module in memory until the result is disposed; waits where it has to be loaded first.</summary>
    /// <exception cref="BusyException">It could not be loaded for so long that the request should come again later.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    public IDisposable Use(string key, CancellationToken cancellation)
    {
        double asked = Now;
        lock (_gate)
        {
            if (_table.TryUse(key, asked))
                return new Held(this, key);
            _waitingFor[key] = _waitingFor.GetValueOrDefault(key) + 1;
        }
        Interlocked.Increment(ref _waiting);
        using CancellationTokenRegistration registration = cancellation.Register(() =>
        {
            lock (_gate)
                Monitor.PulseAll(_gate);
        });
        try
        {
            while (true)
            {
                MemoryStep? step;
                lock (_gate)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (_table.TryUse(key, Now, again: true))
                        return new Held(this, key);
                    step = _table.Next(Now);
                    if (step is null)
                    {
                        TimeSpan left = Patience - TimeSpan.FromSeconds(Now - asked);
                        if (left <= TimeSpan.Zero)
                            throw new BusyException($"the modules that are asked for do not fit into memory together, and '{MemoryTable.NameOf(key)}' had no turn", RetrySeconds);
                        TimeSpan pause = _table.Patience(Now) is { } seconds ? TimeSpan.FromSeconds(Math.Max(0.001, seconds)) : Glance;
                        Monitor.Wait(_gate, pause < left ? pause : left);
                        continue;
                    }
                }
                Do(step.Value, key);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            lock (_gate)
            {
                if (--_waitingFor[key] == 0)
                {
                    _waitingFor.Remove(key);
                    _table.Abandon(key); // where the last one has given up, nobody else's module makes room for it
                }
            }
        }
    }

    /// <summary>Each module's bytes and requests a second, whether it is in memory, and the requests that use it.</summary>
    public IReadOnlyList<(ResidentModule Module, bool IsIn, int Users)> State()
    {
        lock (_gate)
            return [.. _table.State(Now)];
    }

    // What fails to load fails for those who want it: they find it missing and try for themselves.
    private void Do(MemoryStep step, string own)
    {
        (Func<long> Load, Action Unload) module;
        lock (_gate)
        {
            if (!_modules.TryGetValue(step.Module, out module))
                return; // its version has gone meanwhile
        }
        long started = _clock.GetTimestamp(), bytes = 0;
        bool loaded = false;
        try
        {
            if (step.Load)
                (bytes, loaded) = (module.Load(), true);
            else
                module.Unload();
        }
        catch (Exception) when (step.Module != own)
        {
            // its own request will hear it
        }
        finally
        {
            lock (_gate)
            {
                if (!_table.Knows(step.Module))
                    loaded = false; // its version has gone meanwhile
                else if (loaded)
                    _table.Loaded(step.Module, bytes, _clock.GetElapsedTime(started).TotalSeconds, Now);
                else
                    _table.Gone(step.Module);
                Monitor.PulseAll(_gate);
            }
        }
    }

    private void Leave(string key)
    {
        lock (_gate)
        {
            _table.Leave(key);
            if (_waiting > 0)
                Monitor.PulseAll(_gate);
        }
    }

    private sealed class Held(ModuleMemory owner, string key) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
                owner.Leave(key);
        }
    }
}
