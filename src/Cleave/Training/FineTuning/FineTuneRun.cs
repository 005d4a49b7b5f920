using System.Globalization;
using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Data.Balancing;
using Cleave.Data.Cleaning;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Distributed;
using Cleave.Training.Distributed;
using Cleave.Training.FineTuning.Options;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Training.FineTuning;

/// <summary>The parts of one fine-tuning at work, and what it remembers from update to update.</summary>
internal sealed class FineTuneRun : IDisposable
{
    private readonly FineTuneOptions _options;
    private readonly ICollective _ranks;
    private readonly LanguageModel _model;
    private readonly TrainableWeights _weights;
    private readonly TrainingNoise _noise;
    private readonly ItemNoise _items;
    private readonly Mixup? _mixup;
    private readonly List<IReadOnlyList<TaskItem>> _plan;
    private readonly IReadOnlyList<IReadOnlyList<TaskItem>> _validation;
    private readonly UpdateShares _shares;
    private readonly TaskObjective _objective, _plain;
    private readonly PreferenceObjective? _preferences;
    private readonly Func<TaskItem, TeacherTargets>? _teacher;
    private readonly DistillationOptions? _lesson;
    private readonly WeightAverage? _average;
    private readonly WeightCopy? _best;
    private readonly int _validateEvery;
    private readonly List<FineTunePoint> _curve = [];
    private double _sum, _bestLoss = double.PositiveInfinity;
    private int _count, _worse, _bestUpdate;

    public FineTuneRun(FineTuneOptions options, FineTuneData data, LanguageModel model, ulong seed, ulong weightsSeed, ICollective ranks, CancellationToken cancellation)
    {
        Transformer trunk = model.Transformer;
        _noise = new TrainingNoise(Numerics.Rng.For(seed, "noise").NextUInt64())
        {
            Attention = (float)options.AttentionDropout,
            Residual = (float)options.ResidualDropout,
            Layers = (float)options.LayerDrop,
            Adapters = (float)options.AdapterDropout,
        };
        trunk.TrainingNoise = _noise.IsNone ? null : _noise;
        TaskHead? head = data.HasHead ? data.NewHead(trunk.Spec.Width, weightsSeed) : null;
        if (head is not null && data.Lesson?.Head is { } taught)
        {
            taught.Projection.Weight.Data.CopyTo(head.Projection.Weight.Data);
            taught.Projection.Bias!.Data.CopyTo(head.Projection.Bias!.Data);
        }
        _lesson = data.Lesson?.Options;
        _teacher = data.Lesson is { } lesson ? item => lesson.Targets[item.Example] : null;
        (_options, _ranks, _model) = (options, ranks, model with { Heads = head is null ? [] : [head] });
        if (data.Pairs is not null)
            _preferences = new PreferenceObjective(trunk, data.Pairs, (float)options.PreferenceBeta, ranks, cancellation);
        _weights = TrainableWeights.Of(trunk, head, options, weightsSeed);
        _weights.Adapter?.Use(trunk.TrainingNoise);
        trunk.TrainingMemory = options.Memory;
        if (data.Kind != TaskKind.Classify && (!options.Text.IsNone || options.Sampling != ClassSampling.None || options.Mixup > 0 || options.ClassWeights.Length > 0))
            throw new CleaveException("typos, word-dropout, synonyms, sampling, class-weights and mixup are for the task classify: elsewhere words are what is to be found or said");
        _items = new ItemNoise(options.Text.IsNone ? null : new TextNoise(options.Text, new HeldOutTexts(data.HeldOut)), data.Examples, data.Encoder,
            new TokenDropout(options.TokenDropout, trunk.Spec.VocabularySize, seed), seed);
        _mixup = options.Mixup > 0 ? new Mixup(options.Mixup, seed) : null;
        var batches = new TaskBatches(data.Train, options.BatchTokens, seed, options.Sampling);
        _plan = [.. Enumerable.Range(0, options.Epochs).SelectMany(batches.Epoch)];
        _validation = data.Validation.Count == 0 ? [] : new TaskBatches(data.Validation, options.BatchTokens, seed).Epoch(0);
        Updates = Math.Max(1, _plan.Count / options.Accumulate);
        _validateEvery = options.ValidateEvery > 0 ? options.ValidateEvery : Math.Max(1, Updates / options.Epochs);
        _objective = new TaskObjective(data.Kind, trunk, head, (float)options.LabelSmoothing, Classes(options, data)) { Mixup = _mixup };
        _plain = new TaskObjective(data.Kind, trunk, head);
        _shares = new UpdateShares(_plan, options.Accumulate, _preferences is null ? _objective.Count : items => (items.Count, items.Count));
        Optimizer = OptimizerBuilder.Build(options.Optimizer, _weights.Parameters, trunk, ranks);
        Places = LayerPlaces.Of(trunk, _weights.Parameters);
        Schedule = ScheduleBuilder.Build(options.Schedule, options.PeakLearningRate, Updates);
        _average = options.Ema > 0 ? WeightAverage.Exponential(_weights.Parameters, options.Ema)
            : options.Swa > 0 ? WeightAverage.Stochastic(_weights.Parameters, Math.Max(1, (int)(Updates * (1 - options.Swa)))) : null;
        _best = options.EarlyStop > 0 ? new WeightCopy(".best", _weights.Parameters) : null;
        Copies = [.. new[] { _average?.Weights, _best }.OfType<WeightCopy>()];
    }

    public Optimizer Optimizer { get; }
    public ISchedule Schedule { get; }

    /// <summary>Where processes that train together may exchange gradients.</summary>
    public IReadOnlyList<ParameterPlace> Places { get; }

    public int Updates { get; }
    public IReadOnlyList<WeightCopy> Copies { get; }

