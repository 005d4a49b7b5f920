using System.Runtime.InteropServices;
using Cleave.Serving.Allocation;
using Cleave.Serving.Engine;

namespace Cleave.Serving.Simulation;

/// <summary>Something that will happen on a server.</summary>
/// <param name="Module">Whose pass or loading ends; -1 where a turn ends, -2 where the memory is looked at.</param>
/// <param name="IsLoad">Whether it is loading that ends.</param>
internal readonly record struct SimulatedEvent(int Server, int Module, bool IsLoad)
{
    public const int Turn = -1, Look = -2;
}

/// <summary>What servers tell their simulation.</summary>
internal interface ISimulation
{
    ReadOnlySpan<TracedRequest> Requests { get; }

    void At(double time, SimulatedEvent what);

    void FirstToken(int request, double now);

    void Done(int request, double now);

    void Refused(int request);
}

/// <summary>One simulated server: its places for requests, its memory, and the turns of its modules.</summary>
internal sealed class SimulatedServer
{
    private const double Tick = 1;

    private readonly int _index;
    private readonly FleetOptions _options;
    private readonly ISimulation _simulation;
    private readonly SimulatedModule?[] _modules;
    private readonly SimulatedModule[] _writers;
    private readonly FairQueue _queue = new();
    private readonly MemoryTable? _memory;
    private readonly long _keyValues;
    private readonly Queue<(int Request, double Since)> _waiting = [];
    private readonly List<int> _first = [], _done = [];
    private SimulatedModule? _computing;
    private double _turnSeconds;
    private int _running, _preloaded;
    private double _nextLook = double.PositiveInfinity;

    /// <param name="modules">That it has, by their indices in the trace.</param>
    /// <param name="memory">Bytes; null for enough.</param>
    public SimulatedServer(int index, IReadOnlyList<(int Index, ModuleFootprint Footprint, double Share)> modules, int known, long? memory, FleetOptions options, ISimulation simulation)
    {
        (_index, _options, _simulation) = (index, options, simulation);
        _modules = new SimulatedModule?[known];
        foreach ((int at, ModuleFootprint footprint, double share) in modules)
            _modules[at] = new SimulatedModule(at, footprint, new ComputeShare(footprint.Name, share), options.Engine);
        _writers = [.. _modules.OfType<SimulatedModule>().Where(m => m.Footprint.Writes)];
        if (memory is not { } bytes)
            return;
        _memory = new MemoryTable(bytes);
        _keyValues = _writers.Length == 0 ? 0 : (long)(bytes * ServingLimits.KeyValueShare);
        _memory.Reserve(_keyValues);
        foreach (SimulatedModule module in _modules.OfType<SimulatedModule>())
            Preload(_memory, module.Footprint);
        foreach (SimulatedModule writer in _writers)
            writer.Room = writer.Least = Math.Min(_keyValues / _writers.Length, writer.Footprint.ContextTokens > 0 ? writer.Footprint.KeyValueBytes(writer.Footprint.ContextTokens) : long.MaxValue);
        Divide(0);
    }

    /// <summary>Requests that have come and not ended.</summary>
    public int Inside => _running + _waiting.Count;

    /// <summary>Seconds in which somebody had a turn.</summary>
    public double Busy { get; private set; }

    /// <summary>Seconds that requests have waited for a place, and for a module to come into memory.</summary>
    public double Waited { get; private set; }

    public double WaitedForMemory { get; private set; }

    /// <summary>Modules that came back after they had to make room.</summary>
    public long Reloads => _memory?.Reloads ?? 0;

    public IEnumerable<SimulatedModule> Modules => _modules.OfType<SimulatedModule>();

    public bool Has(int module) => _modules[module] is not null;

    public void Arrive(int request, double now)
    {
        if (_running < _options.Workers)
            Start(request, now);
        else if (_waiting.Count < _options.Waiting)
            _waiting.Enqueue((request, now));
        else
            _simulation.Refused(request);
    }

    public void Happens(SimulatedEvent what, double now)
    {
        if (what.Module == SimulatedEvent.Look)
            Look(now);
        else if (what.IsLoad)
            Loaded(_modules[what.Module]!, now);
        else if (what.Module == SimulatedEvent.Turn)
            EndTurn(now);
        else
            EndAlone(_modules[what.Module]!, now);
    }

    // As a server does it before its first request: long ago, so that nobody stays for that.
    private void Preload(MemoryTable memory, ModuleFootprint footprint)
    {
        double then = -1e9 + 1e6 * _preloaded++;
        memory.Add(footprint.Name, footprint.WeightBytes, footprint.LoadMilliseconds / 1000);
        memory.TryUse(footprint.Name, then);
        while (memory.Next(then) is { } step)
        {
            if (step.Load)
                memory.Loaded(step.Module, footprint.WeightBytes, footprint.LoadMilliseconds / 1000, then);
            else
                memory.Gone(step.Module);
        }
    }

