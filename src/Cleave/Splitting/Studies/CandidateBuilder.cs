using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Training;
using Cleave.Training.Bag;
using Cleave.Training.FineTuning;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Splitting.Studies;

/// <summary>One epoch of a candidate's training.</summary>
public sealed record CandidatePoint(int Epoch, double Loss, double Quality);

/// <summary>Makes candidates for one task from recipes: prune, distil, fine-tune, quantize.</summary>
public sealed class CandidateBuilder
{
    private readonly TaskContext _task;
    private readonly Monolith _monolith;
    private readonly ulong _seed;
    private readonly Importance? _importance;
    private readonly TeacherTargets[] _teacher;
    private readonly IReadOnlyList<float[]>? _teacherLogits;

    public CandidateBuilder(TaskContext task, Monolith monolith, ulong seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(monolith);
        (_task, _monolith, _seed) = (task, monolith, task.Seed(seed, "study"));
        TransformerModule teacher = monolith.View(task.Name);
        TaskHead? head = monolith.Model.Head(task.Name);
        const int MostProbes = 256;
        IEnumerable<TaskItem> probes = task.Train.Take(MostProbes);
        Transformer trunk = task.Trunk(monolith.Model);
        _importance = trunk.Encoder is not null ? Importance.MeasureAnswers(trunk, probes.Select(t => (t.Ids, t.DecoderIds!)))
            : Importance.Measure(trunk, probes.Select(t => (t.Ids, t.Types)), head?.Causal ?? true);
        if (task.Kind == TaskKind.Classify)
        {
            _teacherLogits = teacher.Logits(task.Data.Train, cancellation);
            _teacher = [.. _teacherLogits.Select(l => new TeacherTargets(l, l.Length))];
        }
        else
        {
            _teacher = teacher.Teach(task.Train, cancellation);
        }
    }

    /// <summary>
    /// Builds a candidate into <paramref name="folder"/>, as it would be published. Null when <paramref name="onEpoch"/> returned
    /// false and the candidate was given up.
    /// </summary>
    public Candidate? Build(Recipe recipe, string folder, Func<CandidatePoint, bool> onEpoch, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(onEpoch);
        var curve = new List<CandidatePoint>();
        bool Epoch(CandidatePoint point)
        {
            curve.Add(point);
            cancellation.ThrowIfCancellationRequested();
            return onEpoch(point);
        }
        double cost = 0;
        BagClassifier? bag = null;
        if (recipe.Ngrams is { } ngrams)
        {
            // Beside a transformer the n-grams are trained first and silently: the transformer's epochs are what is watched.
            (bag, double features, bool gaveUp) = TrainNgrams(ngrams, recipe.Student == StudentKind.Both ? static _ => true : Epoch);
            if (gaveUp)
                return null;
            cost += CostModel.Bag(BagCost.Of(bag!, features));
        }
        LanguageModel? model = null;
        if (recipe.Transformer is { } transformer)
        {
            model = TrainTransformer(transformer, Epoch);
            if (model is null)
                return null;
            cost += CostModel.Transformer(model.Transformer.Spec, transformer.Weights, _task.MeanTokens - _task.MeanGenerated, _task.MeanGenerated,
                model.Head(_task.Name)?.Labels.Count ?? 0, _task.Kind);
        }
        return Store(recipe, folder, model, bag, cost, curve);
    }

    private Candidate Store(Recipe recipe, string folder, LanguageModel? model, BagClassifier? bag, double cost, List<CandidatePoint> curve)
    {
        AtomicFolderBuild(folder, into =>
        {
            if (model is not null)
                ModelFolder.Save(into, model, recipe.Transformer!.Weights);
            if (bag is not null)
                bag.Save(model is null ? into : Path.Combine(into, ModuleFolder.NgramsFolder, _task.Name));
            WriteDescription(into, 1, bag is not null && model is not null ? new MixOptions(1, 1) : null);
        });
        // What is measured is what was written: rounding and quantization included.
        using ITaskModule module = ModuleFolder.Load(folder)[0];
        double temperature = 1;
        MixOptions? mix = null;
        if (_task.Kind == TaskKind.Classify && module is IClassifierModule classifier)
        {
            IReadOnlyList<Example> validation = _task.Data.Validation;
            int[] labels = _task.LabelIndices(validation);
            if (module is TransformerModule { Beside: { } beside } both)
                mix = ClassifierMix.Fit(both.TransformerLogits(validation), beside.Logits(validation), labels);
            IReadOnlyList<float[]> logits = mix is null ? classifier.Logits(validation)
                : mix.Apply(((TransformerModule)module).TransformerLogits(validation), ((TransformerModule)module).Beside!.Logits(validation));
            temperature = TemperatureScaling.Fit(logits, labels).Temperature;
        }
        WriteDescription(folder, temperature, mix);
        return new Candidate(folder, cost, module.WeightBytes, module.Parameters, curve);
    }

    private void WriteDescription(string folder, double temperature, MixOptions? mix) => ModuleFolder.Write(folder, _task.Name,
        [new ModuleTask(_task.Name, _task.Kind, _task.Data.Labels, _task.MaxTokens, _task.MaxNewTokens, temperature, mix)], []);

    private static void AtomicFolderBuild(string folder, Action<string> build)
    {
        // A trial that was interrupted leaves a half-written folder; it is made again from the beginning.
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        build(folder);
    }

