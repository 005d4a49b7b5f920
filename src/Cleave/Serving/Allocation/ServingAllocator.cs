using Cleave.Numerics.Threading;
using Cleave.Serving.Engine;

namespace Cleave.Serving.Allocation;

/// <summary>What an allocator sees and has decided.</summary>
/// <param name="Load">On average over the last ten seconds.</param>
/// <param name="Threads">That a turn computes with.</param>
/// <param name="Options">What it was told.</param>
/// <param name="Evictions">Modules that had to make room so far.</param>
/// <param name="Reloads">Those that came back.</param>
public sealed record AllocationState(ServerLoad Load, Bottleneck Bottleneck, int Threads, AllocatorOptions Options, long Evictions, long Reloads);

/// <summary>
/// Shares the processor and the memory of a process among the modules of all hosts in it: turns by weights and minimum shares, rooms for keys and values by
/// demand, modules in memory by what their bytes are worth. Looks every second, and says what holds the server up. Safe for use from several threads.
/// </summary>
public sealed class ServingAllocator : IDisposable
{
    private const double Window = 10;

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _clock;
    private readonly long _start;
    private readonly Lock _gate = new(), _looking = new();
    private readonly Dictionary<string, ComputeShare> _shares = new(StringComparer.Ordinal);
    private readonly List<ModuleRunners> _runners = [];
    private readonly LoadAverages _averages = new(Window);
    private readonly ITimer _timer;
    private AllocatorOptions _options;

    /// <exception cref="CleaveException">An option is out of range.</exception>
    public ServingAllocator(AllocatorOptions? options = null, TimeProvider? clock = null)
    {
        _options = (options ?? new AllocatorOptions()).Checked();
        _clock = clock ?? TimeProvider.System;
        _start = _clock.GetTimestamp();
        Memory = new ModuleMemory(_options.MemoryBytes, clock);
        Turns = new ComputeTurns(clock);
        _timer = _clock.CreateTimer(static me => ((ServingAllocator)me!).Look(), this, Tick, Tick);
    }

    public ModuleMemory Memory { get; }

    /// <summary>The turns of everything that computes with all threads.</summary>
    public ComputeTurns Turns { get; }

    /// <summary>Says how many requests wait for a thread; null where nobody knows.</summary>
    public Func<int>? RequestsWaiting
    {
        get
        {
            lock (_looking)
                return field;
        }
        set
        {
            lock (_looking) // nobody asks the old one any more when this returns
                field = value;
        }
    }

    /// <summary>Seconds since it was made.</summary>
    internal double Now => _clock.GetElapsedTime(_start).TotalSeconds;

    public AllocationState State
    {
        get
        {
            (_, long evictions, long reloads) = Memory.Totals;
            ServerLoad load;
            lock (_looking)
                load = _averages.At(Now, Sample());
            lock (_gate)
                return new AllocationState(load, Bottleneck.Of(load), ThreadTeam.Shared.Threads, _options with { MemoryBytes = Memory.Limit }, evictions, reloads);
        }
    }

    /// <summary>Core seconds that each module has computed.</summary>
    public IReadOnlyList<(string Module, double CoreSeconds)> Computed
    {
        get
        {
            int threads = ThreadTeam.Shared.Threads;
            lock (_gate)
                return [.. _shares.Values.Select(s => (s.Name, s.UsedSeconds * threads))];
        }
    }

    /// <summary>Changes weights, minimum shares and memory while modules compute; it counts from the next turns on.</summary>
    /// <exception cref="CleaveException">A value is out of range, or modules would not fit any more; nothing is changed then.</exception>
    public void Set(AllocatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Checked();
        lock (_gate)
        {
            if (options.MemoryBytes is { } bytes && bytes != Memory.Limit)
            {
                if (Memory.Limit is null)
                    throw new CleaveException("the memory was not limited when the server began; begin with a limit to change it later");
                Memory.SetLimit(bytes);
            }
            _options = options;
            Weigh();
        }
    }

    /// <summary>The share that everything of this name computes with, whatever its version.</summary>
    internal ComputeShare Share(string name)
    {
        lock (_gate)
        {
            if (!_shares.TryGetValue(name, out ComputeShare? share))
            {
                _shares[name] = share = new ComputeShare(name);
                Weigh();
            }
            return share;
        }
    }

    internal void Join(ModuleRunners runners)
    {
        lock (_gate)
            _runners.Add(runners);
    }

    internal void Leave(ModuleRunners runners)
    {
        lock (_gate)
            _runners.Remove(runners);
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>Looks at what happens, and divides what can be divided anew; a timer does it each second.</summary>
    internal void Look()
    {
        ModuleRunners[] runners;
        lock (_gate)
            runners = [.. _runners];
        double now = Now;
        foreach (ModuleRunners each in runners)
            each.Divide(now);
        lock (_looking)
            _averages.Add(now, Sample());
    }

    // Called under the lock.
    private void Weigh()
    {
        ComputeShare[] all = [.. _shares.Values];
        double[] shares = ProcessorShares.Of([.. all.Select(s => _options.Weights.GetValueOrDefault(s.Name, 1))], [.. all.Select(s => _options.MinimumShares.GetValueOrDefault(s.Name, 0))]);
        for (int i = 0; i < all.Length; i++)
            all[i].Weight = shares[i];
    }

    private LoadSample Sample()
    {
        ModuleRunners[] runners;
        ComputeShare[] shares;
        lock (_gate)
            (runners, shares) = ([.. _runners], [.. _shares.Values]);
        ILookup<string, ModuleQueue> queues = runners.SelectMany(r => r.Queues).ToLookup(q => q.Name, StringComparer.Ordinal);
        ILookup<string, (ResidentModule Module, bool IsIn, int Users)> memory = Memory.State().ToLookup(m => MemoryTable.NameOf(m.Module.Name), StringComparer.Ordinal);
        ModuleSample[] modules = [.. memory.Select(m => m.Key).Concat(shares.Select(s => s.Name)).Distinct(StringComparer.Ordinal).Select(name =>
        {
            ComputeShare? share = Array.Find(shares, s => s.Name == name);
            return new ModuleSample(name, share?.UsedSeconds ?? 0, share?.Weight ?? 0, queues[name].Sum(q => q.Running), queues[name].Sum(q => q.Waiting), queues[name].Sum(q => q.Room), queues[name].Sum(q => q.HeldRoom),
                memory[name].Sum(m => m.Module.Bytes), memory[name].Any(m => m.IsIn), memory[name].Sum(m => m.Module.RequestsPerSecond));
        })];
        (long used, _, long reloads) = Memory.Totals;
        return new LoadSample(RequestsWaiting?.Invoke() ?? 0, Memory.Waiting, reloads, Memory.Limit, used, new EngineOptions().MaxSequences, modules);
    }
}
