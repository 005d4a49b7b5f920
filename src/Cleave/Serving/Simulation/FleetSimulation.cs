using Cleave.Numerics;
using Cleave.Serving.Allocation;

namespace Cleave.Serving.Simulation;

/// <summary>
/// A discrete-event simulation of a fleet: each request goes to the server with the fewest requests of those that have its module; servers compose their
/// steps, take turns, divide their memory and load modules by the rules of the real one, and passes take as long as the footprints say. The same input gives the
/// same result.
/// </summary>
public sealed class FleetSimulation : ISimulation
{
    private const int ReportEvery = 1 << 16;
    private const double TargetPart = 0.95;

    private readonly FleetOptions _options;
    private readonly TracedRequest[] _requests;
    private readonly string[] _names;
    private readonly double _around;
    private readonly SimulatedServer[] _servers;
    private readonly int[] _replicas;
    private readonly int[][] _holders; // servers by module
    private readonly PriorityQueue<SimulatedEvent, (double Time, long Order)> _events = new();
    private readonly float[] _latency, _first; // milliseconds; not a number for the refused
    private readonly int[] _refused;
    private long _order;
    private double _end;
    private int _late;

    private FleetSimulation(Footprints footprints, TrafficTrace trace, FleetOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Machines, 1);
        (_options, _requests, _names) = (options, [.. trace.Requests], [.. trace.Modules]);
        _around = footprints.RequestMilliseconds + options.NetworkMilliseconds;
        (_latency, _first) = (new float[_requests.Length], new float[_requests.Length]);
        _refused = new int[_names.Length];
        ModuleFootprint[] modules = [.. _names.Select(footprints.Find)];
        double[] shares = ProcessorShares.Of([.. _names.Select(n => options.Weights.GetValueOrDefault(n, 1))], [.. _names.Select(n => options.MinimumShares.GetValueOrDefault(n, 0))]);
        int each = options.Servers(footprints.Machine.Threads);
        int[] all = [.. Enumerable.Range(0, modules.Length)];
        IReadOnlyList<IReadOnlyList<int>> placed = options.ByModule
            ? ReplicaPlan.Place(modules, Demand(modules, trace), options.Machines, options.MemoryBytes is { } m ? (long)(m / each * (1 - ServingLimits.KeyValueShare)) : null)
            : [.. Enumerable.Repeat((IReadOnlyList<int>)all, options.Machines)];
        _replicas = [.. all.Select(i => placed.Count(p => p.Contains(i)))];
        _servers = [.. Enumerable.Range(0, options.Machines * each).Select(s =>
            new SimulatedServer(s, [.. placed[s / each].Select(i => (i, modules[i], shares[i]))], modules.Length, options.MemoryBytes / each, options, this))];
        _holders = [.. all.Select(i => Enumerable.Range(0, _servers.Length).Where(s => _servers[s].Has(i)).ToArray())];
    }

    ReadOnlySpan<TracedRequest> ISimulation.Requests => _requests;

    /// <summary>Runs a trace.</summary>
    /// <exception cref="CleaveException">A module has no footprint, or does not fit into the machines.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static FleetResult Run(Footprints footprints, TrafficTrace trace, FleetOptions options, IProgress<ProgressReport>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(footprints);
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(options);
        var simulation = new FleetSimulation(footprints, trace, options);
        bool complete = simulation.Replay(progress, cancel);
        return simulation.Result(complete);
    }

    void ISimulation.At(double time, SimulatedEvent what) => _events.Enqueue(what, (time, _order++));

    void ISimulation.FirstToken(int request, double now) => _first[request] = Milliseconds(request, now);

    void ISimulation.Done(int request, double now)
    {
        _latency[request] = Milliseconds(request, now);
        if (_first[request] == 0)
            _first[request] = _latency[request]; // it came all at once
        _end = Math.Max(_end, now);
        if (_latency[request] > _options.TargetMilliseconds)
            _late++;
    }

    void ISimulation.Refused(int request)
    {
        _latency[request] = _first[request] = float.NaN;
        _refused[_requests[request].Module]++;
        _late++;
    }

    // Seconds of a server's computing a second, when some requests are computed together.
    private static double[] Demand(ModuleFootprint[] modules, TrafficTrace trace)
    {
        const int Together = 4;
        var demand = new double[modules.Length];
        foreach (TracedRequest request in trace.Requests)
            demand[request.Module] += modules[request.Module].Seconds(request.PromptTokens, request.CompletionTokens, Together);
        return [.. demand.Select(d => d / Math.Max(1, trace.Seconds))];
    }

    private float Milliseconds(int request, double now) => (float)(1000 * (now - _requests[request].Time) + _around);

    private bool Replay(IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        int next = 0;
        double most = _options.TargetMilliseconds is null ? double.PositiveInfinity : (1 - TargetPart) * _requests.Length;
        while (next < _requests.Length || _events.Count > 0)
        {
            bool arrives = !_events.TryPeek(out _, out (double Time, long) first) || (next < _requests.Length && _requests[next].Time <= first.Time);
            if (arrives)
            {
                if (next % ReportEvery == 0)
                {
                    cancel.ThrowIfCancellationRequested();
                    progress?.Report(new ProgressReport("simulate", next, _requests.Length, "requests"));
                }
                Least(_requests[next].Module).Arrive(next, _requests[next].Time);
                next++;
            }
            else
            {
                _servers[_events.Peek().Server].Happens(_events.Dequeue(), first.Time);
            }
            if (_late > most)
                return false;
        }
        progress?.Report(new ProgressReport("simulate", next, next, "requests"));
        return true;
    }

    private SimulatedServer Least(int module)
    {
        int[] holders = _holders[module];
        SimulatedServer best = _servers[holders[0]];
        for (int i = 1; i < holders.Length && best.Inside > 0; i++)
        {
            if (_servers[holders[i]].Inside < best.Inside)
                best = _servers[holders[i]];
        }
        return best;
    }

    private FleetResult Result(bool complete)
    {
        double seconds = Math.Max(_end, _requests.Length > 0 ? _requests[^1].Time : 0);
        var byModule = new List<int>[_names.Length];
        for (int m = 0; m < byModule.Length; m++)
            byModule[m] = [];
        for (int i = 0; i < _requests.Length; i++)
        {
            if (_latency[i] > 0)
                byModule[_requests[i].Module].Add(i);
        }
        SimulatedTimes[] modules = [.. _names.Select((name, m) => Times(name, byModule[m], _refused[m], _replicas[m],
            _servers.Sum(s => s.Modules.Where(x => x.Index == m).Sum(x => x.Busy)) / Math.Max(1, _holders[m].Length) / Math.Max(seconds, double.Epsilon)))];
        double busy = seconds > 0 ? _servers.Average(s => s.Busy) / seconds : 0, busiest = seconds > 0 ? _servers.Max(s => s.Busy) / seconds : 0;
        SimulatedTimes all = Times(null, [.. byModule.SelectMany(b => b)], _refused.Sum(), _options.Machines, busy);
        return new FleetResult(_options, seconds, all, modules, busy, busiest, _servers.Sum(s => s.Reloads), Name(seconds),
            _options.TargetMilliseconds is null ? null : complete && _late <= (1 - TargetPart) * _requests.Length, complete);
    }

    private SimulatedTimes Times(string? name, List<int> requests, int refused, int replicas, double processor)
    {
        float[] whole = [.. requests.Select(i => _latency[i])], first = [.. requests.Select(i => _first[i])];
        Array.Sort(whole);
        Array.Sort(first);
        return new SimulatedTimes(name, whole.Length, refused, At(whole, 0.5), At(whole, 0.95), At(whole, 0.99), At(first, 0.5), At(first, 0.95), replicas, processor);

        static double At(float[] sorted, double part) => sorted.Length == 0 ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Length) - 1)];
    }

    // By what a server did on average.
    private Bottleneck Name(double seconds)
    {
        double time = Math.Max(seconds, double.Epsilon) * _servers.Length;
        ModuleLoad[] modules = [.. _names.Select((name, m) =>
        {
            SimulatedModule[] each = [.. _servers.SelectMany(s => s.Modules).Where(x => x.Index == m)];
            long room = each[0].Room == long.MaxValue ? 0 : each.Max(x => x.Room);
            return new ModuleLoad(name, each.Sum(x => x.Busy) / time, each[0].Share.Weight, each.Sum(x => x.Ran) / time, each.Sum(x => x.Waited) / time, room, (long)(each.Sum(x => x.HeldBytes) / time),
                each[0].Footprint.WeightBytes, true, _requests.Count(r => r.Module == m) / time);
        })];
        long weights = modules.Sum(m => m.WeightBytes);
        return Bottleneck.Of(new ServerLoad(_servers.Sum(s => s.Busy) / time, _servers.Sum(s => s.Waited) / time, _servers.Sum(s => s.WaitedForMemory) / time,
            _servers.Sum(s => s.Reloads) / time * 60, _options.MemoryBytes, weights, _options.Engine.MaxSequences, modules));
    }
}