    private (BagClassifier? Bag, double Features, bool GaveUp) TrainNgrams(NgramRecipe recipe, Func<CandidatePoint, bool> onEpoch)
    {
        bool gaveUp = false;
        TaskDataset data = _task.Data;
        BagTeacher? teacher = recipe.SoftWeight > 0 ? new BagTeacher(_teacherLogits!, recipe.Temperature, recipe.SoftWeight) : null;
        var options = new BagTrainingOptions
        {
            MaxRows = recipe.Rows,
            Dim = recipe.Dim,
            Hidden = recipe.Hidden,
            Epochs = recipe.Epochs,
            LearningRate = (float)recipe.LearningRate,
            FeatureDropout = recipe.Dropout,
            ClassWeights = _task.ClassWeights,
            Seed = _seed,
        };
        BagTrainingResult result = BagTrainer.Train(options, Texts(data.Train), data.Labels.Count, Texts(data.Validation), teacher, epoch =>
        {
            gaveUp = !onEpoch(new CandidatePoint(epoch.Epoch, epoch.TrainLoss, epoch.ValidationAccuracy));
            return !gaveUp;
        });
        return gaveUp ? (null, 0, true) : (BagClassifier.From(result.Model, data.Labels, recipe.Bits), result.FeaturesPerText, false);
    }

    private LabelledTexts Texts(IReadOnlyList<Example> examples) => new([.. examples.Select(e => e.Text)], _task.LabelIndices(examples));

    private LanguageModel? TrainTransformer(TransformerRecipe recipe, Func<CandidatePoint, bool> onEpoch)
    {
        Transformer trunk = StructuredPruner.Prune(_task.Trunk(_monolith.Model), _importance!,
            new PruningPlan(recipe.Layers, recipe.Groups, recipe.FeedForward) { EncoderLayers = recipe.EncoderLayers });
        TaskHead? head = _monolith.Model.Head(_task.Name) is { } original ? Copy(original) : null;
        var model = new LanguageModel(trunk, _monolith.Model.Tokenizer, head is null ? [] : [head]) { Chat = _monolith.Model.Chat };
        List<(string, Tensor)> parameters = [.. trunk.Parameters()];
        if (head is not null)
            parameters.AddRange([("head", head.Projection.Weight), ("bias", head.Projection.Bias!)]);
        TaskBatches batches = _task.Batches(_monolith.Options.BatchTokens, _seed);
        List<(int Epoch, IReadOnlyList<TaskItem> Items)> plan = [.. Enumerable.Range(0, recipe.Epochs).SelectMany(e => batches.Epoch(e).Select(b => (e, b)))];
        using var optimizer = new Optimizer(new ParameterGroup(parameters, new Adam(Beta2: 0.99f)) { WeightDecay = 0.05f });
        var schedule = new CosineSchedule(recipe.LearningRate, Math.Max(1, plan.Count / 20), plan.Count, 0.05);
        var objective = new TaskObjective(_task.Kind, trunk, head);
        ItemNoise noise = _task.Noise(_seed, "study");
        var distillation = new DistillationOptions(recipe.SoftWeight, recipe.Temperature);
        double sum = 0;
        int count = 0;
        bool gaveUp = false;
        new Trainer(optimizer, schedule).Run((tape, step, _) => objective.Loss(tape, noise.Apply(plan[step].Items, step), 1,
            recipe.SoftWeight > 0 ? item => _teacher[item.Example] : null, distillation), step =>
        {
            sum += step.Loss;
            count++;
            bool endOfEpoch = step.Step == plan.Count || plan[step.Step].Epoch != plan[step.Step - 1].Epoch;
            if (!endOfEpoch)
                return true;
            gaveUp = !onEpoch(new CandidatePoint(plan[step.Step - 1].Epoch + 1, sum / count, Quality(model)));
            (sum, count) = (0, 0);
            return !gaveUp;
        });
        if (gaveUp)
            return null;
        if (recipe.Weights == WeightType.Q8)
            RoundToNearest.Quantize(trunk);
        return model;
    }

    /// <summary>The metric on the first validation items: enough to see a hopeless trial.</summary>
    private double Quality(LanguageModel model)
    {
        int most = _task.Kind == TaskKind.Generate ? 64 : 200; // generating is slow, and here only tells good from hopeless
        Example[] items = [.. _task.Data.Validation.Take(most)];
        using var module = new TransformerModule(_task.Name, _task.Kind, model, _task.Data.Labels, _task.MaxTokens, _task.MaxNewTokens);
        return _task.Definition.Metric.Score(items, module.Predict(items)).Value();
    }

    private static TaskHead Copy(TaskHead head) => new(head.Task, head.Kind, head.Labels,
        Tensor.From(head.Projection.Weight.Data, head.Projection.Outputs, head.Projection.Inputs),
        Tensor.From(head.Projection.Bias!.Data, 1, head.Projection.Outputs))
    { Causal = head.Causal, Pooling = head.Pooling };
}

/// <summary>A built candidate.</summary>
/// <param name="Folder">The module as it would be published.</param>
/// <param name="CostNanoseconds">An item at batch 1, computed.</param>
public sealed record Candidate(string Folder, double CostNanoseconds, long Bytes, long Parameters, IReadOnlyList<CandidatePoint> Curve);
