using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Serving.Allocation;
using Cleave.Serving.Engine;
using Cleave.Splitting.Modules;

namespace Cleave.Serving;

/// <summary>What runs the modules of one host: an engine for each model that writes, a batcher for each module that judges, and the turns that they take.</summary>
internal sealed class ModuleRunners : IDisposable
{
    private readonly EngineOptions _engine;
    private readonly EnergyMeter _meter;
    private readonly ServingAllocator _allocator;
    private readonly long _keyValues, _each;
    private readonly int _expected;
    private readonly Lock _gate = new();
    private readonly Dictionary<Transformer, Writing> _writers = [];
    private readonly Dictionary<Transformer, TextEmbedder> _embedders = [];
    private readonly Dictionary<ITaskModule, (PredictionBatcher Batcher, string Name)> _batchers = [];

    /// <param name="allocator">Stays the caller's.</param>
    /// <param name="writers">Models that may come to write.</param>
    /// <exception cref="CapacityException">Modules that are there already would not fit beside the room for keys and values.</exception>
    public ModuleRunners(ServingOptions options, ServingAllocator allocator, EnergyMeter meter, int writers)
    {
        (_allocator, _meter, _engine, _expected) = (allocator, meter, options.Engine, writers);
        if (options.Engine.KeyValueBytes is null)
        {
            _keyValues = Math.Max(writers, (long)(options.KeyValueShare * (_allocator.Memory.Limit ?? MemoryPlan.Available())));
            _each = _keyValues / writers;
        }
        (_engine with { KeyValueBytes = _engine.KeyValueBytes ?? _each }).Checked();
        _allocator.Memory.Reserve(_keyValues);
        _allocator.Join(this);
    }

    /// <summary>What the models that write have in hand, together.</summary>
    public EngineLoad Load
    {
        get
        {
            lock (_gate)
            {
                EngineLoad[] loads = [.. _writers.Values.Select(w => w.Model.Engine.Load)];
                return new EngineLoad(loads.Sum(l => l.Running), loads.Sum(l => l.Waiting), loads.Sum(l => l.HeldBytes));
            }
        }
    }

    /// <summary>What runs and waits, by the name of the share that it computes with, and the room for keys and values with what of it is held.</summary>
    public IReadOnlyList<ModuleQueue> Queues
    {
        get
        {
            lock (_gate)
            {
                return [.. _writers.Values.Select(w => new ModuleQueue(w.Name, w.Model.Engine.Load.Running, w.Model.Engine.Load.Waiting, w.Model.Engine.Room, w.Model.Engine.ReservedRoom)),
                    .. _batchers.Values.Select(b => new ModuleQueue(b.Name, 0, b.Batcher.Waiting, 0, 0))];
            }
        }
    }

    /// <param name="name">Whose share of the processor it computes with.</param>
    public WritingModel Writer(LanguageModel model, string name)
    {
        lock (_gate)
        {
            // The monolith's tasks have one transformer, and so one engine.
            if (_writers.TryGetValue(model.Transformer, out Writing? known))
                return known.Model;
            EngineOptions options = _engine.KeyValueBytes is not null ? _engine
                : _engine with { KeyValueBytes = Math.Max(1, Math.Min(_each, SequenceBatch.LongestText(model.Transformer) ?? _each)) };
            var made = new Writing(name, new WritingModel(model, new DecodingEngine(model.Transformer, _allocator.Turns, _allocator.Share(name), options, _meter)), options.KeyValueBytes!.Value);
            _writers.Add(model.Transformer, made);
            DivideRooms(_allocator.Now);
            return made.Model;
        }
    }

    /// <summary>Divides the room for keys and values by what has been asked of each model lately (<see cref="KeyValueRooms"/>).</summary>
    public void Divide(double now)
    {
        lock (_gate)
            DivideRooms(now);
    }

    /// <summary>Ends what runs a module that goes out of memory; nobody asks it any more.</summary>
    public void Drop(ITaskModule module)
    {
        WritingModel? writer = null;
        TextEmbedder? embedder = null;
        lock (_gate)
        {
            _batchers.Remove(module);
            if (module is TransformerModule { Model.Transformer: var transformer })
            {
                if (_writers.Remove(transformer, out Writing? writing))
                    writer = writing.Model;
                _embedders.Remove(transformer, out embedder);
            }
        }
        writer?.Dispose();
        embedder?.Dispose();
    }

