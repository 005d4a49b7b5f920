namespace Cleave.Serving.Remote;

/// <summary>One server that answers for a module: whether it is there, what it has in hand, how it has done. Safe for use from several threads.</summary>
internal sealed class RemoteServer : IDisposable
{
    private readonly Lock _gate = new();
    private readonly int _mostMisses;
    private CancellationTokenSource _lost = new();
    private RemoteHealth _health;
    private int _misses, _running;
    private long _requests, _failures;
    private string? _lastFailure;

    /// <param name="address">With a slash at its end.</param>
    public RemoteServer(Uri address, RemoteOptions options, TimeProvider clock)
    {
        (Address, _mostMisses) = (address, options.ProbeMisses);
        Circuit = new CircuitBreaker(options.Failures, options.Open, options.MostOpen, clock);
    }

    public Uri Address { get; }

    public CircuitBreaker Circuit { get; }

    /// <summary>Whether it may be given a request now.</summary>
    public bool IsUsable
    {
        get
        {
            lock (_gate)
                return _health is RemoteHealth.Unknown or RemoteHealth.Ready && Circuit.Admits;
        }
    }

    public int Running => Volatile.Read(ref _running);

    public RemoteServerState State
    {
        get
        {
            lock (_gate)
                return new RemoteServerState(Address, _health, Circuit.State, _running, _requests, _failures, _lastFailure);
        }
    }

    /// <summary>Gives it a request, if it may have one.</summary>
    public RemoteLease? TryLease()
    {
        lock (_gate)
        {
            if (!Circuit.TryEnter(out bool trial))
                return null;
            _running++;
            _requests++;
            return new RemoteLease(this, trial, _lost.Token);
        }
    }

    /// <summary>It has answered a question about its health.</summary>
    /// <returns>Whether it has become ready by that.</returns>
    public bool Said(bool ready)
    {
        lock (_gate)
        {
            bool was = _health == RemoteHealth.Ready;
            (_misses, _health) = (0, ready ? RemoteHealth.Ready : RemoteHealth.NotReady);
            return ready && !was;
        }
    }

    /// <summary>It has not. After a few times what it has in hand is taken from it.</summary>
    public void Missed()
    {
        CancellationTokenSource gone;
        lock (_gate)
        {
            if (++_misses < _mostMisses || _health == RemoteHealth.Lost)
                return;
            _health = RemoteHealth.Lost;
            (gone, _lost) = (_lost, new CancellationTokenSource());
        }
        gone.Cancel();
        gone.Dispose();
    }

    public void Ended(string? failure)
    {
        lock (_gate)
        {
            _running--;
            if (failure is null)
                return;
            _failures++;
            _lastFailure = failure;
        }
    }

    public void Dispose() => _lost.Dispose();
}

/// <summary>A request's stay with a server; it ends in exactly one way, abandoned unless another is said.</summary>
/// <param name="lost">Cancelled when the server does not answer questions about its health any more.</param>
internal sealed class RemoteLease(RemoteServer server, bool trial, CancellationToken lost) : IDisposable
{
    private bool _ended;

    public RemoteServer Server => server;

    public CancellationToken Lost => lost;

    public void Succeed()
    {
        if (End(null))
            server.Circuit.Succeed(trial);
    }

    public void Fail(RemoteException e)
    {
        if (e.IsNotReady)
            server.Said(ready: false);
        // With the reason that the system gives: it names addresses, and is for administrators.
        if (!End(!e.IsFault ? null : e.InnerException is { } reason && reason.Message != e.Message ? CleaveException.OneLine($"{e.Message}: {reason.Message}") : e.Message))
            return;
        if (e.IsFault)
            server.Circuit.Fail(trial);
        else
            server.Circuit.Abandon(trial);
    }

    public void Dispose()
    {
        if (End(null))
            server.Circuit.Abandon(trial);
    }

    private bool End(string? failure)
    {
        if (_ended)
            return false;
        _ended = true;
        server.Ended(failure);
        return true;
    }
}
