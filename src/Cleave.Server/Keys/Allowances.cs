namespace Cleave.Server.Keys;

/// <summary>Requests in a minute: a bucket that holds a minute's requests and fills evenly.</summary>
internal sealed class RequestAllowance(int perMinute, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private double _left = perMinute;
    private long _at = clock.GetTimestamp();

    /// <returns>Null where a request was left and is taken now, else whole seconds until there is one, at least 1.</returns>
    public int? Take()
    {
        lock (_gate)
        {
            long now = clock.GetTimestamp();
            double perSecond = perMinute / 60.0;
            _left = Math.Min(perMinute, _left + perSecond * clock.GetElapsedTime(_at, now).TotalSeconds);
            _at = now;
            if (_left >= 1)
            {
                _left--;
                return null;
            }
            return (int)Math.Max(1, Math.Ceiling((1 - _left) / perSecond));
        }
    }
}

/// <summary>Tokens in a day of universal time. What an answer takes is known at its end, so the last answers of a day, those that are computed at the same time, may go beyond the limit.</summary>
internal sealed class TokenAllowance(long perDay, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private DateTime _day = clock.GetUtcNow().UtcDateTime.Date;
    private long _spent;

    /// <returns>Null where tokens are left, else whole seconds until the next day.</returns>
    public int? Wait()
    {
        lock (_gate)
        {
            Turn();
            return _spent < perDay ? null : (int)Math.Max(1, Math.Ceiling((_day.AddDays(1) - clock.GetUtcNow().UtcDateTime).TotalSeconds));
        }
    }

    public void Spend(long tokens)
    {
        lock (_gate)
        {
            Turn();
            _spent += tokens;
        }
    }

    private void Turn()
    {
        DateTime today = clock.GetUtcNow().UtcDateTime.Date;
        if (today != _day)
            (_day, _spent) = (today, 0);
    }
}
