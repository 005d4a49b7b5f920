namespace Cleave.Serving.Remote;

/// <summary>One module that other servers answer for, each of them all of it. Safe for use from several threads.</summary>
internal sealed class RemoteModule : IDisposable
{
    private readonly RemoteOptions _options;
    private readonly RetryBudget _budget;
    private int _running, _turn;
    private long _retries;

    /// <param name="addresses">Of the servers, at least one, each with a slash at its end.</param>
    public RemoteModule(string name, IReadOnlyList<Uri> addresses, RemoteOptions options, TimeProvider clock)
    {
        (Name, _options) = (name, options);
        _budget = new RetryBudget(options.RetryShare, options.RetryReserve);
        Servers = [.. addresses.Select(a => new RemoteServer(a, options, clock))];
    }

    public string Name { get; }

    public IReadOnlyList<RemoteServer> Servers { get; }

    /// <summary>What its servers say that it is; null until one has.</summary>
    public ServedModule? Description { get; set; }

    public RemoteModuleState State => new(Name, Description, [.. Servers.Select(s => s.State)], Volatile.Read(ref _running), Interlocked.Read(ref _retries), _budget.Left);

    /// <summary>
    /// Gives a request to the server that has the fewest, and to another one where that fails before anything was heard of its answer; where
    /// there is no other one and the connection broke, to the same.
    /// </summary>
    /// <param name="ask">Asks one server.</param>
    /// <param name="isHeard">Whether somebody has heard a part of the answer: then it is this server's answer or none.</param>
    /// <exception cref="RemoteException">No server answered.</exception>
    /// <exception cref="RequestException">The server that was asked refuses the request.</exception>
    /// <exception cref="OperationCanceledException">Nobody waits for the answer any more.</exception>
    public async Task<T> Ask<T>(Func<RemoteLease, Task<T>> ask, Func<bool> isHeard)
    {
        try
        {
            if (Interlocked.Increment(ref _running) > _options.MostRunning)
                throw new RemoteException(429, RemoteException.Busy, $"{_options.MostRunning} requests to '{Name}' are with its servers already; try again later") { RetryAfter = TimeSpan.FromSeconds(1) };
            _budget.Save();
            var tried = new List<RemoteServer>();
            RemoteException? failed = null;
            while (Next(tried, failed) is { } lease)
            {
                using (lease)
                {
                    tried.Add(lease.Server);
                    try
                    {
                        T answer = await ask(lease).ConfigureAwait(false);
                        lease.Succeed();
                        return answer;
                    }
                    catch (RequestException)
                    {
                        lease.Succeed(); // it works; the request does not
                        throw;
                    }
                    catch (RemoteException e)
                    {
                        lease.Fail(e);
                        failed = e;
                        if (!e.IsWorthAnotherTry || isHeard() || tried.Count >= _options.Tries)
                            break;
                    }
                }
            }
            throw failed ?? new RemoteException(503, RemoteException.Unavailable, $"none of the {Servers.Count} servers of '{Name}' can be asked now; try again later") { RetryAfter = _options.ProbeEvery };
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public void Dispose()
    {
        foreach (RemoteServer server in Servers)
            server.Dispose();
    }

    // Of servers with as many requests each has its turn.
    private RemoteLease? Next(List<RemoteServer> tried, RemoteException? failed)
    {
        bool again = failed is not null;
        int turn = Interlocked.Increment(ref _turn) & int.MaxValue;
        foreach (RemoteServer server in Enumerable.Range(0, Servers.Count).Select(i => Servers[(i + turn) % Servers.Count])
            .Where(s => s.IsUsable && (failed is { IsBroken: true } || !tried.Contains(s))).OrderBy(tried.Contains).ThenBy(s => s.Running).ToArray())
        {
            if (again && !_budget.TryTake())
                return null;
            if (server.TryLease() is { } lease)
            {
                if (again)
                    Interlocked.Increment(ref _retries);
                return lease;
            }
        }
        return null;
    }
}
