namespace Cleave.Serving.Remote;

/// <summary>What a server was last known to say of itself.</summary>
public enum RemoteHealth
{
    /// <summary>It has not been asked yet; it is given requests.</summary>
    Unknown,

    /// <summary>It takes requests.</summary>
    Ready,

    /// <summary>It answers, and says that it takes none now.</summary>
    NotReady,

    /// <summary>It does not answer.</summary>
    Lost,
}

/// <summary>One server at one moment.</summary>
/// <param name="Running">Requests that it has.</param>
/// <param name="Requests">That it was given since the start.</param>
/// <param name="Failures">Of those, the ones in which it failed.</param>
/// <param name="LastFailure">What it did the last time that it failed, or null.</param>
public sealed record RemoteServerState(Uri Address, RemoteHealth Health, CircuitState Circuit, int Running, long Requests, long Failures, string? LastFailure);

/// <summary>One module that other servers answer for, at one moment.</summary>
/// <param name="Module">Null until one of its servers has said what it is.</param>
/// <param name="Retries">Second tries since the start.</param>
/// <param name="RetriesLeft">Second tries that may be made now.</param>
public sealed record RemoteModuleState(string Name, ServedModule? Module, IReadOnlyList<RemoteServerState> Servers, int Running, long Retries, double RetriesLeft);
