namespace Cleave.Serving.Remote;

/// <summary>How requests are given to other servers.</summary>
public sealed record RemoteOptions
{
    /// <summary>The key that the other servers ask for; null where they ask for none.</summary>
    public string? Key { get; init; }

    /// <summary>How often each server is asked whether it is ready.</summary>
    public TimeSpan ProbeEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long it may take to say so.</summary>
    public TimeSpan ProbeLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>After so many times in a row without a word it is taken for lost, and what runs there is given to another one.</summary>
    public int ProbeMisses { get; init; } = 2;

    /// <summary>How long a connection may take to come about.</summary>
    public TimeSpan ConnectLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a server may say nothing while it answers: before the first byte, and between two pieces.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>So many failed requests in a row open a server's circuit: it is given none.</summary>
    public int Failures { get; init; } = 5;

    /// <summary>How long a circuit is open the first time; each time that its trial fails as well, twice as long.</summary>
    public TimeSpan Open { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest that a circuit is open between two trials.</summary>
    public TimeSpan MostOpen { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Servers that one request is given to at most.</summary>
    public int Tries { get; init; } = 3;

    /// <summary>How many second tries there may be for a request on average, so that retries do not bury what is left of a module's servers.</summary>
    public double RetryShare { get; init; } = 0.2;

    /// <summary>Second tries that may be saved up, and that there are at the start.</summary>
    public int RetryReserve { get; init; } = 10;

    /// <summary>Requests that one module may have with its servers at once, so that its servers cannot take every thread of this one.</summary>
    public int MostRunning { get; init; } = 24;

    /// <summary>Bytes of an answer.</summary>
    public long MostAnswerBytes { get; init; } = 64 << 20;

    /// <exception cref="ArgumentOutOfRangeException">A value is outside of its range.</exception>
    internal void Check()
    {
        foreach (TimeSpan time in new[] { ProbeEvery, ProbeLimit, ConnectLimit, Silence, Open })
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MostOpen, Open);
        foreach (long count in new[] { ProbeMisses, Failures, Tries, MostRunning, MostAnswerBytes })
            ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(RetryReserve);
        if (!(RetryShare is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(RetryShare), RetryShare, "a share lies between 0 and 1");
    }
}
