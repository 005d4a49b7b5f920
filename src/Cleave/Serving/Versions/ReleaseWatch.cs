using System.Security.Cryptography;
using System.Text;
using Cleave.Splitting.Releases;

namespace Cleave.Serving.Versions;

/// <summary>What a watch last did.</summary>
/// <param name="Last">The name of the release that it looked at last, or null.</param>
/// <param name="Outcome"><c>done</c> or <c>refused</c>; null before the first one.</param>
/// <param name="Reason">Of a refusal.</param>
/// <param name="Refusals">Since the start.</param>
public sealed record WatchState(string Path, string Arrival, string? Last, string? Outcome, string? Reason, long Refusals);

/// <summary>
/// Looks now and then at a place where releases come to lie, and loads the one that is wanted: what a link leads to, or of a folder's releases the
/// last one by name (ordinal). It asks for names, lengths and times only, so file systems of a network will do; a release that is still being
/// copied is waited for, and one that is refused is looked at again when any of its files has changed. Nothing is undone: after a rollback
/// the same release is not promoted again.
/// </summary>
/// <param name="path">A release, a link to one, or a folder of releases.</param>
public sealed class ReleaseWatch(string path, ReleaseArrival arrival)
{
    private readonly Lock _gate = new();
    private string? _settled, _seen, _said;
    private WatchState _state = new(path, arrival.Kind, null, null, null, 0);

    /// <summary>What a new release is given.</summary>
    public ReleaseArrival Arrival { get; } = arrival;

    public WatchState State
    {
        get
        {
            lock (_gate)
                return _state;
        }
    }

    /// <summary>Opens the wanted release, or where that is refused the one before it by name.</summary>
    /// <param name="say">Hears of each that is refused.</param>
    /// <exception cref="CleaveException">There is no release, or none that can be used.</exception>
    public HostedVersion OpenFirst(Func<string, CancellationToken, HostedVersion> open, Action<string> say, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(open);
        ArgumentNullException.ThrowIfNull(say);
        string[] releases;
        try
        {
            releases = Find();
            _settled = releases.Length > 0 ? Key(releases[^1]) : throw new CleaveException($"{path}: neither a release nor a folder of releases");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: cannot be looked at: {e.Message}", e);
        }
        for (int i = releases.Length - 1; ; i--)
        {
            try
            {
                return open(releases[i], cancellation);
            }
            catch (CleaveException e) when (i > 0)
            {
                Settle(releases[i], e.Message);
                say($"{releases[i]} is refused: {e.Message}");
            }
        }
    }

    /// <summary>Looks again and again until it is cancelled.</summary>
    /// <inheritdoc cref="PollAsync"/>
    public async Task RunAsync(VersionedHost host, TimeSpan every, TimeProvider clock, Action<string> say, Action<string, string, string?> note, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(every, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
                await PollAsync(host, say, note, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    /// <summary>Looks once. A release is taken when two looks in a row have seen the same of it.</summary>
    /// <param name="say">Hears in one line what has changed and what is refused.</param>
    /// <param name="note">Is told outcome (<c>begun</c>, <c>done</c>, <c>refused</c>), folder and reason; where it fails for <c>begun</c>, nothing is changed.</param>
    public async Task PollAsync(VersionedHost host, Action<string> say, Action<string, string, string?> note, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(say);
        ArgumentNullException.ThrowIfNull(note);
        string? folder;
        string? key;
        try
        {
            folder = Find().LastOrDefault();
            key = folder is null ? null : Key(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            SayOnce(say, $"{path} cannot be looked at now, and is looked at again: {e.Message}");
            return;
        }
        bool isNew = key is not null && key != _settled && key == _seen;
        _seen = key;
        if (!isNew)
            return;
        try
        {
            note("begun", folder!, null);
        }
        catch (CleaveException e)
        {
            SayOnce(say, e.Message); // and tried again with the next look
            return;
        }
        _settled = key;
        try
        {
            string? refusal = await Take(host, folder!, cancellation).ConfigureAwait(false);
            Settle(folder!, refusal);
            say(refusal is null ? $"{folder} is loaded ({Arrival.Kind})" : $"{folder} is refused, and what was served goes on: {refusal}");
            End(refusal is null ? "done" : "refused", refusal);
        }
        catch (OperationCanceledException)
        {
            End("refused", "the server is stopping");
            throw;
        }

        void End(string outcome, string? reason)
        {
            try
            {
                note(outcome, folder!, reason);
            }
            catch (CleaveException e)
            {
                say(e.Message);
            }
        }
    }

    // The reason where it is refused.
    private async Task<string?> Take(VersionedHost host, string folder, CancellationToken cancellation)
    {
        try
        {
            await MakeRoom(host, cancellation).ConfigureAwait(false);
            VersionState version = await host.LoadAsync(folder, cancellation).ConfigureAwait(false);
            if (version.Role is not VersionRole.Serving)
                Arrival.Apply(host, version.Hash);
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return CleaveException.OneLine(e.Message); // whatever is wrong with what has come, what is served goes on
        }
    }

    // What serves, what a rollback would go to and what is on trial stays; of the rest the oldest goes.
    private static async Task MakeRoom(VersionedHost host, CancellationToken cancellation)
    {
        VersionsState state = host.State;
        if (state.Versions.Count < host.Most)
            return;
        if (state.Versions.FirstOrDefault(v => v.Role == VersionRole.Ready && v.Hash != state.RollbackTo) is { } oldest)
            await host.Unload(oldest.Hash).WaitAsync(cancellation).ConfigureAwait(false);
    }

    // The real folders of what is there, the wanted one last.
    private string[] Find()
    {
        if (Release.IsRelease(path))
            return [Real(path)];
        return !Directory.Exists(path) ? [] : [.. Directory.EnumerateDirectories(path).Where(d => !Path.GetFileName(d).StartsWith('.') && Release.IsRelease(d))
            .OrderBy(Path.GetFileName, StringComparer.Ordinal).Select(Real)];
    }

    // A link may lead elsewhere in the next moment.
    private static string Real(string folder) => new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(folder);

    private static string Key(string folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).OrderBy(f => f.FullName, StringComparer.Ordinal))
            hash.AppendData(Encoding.UTF8.GetBytes($"{file.FullName}\0{file.Length}\0{file.LastWriteTimeUtc.Ticks}\0"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private void Settle(string folder, string? refusal)
    {
        lock (_gate)
            _state = _state with { Last = Path.GetFileName(folder), Outcome = refusal is null ? "done" : "refused", Reason = refusal, Refusals = _state.Refusals + (refusal is null ? 0 : 1) };
        _said = null;
    }

    private void SayOnce(Action<string> say, string line)
    {
        if (_said == line)
            return;
        _said = line;
        say(line);
    }
}
