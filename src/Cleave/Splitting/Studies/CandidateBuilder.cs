using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Recipes;
using Cleave.Training.Bag;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.Studies;

/// <summary>One epoch of a candidate's training.</summary>
public sealed record CandidatePoint(int Epoch, double Loss, double Quality);

/// <summary>Makes candidates for one task from recipes: prune, distil, fine-tune, quantize.</summary>
public sealed class CandidateBuilder
{
    private readonly TaskContext _task;
    private readonly ulong _seed;
    private readonly StudentCutter _cutter;
    private readonly IReadOnlyList<float[]>? _teacherLogits;

    public CandidateBuilder(TaskContext task, Monolith monolith, ulong seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(monolith);
        (_task, _seed) = (task, task.Seed(seed, "study"));
        TransformerModule teacher = monolith.View(task.Name);
        if (task.Kind == TaskKind.Classify)
            _teacherLogits = teacher.Logits(task.Data.Train, cancellation);
        _cutter = new StudentCutter(task, monolith, _teacherLogits is { } logits ? [.. logits.Select(l => new TeacherTargets(l, l.Length))] : teacher.Teach(task.Train, cancellation));
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
            model = MakeTransformer(transformer, Epoch, cancellation);
            if (model is null)
                return null;
            cost += CostModel.Transformer(model.Transformer.Spec, transformer.Weights, _task.MeanTokens - _task.MeanGenerated, _task.MeanGenerated,
                model.Head(_task.Name)?.Labels.Count ?? 0, _task.Kind);
        }
        return Store(recipe, folder, model, bag, cost, curve, cancellation);
    }

    private Candidate Store(Recipe recipe, string folder, LanguageModel? model, BagClassifier? bag, double cost, List<CandidatePoint> curve, CancellationToken cancellation)
    {
        AtomicFolderBuild(folder, into =>
        {
            if (model is not null)
                StudentStorage.Write(into, _task.Name, model, recipe.Transformer!.Weights, cancellation);
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
                mix = ClassifierMix.Fit(both.TransformerLogits(validation, cancellation), beside.Logits(validation, cancellation), labels);
            IReadOnlyList<float[]> logits = mix is null ? classifier.Logits(validation, cancellation)
                : mix.Apply(((TransformerModule)module).TransformerLogits(validation, cancellation), ((TransformerModule)module).Beside!.Logits(validation, cancellation));
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

    private LanguageModel? MakeTransformer(TransformerRecipe recipe, Func<CandidatePoint, bool> onEpoch, CancellationToken cancellation)
    {
        Student student = _cutter.Cut(recipe, cancellation);
        return new StudentTrainer(_task, _seed).Run(student, recipe, Quality, onEpoch)
            ? StudentStorage.Round(student.Model, recipe, () => _cutter.Calibration(student), cancellation) : null;
    }

    /// <summary>The metric on the first validation items: enough to see a hopeless trial.</summary>
    private double Quality(LanguageModel model)
    {
        int most = _task.Kind == TaskKind.Generate ? 64 : 200; // generating is slow, and here only tells good from hopeless
        Example[] items = [.. _task.Data.Validation.Take(most)];
        using var module = new TransformerModule(_task.Name, _task.Kind, model, _task.Data.Labels, _task.MaxTokens, _task.MaxNewTokens);
        return _task.Definition.Metric.Score(items, module.Predict(items)).Value();
    }
}

/// <summary>A built candidate.</summary>
/// <param name="Folder">The module as it would be published.</param>
/// <param name="CostNanoseconds">An item at batch 1, computed.</param>
public sealed record Candidate(string Folder, double CostNanoseconds, long Bytes, long Parameters, IReadOnlyList<CandidatePoint> Curve);
