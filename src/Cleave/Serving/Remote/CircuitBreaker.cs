namespace Cleave.Serving.Remote;

/// <summary>Whether a server is given requests.</summary>
public enum CircuitState
{
    /// <summary>As many as come.</summary>
    Closed,

    /// <summary>None.</summary>
    Open,

    /// <summary>One, which decides.</summary>
    HalfOpen,
}

/// <summary>
/// Keeps requests from a server that keeps failing (Nygard, Release It!, 2007): a row of failures opens the circuit; after a time one request
/// tries the server, and closes the circuit or opens it for twice as long. Safe for use from several threads.
/// </summary>
/// <param name="failures">In a row that open it.</param>
/// <param name="first">How long it is open the first time.</param>
/// <param name="most">How long at most.</param>
internal sealed class CircuitBreaker(int failures, TimeSpan first, TimeSpan most, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private CircuitState _state;
    private int _row;
    private TimeSpan _open;
    private DateTimeOffset _until;

    public CircuitState State
    {
        get
        {
            lock (_gate)
                return _state;
        }
    }

    /// <summary>Whether <see cref="TryEnter"/> would let a request through.</summary>
    public bool Admits
    {
        get
        {
            lock (_gate)
                return _state == CircuitState.Closed || (_state == CircuitState.Open && clock.GetUtcNow() >= _until);
        }
    }

    /// <summary>Lets a request through or not.</summary>
    /// <param name="trial">Whether it is the one that decides; said again when it has ended.</param>
    public bool TryEnter(out bool trial)
    {
        lock (_gate)
        {
            trial = _state == CircuitState.Open && clock.GetUtcNow() >= _until;
            if (trial)
                _state = CircuitState.HalfOpen;
            return trial || _state == CircuitState.Closed;
        }
    }

    /// <summary>The request was answered, even if with a refusal of what it asks.</summary>
    public void Succeed(bool trial)
    {
        lock (_gate)
        {
            // What was begun before it opened says nothing about now.
            if (!trial && _state != CircuitState.Closed)
                return;
            (_state, _row) = (CircuitState.Closed, 0);
        }
    }

    /// <summary>The server failed.</summary>
    public void Fail(bool trial)
    {
        lock (_gate)
        {
            if (trial)
            {
                _open = _open * 2 < most ? _open * 2 : most;
                (_state, _until) = (CircuitState.Open, clock.GetUtcNow() + _open);
            }
            else if (_state == CircuitState.Closed && ++_row >= failures)
            {
                (_state, _open, _row) = (CircuitState.Open, first, 0);
                _until = clock.GetUtcNow() + _open;
            }
        }
    }

    /// <summary>The request ended without a word about the server: its client has left. Another one may try.</summary>
    public void Abandon(bool trial)
    {
        lock (_gate)
        {
            if (trial)
                _state = CircuitState.Open; // its time has passed already
        }
    }
}
