namespace Cleave.Tuning.Storage;

/// <summary>How a process deals with a storage that others use, too.</summary>
public sealed record StorageOptions
{
    /// <summary>How long a trial stays with a silent worker; given to new studies, old ones keep their own.</summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a database that was there may be away.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Takes a line for people.</summary>
    public Action<string>? Say { get; init; }

    /// <summary>Ends the waiting for a database that is away.</summary>
    public CancellationToken Cancellation { get; init; }
}
