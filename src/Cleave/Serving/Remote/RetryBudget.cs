namespace Cleave.Serving.Remote;

/// <summary>
/// Second tries in proportion to requests: each request saves up a share of one, each second try takes a whole one. When every server of a
/// module fails, retries then add no more than that share to the load. Safe for use from several threads.
/// </summary>
/// <param name="share">Of a second try that each request saves up.</param>
/// <param name="reserve">Second tries at the start, and the most that can be saved up.</param>
internal sealed class RetryBudget(double share, int reserve)
{
    private readonly Lock _gate = new();
    private double _left = reserve;

    /// <summary>Second tries that may be made now.</summary>
    public double Left
    {
        get
        {
            lock (_gate)
                return _left;
        }
    }

    /// <summary>A request has come.</summary>
    public void Save()
    {
        lock (_gate)
            _left = Math.Min(reserve, _left + share);
    }

    /// <returns>Whether there was one to take.</returns>
    public bool TryTake()
    {
        lock (_gate)
        {
            // Shares add up with rounding: five times 0.2 is one.
            if (_left < 1 - 1e-9)
                return false;
            _left = Math.Max(0, _left - 1);
            return true;
        }
    }
}
