using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Serving.Engine;
using Cleave.Splitting.Modules;

namespace Cleave.Serving;

/// <summary>What runs the modules of one host: an engine for each model that writes, a batcher for each module that judges, and the turns that they take.</summary>
internal sealed class ModuleRunners : IDisposable
{
    private readonly ServingOptions _options;
    private readonly EngineOptions _engine;
    private readonly EnergyMeter _meter;
    private readonly ComputeTurns _turns = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ComputeShare> _shares = new(StringComparer.Ordinal);
    private readonly Dictionary<Transformer, WritingModel> _writers = [];
    private readonly Dictionary<Transformer, TextEmbedder> _embedders = [];
    private readonly Dictionary<ITaskModule, PredictionBatcher> _batchers = [];

    /// <param name="writers">Models that may come to write.</param>
    public ModuleRunners(ServingOptions options, EnergyMeter meter, int writers)
    {
        (_options, _meter) = (options, meter);
        _engine = options.Engine with { KeyValueBytes = options.Engine.KeyValueBytes ?? Math.Max(1, (long)(options.KeyValueShare * MemoryPlan.Available()) / writers) };
        _engine.Checked();
    }

    /// <summary>What the models that write have in hand, together.</summary>
    public EngineLoad Load
    {
        get
        {
            lock (_gate)
            {
                EngineLoad[] loads = [.. _writers.Values.Select(w => w.Engine.Load)];
                return new EngineLoad(loads.Sum(l => l.Running), loads.Sum(l => l.Waiting), loads.Sum(l => l.HeldBytes));
            }
        }
    }

    /// <param name="name">Whose share of the processor it computes with.</param>
    public WritingModel Writer(LanguageModel model, string name)
    {
        lock (_gate)
        {
            // The monolith's tasks have one transformer, and so one engine.
            return _writers.TryGetValue(model.Transformer, out WritingModel? writer) ? writer
                : _writers[model.Transformer] = new WritingModel(model, new DecodingEngine(model.Transformer, _turns, Share(name), _engine, _meter));
        }
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
            batcher = _batchers.TryGetValue(module, out PredictionBatcher? known) ? known
                : _batchers[module] = new PredictionBatcher(module, IsLight(module) ? null : _turns, Share(name), _meter);
        }
        return batcher.Predict(texts, cancellation);
    }

    /// <summary>What turns texts into vectors with a model.</summary>
    public TextEmbedder Embedder(LanguageModel model, string name)
    {
        lock (_gate)
        {
            return _embedders.TryGetValue(model.Transformer, out TextEmbedder? embedder) ? embedder
                : _embedders[model.Transformer] = new TextEmbedder(model, _turns, Share(name));
        }
    }

    public void Dispose()
    {
        foreach (TextEmbedder embedder in _embedders.Values)
            embedder.Dispose();
        foreach (WritingModel writer in _writers.Values)
            writer.Dispose();
    }

    // N-grams take microseconds on one thread: to wait for a turn would take longer.
    private static bool IsLight(ITaskModule module) => module is BagModule || module is EnsembleModule { Members: var members } && members.All(IsLight);

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

    private ComputeShare Share(string name) =>
        _shares.TryGetValue(name, out ComputeShare? share) ? share : _shares[name] = new ComputeShare(name, _options.Weights.GetValueOrDefault(name, 1));
}