    /// <summary>The model with its new head, as it is trained.</summary>
    public LanguageModel Model => _model;

    /// <summary>Whether validations have not become better for so long that the run is over.</summary>
    public bool Stopped => _options.EarlyStop > 0 && _worse >= _options.EarlyStop;

    /// <summary>Whether the last update ended with a validation.</summary>
    public bool AtValidation { get; private set; }

    public double Loss(Tape tape, int step, int micro)
    {
        IReadOnlyList<TaskItem> items = _shares.Batch(step, micro);
        LossShare share = _shares.Of(step, micro);
        _noise.Begin(step, micro);
        _mixup?.Begin(step * _options.Accumulate + micro);
        double loss = _preferences is not null ? _preferences.Loss(tape, items, share.Rows).Loss
            : _objective.Loss(tape, _items.Apply(items, step * _options.Accumulate + micro), share, _teacher, _lesson);
        return loss * share.Classes * _options.Accumulate; // so that the mean over micro-batches is the update's loss
    }

    /// <summary>After an update; false ends the training.</summary>
    public bool After(TrainingStep step)
    {
        _noise.End(); // not before: the backward pass may compute activations again
        _average?.After(step.Step);
        _sum += step.Loss;
        _count++;
        AtValidation = _validation.Count > 0 && (step.Step % _validateEvery == 0 || step.Step == Updates);
        return !AtValidation || Validate(step.Step);
    }

    /// <summary>What a person watches.</summary>
    public string Note(TrainingStep step) => string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:0.000}{(_curve.Count > 0 ? $", validation {_curve[^1].ValidationLoss:0.000}" : "")}");

    /// <summary>The model as it is now; it is trained on behind it.</summary>
    public FineTuneResult Snapshot() => new(_model, _weights, Optimizer.Step, [.. _curve], null);

    public FineTuneResult Finish()
    {
        if (_best is not null && _bestUpdate > 0)
            _best.Give();
        else if (_average is not null && _average.Begun(Optimizer.Step))
            _average.Weights.Give();
        _model.Transformer.TrainingNoise = null;
        return new FineTuneResult(_model, _weights, Optimizer.Step, _curve, _best is not null && _bestUpdate > 0 ? _bestUpdate : null);
    }

    /// <summary>What it remembers beside weights, as a checkpoint's note.</summary>
    public string State() => string.Join('\n', [
        string.Create(CultureInfo.InvariantCulture, $"{_sum:R} {_count} {_bestLoss:R} {_worse} {_bestUpdate}"),
        Schedule is PlateauSchedule plateau ? plateau.State : "",
        .. _curve.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Update} {p.TrainLoss:R} {p.ValidationLoss:R}"))]);

    public void Restore(string state)
    {
        string[] lines = state.Split('\n');
        double[] first = Numbers(lines[0]);
        (_sum, _count, _bestLoss, _worse, _bestUpdate) = (first[0], (int)first[1], first[2], (int)first[3], (int)first[4]);
        if (Schedule is PlateauSchedule plateau && lines[1].Length > 0)
            plateau.State = lines[1];
        _curve.AddRange(lines.Skip(2).Select(Numbers).Select(n => new FineTunePoint((int)n[0], n[1], n[2])));
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        _average?.Dispose();
        _best?.Dispose();
    }

    private static double[] Numbers(string line) => [.. line.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))];

    private static ClassLossOptions? Classes(FineTuneOptions options, FineTuneData data)
    {
        if (options.Loss != LossKind.Focal && !options.BalanceClasses && options.ClassWeights.Length == 0)
            return null;
        if (options.Mixup > 0)
            throw new CleaveException("mixup goes with plain cross-entropy: leave out the focal loss and the classes' weights, or balance by sampling");
        if (!data.HasHead)
            throw new CleaveException("the focal loss and balanced classes are for the tasks classify and extract");
        return new ClassLossOptions(options.ClassWeights.Length > 0 ? StatedWeights.Of(options.ClassWeights, data.Labels) : options.BalanceClasses ? data.BalancedWeights() : [], options.Loss == LossKind.Focal ? (float)options.Focus : 0);
    }

    // With the averaged weights where there is an average: they are what would be the result.
    private bool Validate(int update)
    {
        bool averaged = _average is not null && _average.Begun(update);
        if (averaged)
            _average!.Weights.Swap();
        double loss = ValidationLoss();
        bool better = loss < _bestLoss;
        if (better)
        {
            (_bestLoss, _bestUpdate, _worse) = (loss, update, 0);
            _best?.Take();
        }
        else
        {
            _worse++;
        }
        if (averaged)
            _average!.Weights.Swap();
        _curve.Add(new FineTunePoint(update, _sum / Math.Max(1, _count), loss));
        (_sum, _count) = (0, 0);
        (Schedule as PlateauSchedule)?.Observe(loss);
        return !Stopped;
    }

    /// <summary>The mean over supervised rows (or pairs) of the loss, without smoothing, weights of classes or noise; every rank takes its share of the batches.</summary>
    private double ValidationLoss()
    {
        using var tape = new Tape(records: false);
        double sum = 0, count = 0;
        for (int batch = _ranks.Rank; batch < _validation.Count; batch += _ranks.Size)
        {
            IReadOnlyList<TaskItem> items = _validation[batch];
            int rows = _preferences is not null ? items.Count : items.Sum(i => i.Supervised);
            if (rows == 0)
                continue;
            sum += rows * (_preferences is not null ? _preferences.Loss(tape, items).Loss : _plain.Loss(tape, items));
            count += rows;
            tape.Reset();
        }
        (sum, count) = (_ranks.Sum(sum), _ranks.Sum(count));
        return count > 0 ? sum / count : double.NaN;
    }
}
