namespace Cleave.Hub;

/// <summary>Ends a connection on which nothing arrives for too long.</summary>
internal sealed class StallGuard : IDisposable
{
    private readonly TimeSpan _limit;
    private readonly CancellationTokenSource _timer, _linked;
    private readonly CancellationToken _outer;

    public StallGuard(TimeSpan limit, TimeProvider clock, CancellationToken outer)
    {
        (_limit, _outer) = (limit, outer);
        _timer = new CancellationTokenSource(limit, clock);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, outer);
    }

    public CancellationToken Token => _linked.Token;

    /// <summary>Something arrived: the time starts over.</summary>
    public void Alive() => _timer.CancelAfter(_limit);

    /// <summary>What a failure of the network means: a reason to try again, or to stop.</summary>
    public Exception Explain(Exception e, Uri address)
    {
        if (_outer.IsCancellationRequested)
            return new OperationCanceledException(e.Message, e, _outer);
        if (_timer.IsCancellationRequested)
            return new TransientException($"{address.Host}: nothing arrived for {_limit.TotalSeconds:0.#} s", inner: e);
        if (e is not HttpRequestException request)
            return e is IOException ? new TransientException($"{address.Host}: the connection broke: {e.Message}", inner: e) : e;
        return request.HttpRequestError switch
        {
            HttpRequestError.SecureConnectionError => new HubException($"{address.Host}: no secure connection: {(e.InnerException ?? e).Message} (check the clock, the proxy and HF_ENDPOINT)", e),
            HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.ProxyTunnelError =>
                new TransientException($"{address.Host}: cannot be reached: {e.Message} (check the network and HF_ENDPOINT; --offline uses what is in the cache)", attempts: 3, inner: e),
            _ => new TransientException($"{address.Host}: the connection broke: {e.Message}", inner: e),
        };
    }

    public void Dispose()
    {
        _linked.Dispose();
        _timer.Dispose();
    }
}
