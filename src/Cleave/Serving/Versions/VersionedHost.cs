using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cleave.Serving.Feedback;

namespace Cleave.Serving.Versions;

/// <summary>
/// Several versions of one project behind one host. A request is answered by one version from its first to its last token; a version that
/// is unloaded finishes what it has begun. Versions change while requests run: nothing waits and nothing fails. Safe for use from several threads.
/// </summary>
public sealed class VersionedHost : IModuleHost, IDisposable
{
    /// <summary>In memory at once, unless a host is told otherwise.</summary>
    public const int MostVersions = 4;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _loads = new(1);
    private readonly Func<string, CancellationToken, HostedVersion> _open;
    private readonly int _most;
    private readonly List<LoadedVersion> _loaded = []; // those that drain too
    private readonly List<LoadedVersion> _before = []; // that served, the last one at the end
    private volatile LoadedVersion _serving;
    private RunningTrial? _trial;
    private string? _loading;
    private bool _disposed;

    /// <param name="first">Serves at once; this host disposes it, as every version.</param>
    /// <param name="open">Checks and loads what lies in a folder, such as <see cref="ReleaseVersion.Open(string, CancellationToken)"/>.</param>
    /// <param name="most">Versions in memory at once, those that still drain included.</param>
    public VersionedHost(HostedVersion first, Func<string, CancellationToken, HostedVersion> open, int most = MostVersions)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(open);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 2);
        (_open, _most) = (open, most);
        _serving = new LoadedVersion(first);
        _loaded.Add(_serving);
    }

    /// <summary>Versions that may be in memory at once.</summary>
    public int Most => _most;

    /// <summary>Those of the version that serves.</summary>
    public IReadOnlyList<ServedModule> Modules => _serving.Version.Host.Modules;

    public bool CanRoute => _serving.Version.Host.CanRoute;

    /// <summary>Hears what a trial that learns has come to, on the thread of the judgement that settled it.</summary>
    public Action<VersionTrial>? Decided { get; set; }

    public VersionsState State
    {
        get
        {
            lock (_gate)
            {
                return new VersionsState([.. _loaded.Select(v => v.State(RoleOf(v)))],
                    _trial?.State, _loading, _before.LastOrDefault()?.Hash);
            }
        }
    }

    /// <summary>Chooses the version for one request and holds it until the request has ended.</summary>
    /// <param name="module">What the request names.</param>
    /// <param name="id">The request's, see <see cref="ModuleRequest.Id"/>.</param>
    public PinnedVersion Pin(string module, string? id)
    {
        ArgumentNullException.ThrowIfNull(module);
        lock (_gate)
        {
            (LoadedVersion version, TrialDraw? draw) = Choose(module, id);
            version.Enter();
            return new PinnedVersion(this, version, draw);
        }
    }

    public string? TaskOf(string text)
    {
        using PinnedVersion version = Pin(ModuleRequest.Auto, null);
        return version.TaskOf(text);
    }

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        using PinnedVersion version = Pin(request.Module, request.Id);
        return version.Run(request, sink, cancellation);
    }

    /// <inheritdoc/>
    /// <remarks>One version judges them all: the one of the first.</remarks>
    public IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(requests);
        if (requests.Count == 0)
            return [];
        using PinnedVersion version = Pin(requests[0].Module, requests[0].Id);
        return version.Judge(requests, cancellation);
    }

    /// <summary>Checks and loads another version, on another thread; nothing of it serves before it is promoted or tried.</summary>
    /// <returns>The version; the one that is there already where the contents are the same.</returns>
    /// <exception cref="VersionException">It belongs to another project, or as many versions as may be are in memory.</exception>
    /// <exception cref="CleaveException">It cannot be used; what was served goes on being served.</exception>
    public async Task<VersionState> LoadAsync(string folder, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        await _loads.WaitAsync(cancellation);
        try
        {
            lock (_gate)
            {
                if (_loaded.Count >= _most)
                    throw new VersionException($"{_most} versions are in memory, and there may be no more; unload one");
                _loading = folder;
            }
            HostedVersion version = await Task.Factory.StartNew(() => _open(folder, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return Add(version);
        }
        finally
        {
            lock (_gate)
                _loading = null;
            _loads.Release();
        }
    }

    /// <summary>Lets a version answer all requests from now on; a trial of it ends. The one before stays in memory for a rollback.</summary>
    /// <param name="hash">The version's hash, or its first digits where no other version shares them.</param>
    /// <param name="force">Also where modules go that clients may ask for.</param>
    /// <exception cref="VersionException">There is no such version, or it lacks modules of the one that serves.</exception>
    public void Promote(string hash, bool force = false)
    {
        RunningTrial? ended;
        lock (_gate)
        {
            LoadedVersion version = Find(hash);
            string[] gone = [.. Modules.Select(m => m.Name).Where(m => !version.Knows(m))];
            if (gone.Length > 0 && !force)
                throw new VersionException($"version {Short(version)} has no {string.Join(", ", gone)}, which clients of the one that serves may ask for; promote it with force");
            ended = Serve(version, keepBefore: true);
        }
        ended?.Dispose();
    }

    /// <summary>Lets the version serve again that served before, and returns its hash.</summary>
    /// <exception cref="VersionException">There is none in memory.</exception>
    public string Rollback()
    {
        RunningTrial? ended;
        LoadedVersion version;
        lock (_gate)
        {
            version = _before.LastOrDefault() ?? throw new VersionException("no version in memory has served before this one; load it and promote it");
            ended = Serve(version, keepBefore: false);
        }
        ended?.Dispose();
        return version.Hash;
    }

    /// <summary>Lets a version answer a share of the requests, chosen by the requests' ids: the same id always comes to the same version.</summary>
    /// <param name="percent">Above 0, at most 100.</param>
    /// <exception cref="VersionException">There is no such version, or it serves already.</exception>
    public void StartCanary(string hash, double percent)
    {
        if (!(percent > 0 && percent <= 100))
            throw new VersionException($"{percent} percent: a canary answers more than 0 and at most 100");
        Start(hash, v => new RunningTrial(v) { Fixed = percent });
    }

    /// <summary>Lets a version answer the share of the requests that judgements of its answers earn it (<see cref="VersionBandit"/>).</summary>
    /// <param name="percent">The most that it may answer: above 0, below 100.</param>
    /// <param name="risk">What may be lost by it, a judged answer.</param>
    /// <exception cref="VersionException">There is no such version, or it serves already.</exception>
    public void StartLearning(string hash, double percent, double risk = VersionBandit.UsualRisk)
    {
        if (!(percent is > 0 and < 100) || !(risk is >= 0.001 and < 1))
            throw new VersionException($"at most {percent} percent with a risk of {risk}: a trial that learns answers at most a share above 0 and below 100 percent, with a risk from 0.001 and below 1");
        Start(hash, v => new RunningTrial(v) { Bandit = new VersionBandit(percent / 100, risk, learned => Decided?.Invoke(new VersionTrial(v.Hash, 100 * learned.Share, null, learned))) });
    }

    /// <summary>Lets a version answer what the serving one answers, without giving its answers to anybody, and compares.</summary>
    /// <exception cref="VersionException">There is no such version, or it serves already.</exception>
    public void StartShadow(string hash) => Start(hash, v => new RunningTrial(v) { Shadow = new Shadow((request, stop) => InTheShadow(v, request, stop)) });

    /// <summary>Ends the trial; the version stays in memory.</summary>
    public void EndTrial()
    {
        RunningTrial? ended;
        lock (_gate)
            (ended, _trial) = (_trial, null);
        ended?.Dispose();
    }

    /// <summary>Takes a version out of memory as soon as the requests that run on it have ended.</summary>
    /// <returns>Ends then.</returns>
    /// <exception cref="VersionException">There is no such version, or it serves.</exception>
    public Task Unload(string hash)
    {
        RunningTrial? ended = null;
        bool now;
        LoadedVersion version;
        Task unloaded;
        lock (_gate)
        {
            version = Find(hash);
            unloaded = version.Gone.Task;
            if (version == _serving)
                throw new VersionException($"version {Short(version)} serves; promote another one first");
            if (_trial?.Version == version)
                (ended, _trial) = (_trial, null);
            _before.Remove(version);
            now = version.Retire();
        }
        ended?.Dispose();
        if (now)
            Remove(version);
        return unloaded;
    }

    /// <summary>Unloads every version; one that still answers goes with its last answer.</summary>
    public void Dispose()
    {
        EndTrial();
        LoadedVersion[] idle;
        lock (_gate)
        {
            _disposed = true;
            idle = [.. _loaded.Where(v => !v.IsRetired && v.Retire())];
            _loaded.RemoveAll(v => idle.Contains(v));
        }
        foreach (LoadedVersion version in idle)
            version.Version.Dispose();
    }

    /// <summary>Answers, and counts whether that went well. A request's own mistake, and one that nobody waits for any more, say nothing about the version.</summary>
    /// <param name="compute">The time of each request that was answered.</param>
    /// <param name="failed">Hears of a failure.</param>
    internal T Count<T>(LoadedVersion version, Func<T> answer, Func<T, IEnumerable<TimeSpan>> compute, CancellationToken cancellation, Action? failed = null)
    {
        try
        {
            T result = answer();
            lock (_gate)
            {
                foreach (TimeSpan each in compute(result))
                    version.Count(failed: false, each);
            }
            return result;
        }
        catch (Exception e) when (!RequestException.IsRefusal(e) && !cancellation.IsCancellationRequested)
        {
            lock (_gate)
                version.Count(failed: true, TimeSpan.Zero);
            failed?.Invoke();
            throw;
        }
    }

    /// <summary>Gives the shadow, where there is one, an answer to compare its own with.</summary>
    internal void Compare(ModuleRequest request, ModuleResult given)
    {
        Shadow? shadow;
        lock (_gate)
            shadow = _trial?.Shadow;
        shadow?.Offer(request, given);
    }

    internal void Leave(LoadedVersion version)
    {
        bool last;
        lock (_gate)
            last = version.Leave();
        if (last)
            Remove(version);
    }

    // Null where the version has gone, or knows no such module.
    private ModuleResult? InTheShadow(LoadedVersion version, ModuleRequest request, CancellationToken stop)
    {
        lock (_gate)
        {
            if (version.IsRetired || !version.Knows(request.Module))
                return null;
            version.Enter();
        }
        try
        {
            return Count(version, () => version.Version.Host.Run(request, Silence.Sink, stop), r => [r.Compute], stop);
        }
        finally
        {
            Leave(version);
        }
    }

    private VersionState Add(HostedVersion version)
    {
        LoadedVersion? there, serving = _serving;
        VersionState? state = null;
        lock (_gate)
        {
            there = _loaded.FirstOrDefault(v => v.Hash == version.Hash && !v.IsRetired);
            if (there is null && version.Project == serving.Version.Project && !_disposed)
            {
                _loaded.Add(there = new LoadedVersion(version));
                return there.State(VersionRole.Ready);
            }
            state = there?.State(RoleOf(there));
        }
        version.Dispose();
        return state ?? throw new VersionException($"{version.Folder}: belongs to the project '{version.Project}', and this server serves '{serving.Version.Project}'");
    }

    // Called under the lock.
    private RunningTrial? Serve(LoadedVersion version, bool keepBefore)
    {
        _before.Remove(version);
        if (keepBefore && version != _serving)
            _before.Add(_serving);
        _serving = version;
        // What was learnt of one version beside another says nothing of it beside a third.
        RunningTrial? ended = _trial?.Version == version || _trial?.Bandit is not null ? _trial : null;
        if (ended is not null)
            _trial = null;
        return ended;
    }

    private void Start(string hash, Func<LoadedVersion, RunningTrial> make)
    {
        RunningTrial? before;
        lock (_gate)
        {
            LoadedVersion version = Find(hash);
            if (version == _serving)
                throw new VersionException($"version {Short(version)} serves already");
            before = _trial;
            _trial = make(version);
        }
        before?.Dispose();
    }

    // Called under the lock.
    private (LoadedVersion Version, TrialDraw? Draw) Choose(string module, string? id)
    {
        if (_trial is not { Share: > 0 and var share } trial || id is null || !trial.Version.Knows(module))
            return (_serving, null);
        bool isTried = Share(trial.Version.Hash, id) < share;
        return (isTried ? trial.Version : _serving, trial.Bandit is { } bandit ? new TrialDraw(bandit, isTried, share) : null);
    }

    // Where a request's id lies between 0 and 1; with the version in it, so that not always the same clients are the first to try.
    private static double Share(string hash, string id)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(hash + "\n" + id), digest);
        return BinaryPrimitives.ReadUInt32LittleEndian(digest) / 4294967296.0;
    }

    // Called under the lock.
    private LoadedVersion Find(string hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        LoadedVersion[] found = [.. _loaded.Where(v => !v.IsRetired && hash.Length >= 8 && v.Hash.StartsWith(hash, StringComparison.Ordinal))];
        return found.Length == 1 ? found[0] : throw new VersionException(
            $"no version '{(hash.Length > 64 ? hash[..64] : hash)}' is in memory (8 or more digits of its hash name one); there are: {string.Join(", ", _loaded.Where(v => !v.IsRetired).Select(Short))}", isUnknown: true);
    }

    // Called under the lock.
    private VersionRole RoleOf(LoadedVersion version) => version.IsRetired ? VersionRole.Draining : version == _serving ? VersionRole.Serving
        : _trial?.Version != version ? VersionRole.Ready : _trial.Shadow is not null ? VersionRole.Shadow : _trial.Share > 0 ? VersionRole.Canary : VersionRole.Ready;

    // Not on a request's time. Weights go with a collection, which nothing else would cause soon on a heap that holds little beside them;
    // it comes in a second step, when nothing on the first one's stack can hold the version any more.
    private void Remove(LoadedVersion version) => ThreadPool.QueueUserWorkItem(_ =>
    {
        TaskCompletionSource unloaded = version.Gone;
        try
        {
            version.Version.Dispose();
        }
        catch (Exception e)
        {
            unloaded.TrySetException(e);
        }
        lock (_gate)
            _loaded.Remove(version);
        ThreadPool.QueueUserWorkItem(static done =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            done.TrySetResult();
        }, unloaded, preferLocal: false);
    });

    private static string Short(LoadedVersion version) => version.Hash[..12];
}