    private void Start(int request, double now)
    {
        SimulatedModule module = _modules[_simulation.Requests[request].Module]!;
        if (module.Footprint.Writes && module.BytesOf(_simulation.Requests[request]) > module.Least)
        {
            _simulation.Refused(request);
            return;
        }
        _running++;
        if (_memory is null || _memory.TryUse(module.Footprint.Name, now))
        {
            Submit(module, request, now);
            return;
        }
        module.Wanting.Enqueue((request, now));
        Arrange(now);
    }

    private void Submit(SimulatedModule module, int request, double now)
    {
        module.Add(request, now);
        if (_memory is not null && module.Footprint.Writes)
        {
            module.Demand.Add(module.BytesOf(_simulation.Requests[request]), now);
            LookAt(now + Tick);
        }
        Wake(module, now);
        Compute(now);
    }

    // A module with work joins the row for a turn; what needs no turn computes at once.
    private void Wake(SimulatedModule module, double now)
    {
        if (module.Place is not null || module.IsAsking || !module.HasWork)
            return;
        if (!module.Footprint.Writes)
            module.Gather();
        if (module.Footprint.TakesTurns)
        {
            module.Place = _queue.Join(module.Share);
            return;
        }
        module.IsAsking = true;
        double seconds = module.BeginPass(_simulation.Requests, now);
        module.Busy += seconds;
        _simulation.At(now + seconds, new SimulatedEvent(_index, module.Index, false));
    }

    private void Compute(double now)
    {
        if (_computing is not null || _queue.First is not { } place)
            return;
        _queue.Begin(place);
        _computing = Array.Find(_modules, m => m?.Place == place)!;
        _turnSeconds = _computing.Footprint.Writes ? _computing.BeginStep(_simulation.Requests, now) : _computing.BeginPass(_simulation.Requests, now);
        _computing.Busy += _turnSeconds;
        Busy += _turnSeconds;
        _simulation.At(now + _turnSeconds, new SimulatedEvent(_index, SimulatedEvent.Turn, false));
    }

    private void EndTurn(double now)
    {
        SimulatedModule module = _computing!;
        FairQueue.End(module.Place!, _turnSeconds);
        (module.Place, _computing) = (null, null);
        if (module.Footprint.Writes)
            module.EndStep(_simulation.Requests, now, _first, _done);
        else
            module.EndPass(_done);
        Finish(module, now);
    }

    private void EndAlone(SimulatedModule module, double now)
    {
        module.IsAsking = false;
        module.EndPass(_done);
        Finish(module, now);
    }

    private void Finish(SimulatedModule module, double now)
    {
        Wake(module, now);
        foreach (int request in CollectionsMarshal.AsSpan(_first))
            _simulation.FirstToken(request, now);
        _first.Clear();
        int ended = _done.Count;
        foreach (int request in CollectionsMarshal.AsSpan(_done))
            _simulation.Done(request, now);
        _done.Clear();
        for (int i = 0; i < ended; i++)
        {
            _running--;
            _memory?.Leave(module.Footprint.Name);
        }
        if (ended > 0 && _memory is not null)
            Arrange(now);
        while (_running < _options.Workers && _waiting.TryDequeue(out (int Request, double Since) next))
        {
            Waited += now - next.Since;
            Start(next.Request, now);
        }
        Compute(now);
    }

    private void Arrange(double now)
    {
        while (_memory!.Next(now) is { } step)
        {
            SimulatedModule module = Array.Find(_modules, m => m?.Footprint.Name == step.Module)!;
            if (step.Load)
                _simulation.At(now + module.Footprint.LoadMilliseconds / 1000, new SimulatedEvent(_index, module.Index, true));
            else
                _memory.Gone(step.Module);
        }
        if (_memory.Patience(now) is { } seconds)
            LookAt(now + seconds);
    }

    private void Loaded(SimulatedModule module, double now)
    {
        _memory!.Loaded(module.Footprint.Name, module.Footprint.WeightBytes, module.Footprint.LoadMilliseconds / 1000, now);
        while (module.Wanting.TryDequeue(out (int Request, double Since) next))
        {
            _memory.TryUse(module.Footprint.Name, now, again: true);
            WaitedForMemory += now - next.Since;
            Submit(module, next.Request, now);
        }
        Arrange(now);
    }

    private void LookAt(double time)
    {
        if (time >= _nextLook)
            return; // an earlier look sees to it
        _nextLook = time;
        _simulation.At(time, new SimulatedEvent(_index, SimulatedEvent.Look, false));
    }

    private void Divide(double now)
    {
        long[] rooms = KeyValueRooms.Next(_keyValues, [.. _writers.Select(w => new KeyValueUse(w.Least, w.Room, w.Held, w.Demand.At(now)))]);
        for (int i = 0; i < rooms.Length; i++)
            _writers[i].Room = rooms[i];
    }

    // Once a second, as the server does it, while there is anything to divide or to wait for.
    private void Look(double now)
    {
        if (now != _nextLook)
            return; // an earlier one has come between
        _nextLook = double.PositiveInfinity;
        Divide(now);
        Arrange(now);
        if (Inside > 0)
            LookAt(now + Tick);
        foreach (SimulatedModule writer in _writers)
            Wake(writer, now);
        Compute(now);
    }
}
