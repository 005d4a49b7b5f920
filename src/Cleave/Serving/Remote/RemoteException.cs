namespace Cleave.Serving.Remote;

/// <summary>Other servers have not answered a request as they should; the request itself may be right.</summary>
/// <param name="status">Of HTTP, as a gateway says it: 429, 502, 503 or 504.</param>
/// <param name="code">A word for programs, such as <c>remote_unavailable</c>.</param>
public sealed class RemoteException(int status, string code, string message, Exception? inner = null) : CleaveException(OneLine(message), inner!)
{
    public const string Failed = "remote_failed", Unavailable = "remote_unavailable", Silent = "remote_timeout", Busy = "rate_limit_exceeded";

    public int Status { get; } = status;

    public string Code { get; } = code;

    /// <summary>When it may be worth asking again; null where nothing says so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether it speaks against the server that was asked.</summary>
    internal bool IsFault { get; init; } = true;

    /// <summary>Whether another server may do better.</summary>
    internal bool IsWorthAnotherTry { get; init; } = true;

    /// <summary>Whether there was no connection, or it broke: behind one address there may be several machines, of which the next one may be well.</summary>
    internal bool IsBroken { get; init; }

    /// <summary>Whether the server said that it takes no requests now.</summary>
    internal bool IsNotReady { get; init; }
}
