namespace Cleave.Serving.Versions;

/// <summary>A version with the count of those who use it. Its members are called under the lock of the <see cref="VersionedHost"/>.</summary>
internal sealed class LoadedVersion(HostedVersion version)
{
    private long _requests, _failures;
    private TimeSpan _compute;

    public HostedVersion Version { get; } = version;

    public string Hash => Version.Hash;

    /// <summary>Requests that run on it.</summary>
    public int Running { get; private set; }

    /// <summary>Whether it takes no more requests.</summary>
    public bool IsRetired { get; private set; }

    /// <summary>Done when nothing uses it any more and its memory is given back.</summary>
    public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Enter() => Running++;

    /// <returns>Whether this was the last use of a retired version, which the caller then unloads outside of the lock.</returns>
    public bool Leave() => --Running == 0 && IsRetired;

    /// <inheritdoc cref="Leave"/>
    public bool Retire()
    {
        IsRetired = true;
        return Running == 0;
    }

    public void Count(bool failed, TimeSpan compute)
    {
        _requests++;
        if (failed)
            _failures++;
        _compute += compute;
    }

    /// <summary>Whether a request can be put to it.</summary>
    public bool Knows(string module) => module == ModuleRequest.Auto ? Version.Host.CanRoute : Version.Host.Modules.Any(m => m.Name == module);

    public VersionState State(VersionRole role) => new(Hash, Version.Project, Version.Folder, role, Version.Host.Modules, Version.Proofs, Running, _requests, _failures,
        _requests > _failures ? _compute / (_requests - _failures) : TimeSpan.Zero);
}
