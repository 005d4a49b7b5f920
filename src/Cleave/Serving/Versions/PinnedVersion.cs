using Cleave.Serving.Feedback;

namespace Cleave.Serving.Versions;

/// <summary>
/// One version held for one request, from its admission to its end: whatever the request needs, however often, this version answers, and it
/// stays in memory for so long. Safe for use from several threads.
/// </summary>
public sealed class PinnedVersion : IModuleHost, IDisposable
{
    private readonly VersionedHost _owner;
    private readonly LoadedVersion _version;
    private int _uses = 1; // its holder's, and one for each answer that is being computed
    private readonly TrialDraw? _draw;
    private int _isDisposed, _hasFailed;

    internal PinnedVersion(VersionedHost owner, LoadedVersion version, TrialDraw? draw) => (_owner, _version, _draw) = (owner, version, draw);

    /// <summary>Of the version.</summary>
    public string Hash => _version.Hash;

    public IReadOnlyList<ServedModule> Modules => _version.Version.Host.Modules;

    public bool CanRoute => _version.Version.Host.CanRoute;

    public string? TaskOf(string text) => Use(() => _version.Version.Host.TaskOf(text));

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">The request was cancelled, or its holder has let go of it.</exception>
    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        return Told(request, Use(() => _owner.Count(_version, () => _version.Version.Host.Run(request, new VersionSink(sink, Hash), cancellation), r => [r.Compute], cancellation, Failed)));
    }

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">The requests were cancelled, or their holder has let go of the version.</exception>
    public IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(requests);
        IReadOnlyList<ModuleResult> results =
            Use(() => _owner.Count(_version, () => _version.Version.Host.Judge(requests, cancellation), all => all.Select(r => r.Compute), cancellation, Failed));
        return [.. requests.Zip(results, Told)];
    }

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">The request was cancelled, or its holder has let go of it.</exception>
    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation) =>
        Use(() => _version.Version.Host.Embed(module, texts, cancellation));

    /// <summary>Lets go of the version, once what runs has ended.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            End();
    }

    private ModuleResult Told(ModuleRequest request, ModuleResult result)
    {
        result = result with { Choice = result.Choice with { Version = Hash, Draw = _draw } };
        _owner.Compare(request, result);
        return result;
    }

    // An answer that does not come is a bad one; nobody will judge it. One of a request's counts.
    private void Failed()
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) == 0)
            _draw?.Judge(0);
    }

    // A request whose client has left may still be taken from the queue afterwards.
    private T Use<T>(Func<T> answer)
    {
        int uses = Volatile.Read(ref _uses);
        while (uses > 0 && Interlocked.CompareExchange(ref _uses, uses + 1, uses) is var seen && seen != uses)
            uses = seen;
        if (uses == 0)
            throw new OperationCanceledException("the request is over");
        try
        {
            return answer();
        }
        finally
        {
            End();
        }
    }

    private void End()
    {
        if (Interlocked.Decrement(ref _uses) == 0)
            _owner.Leave(_version);
    }
}
