namespace Cleave.Serving;

/// <summary>What a server takes in at once unless it is told otherwise.</summary>
public static class ServingLimits
{
    /// <summary>Requests that are answered at once.</summary>
    public const int Workers = 32;

    /// <summary>Requests that may wait for one of those places; more are refused.</summary>
    public const int Waiting = 64;

    /// <summary>Of a server's memory, the part for the keys and values of one version: a half for the four versions that may be in memory.</summary>
    public const double KeyValueShare = 0.5 / Versions.VersionedHost.MostVersions;
}