    /// <summary>One prediction a text.</summary>
    /// <param name="name">Whose share of the processor it computes with.</param>
    public (IReadOnlyList<Prediction> Predictions, PredictionCost Cost) Predict(ITaskModule module, string name, IReadOnlyList<Example> texts, CancellationToken cancellation)
    {
        if (module is TransformerModule { Kind: TaskKind.Generate } generator)
            return Generate(generator, name, texts, cancellation);
        PredictionBatcher batcher;
        lock (_gate)
        {
            if (!_batchers.TryGetValue(module, out (PredictionBatcher Batcher, string) known))
                _batchers[module] = known = (new PredictionBatcher(module, IsLight(module) ? null : _allocator.Turns, _allocator.Share(name), _meter), name);
            batcher = known.Batcher;
        }
        return batcher.Predict(texts, cancellation);
    }

    /// <summary>What turns texts into vectors with a model.</summary>
    public TextEmbedder Embedder(LanguageModel model, string name)
    {
        lock (_gate)
        {
            return _embedders.TryGetValue(model.Transformer, out TextEmbedder? embedder) ? embedder
                : _embedders[model.Transformer] = new TextEmbedder(model, _allocator.Turns, _allocator.Share(name));
        }
    }

    public void Dispose()
    {
        _allocator.Leave(this);
        _allocator.Memory.Reserve(-_keyValues);
        TextEmbedder[] embedders;
        Writing[] writers;
        lock (_gate) // a module may be going out of memory at the same time
        {
            (embedders, writers) = ([.. _embedders.Values], [.. _writers.Values]);
            _embedders.Clear();
            _writers.Clear();
        }
        foreach (TextEmbedder embedder in embedders)
            embedder.Dispose();
        foreach (Writing writer in writers)
            writer.Model.Dispose();
    }

    // N-grams take microseconds on one thread: to wait for a turn would take longer.
    internal static bool IsLight(ITaskModule module) => module is BagModule || module is EnsembleModule { Members: var members } && members.All(IsLight);

    private (IReadOnlyList<Prediction>, PredictionCost) Generate(TransformerModule module, string name, IReadOnlyList<Example> texts, CancellationToken cancellation)
    {
        WritingModel writer = Writer(module.Model, name);
        var predictions = new List<Prediction>();
        var costs = new List<SequenceResult>();
        foreach (Example text in texts)
        {
            (int[] tokens, double logProbability, SequenceResult cost) = writer.Greedy(module.Encoder.Prompt(text.Text), module.MaxNewTokens, module.Encoder.IsEnd, cancellation);
            predictions.Add(module.Written(tokens, logProbability));
            costs.Add(cost);
        }
        return (predictions, new PredictionCost(Sum(costs, c => c.Waited), Sum(costs, c => c.Computed), EnergyUse.Sum(costs.Select(c => c.Energy))));
    }

    private static TimeSpan Sum(IEnumerable<SequenceResult> costs, Func<SequenceResult, TimeSpan> time) => costs.Aggregate(TimeSpan.Zero, (sum, c) => sum + time(c));

    // Called under the lock. Models that have not been asked yet keep their part.
    private void DivideRooms(double now)
    {
        if (_keyValues == 0)
            return;
        Writing[] all = [.. _writers.Values];
        KeyValueUse[] uses = [.. all.Select(w => w.Use(now)), .. Enumerable.Repeat(new KeyValueUse(_each, _each, 0, 0), Math.Max(0, _expected - all.Length))];
        long[] rooms = KeyValueRooms.Next(_keyValues, uses);
        for (int i = 0; i < all.Length; i++)
        {
            if (all[i].Model.Engine.Room != rooms[i])
                all[i].Model.Engine.Room = rooms[i];
        }
    }

    private sealed class Writing(string name, WritingModel model, long least)
    {
        private const double Window = 10;

        private readonly ExponentialRate _demand = new(Window);
        private long _seen;

        public string Name { get; } = name;
        public WritingModel Model { get; } = model;

        public KeyValueUse Use(double now)
        {
            long demanded = Model.Engine.DemandedBytes;
            _demand.Add(demanded - _seen, now);
            _seen = demanded;
            return new KeyValueUse(least, Model.Engine.Room, Model.Engine.HeldRoom, _demand.At(now));
        }
    }
}

/// <summary>What one model of a host has in hand.</summary>
/// <param name="Room">Bytes for keys and values; 0 where it keeps none.</param>
/// <param name="HeldRoom">Of those, set aside for what runs.</param>
internal sealed record ModuleQueue(string Name, int Running, int Waiting, long Room, long HeldRoom);
