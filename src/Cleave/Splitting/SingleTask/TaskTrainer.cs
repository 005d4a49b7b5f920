using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Quantized;
using Cleave.Splitting.Modules;
using Cleave.Training;
using Cleave.Training.Adapters;
using Cleave.Training.FineTuning;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.SingleTask;

/// <summary>
/// Fine-tunes a model on a task and writes it as a module: a whole model, or an adapter beside its base. What is measured is what was written.
/// </summary>
/// <param name="ranks">The processes that train together; null for this one alone.</param>
/// <param name="given">The data where it is not to be read from the training's source, or null.</param>
public sealed class TaskTrainer(TaskTraining training, ICollective? ranks = null, TaskDataset? given = null)
{
    private const int MergeItems = 64;
    private readonly ICollective _ranks = ranks ?? OneProcess.Instance;

    /// <summary>Where a snapshot goes, as a module of its own; null for no snapshots.</summary>
    public Func<FineTuneResult, string>? AtCycleEnd { get; init; }

    private FineTuneOptions Options => training.Options;

    /// <summary>Trains, writes and measures. Once training is over the processes leave the job, and the first writes and measures alone.</summary>
    /// <returns>What it came to; null on the processes behind the first.</returns>
    /// <exception cref="CleaveException">The data or the model cannot be used, or the loss diverged.</exception>
    /// <exception cref="MergeException">Merging changes the model too much.</exception>
    public TaskTrainingResult? Run(IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        if (File.Exists(training.Output))
            throw new CleaveException($"{training.Output}: is a file, and the result is a folder; choose another --out");
        Trainer.RequireEvenShares(Options.Accumulate, _ranks);
        if (training.Unlabelled is not null && _ranks.Size > 1)
            throw new CleaveException("--unlabelled trains several models one after the other, each by one process; leave out the launcher");
        using RunFolder? folder = _ranks.Rank == 0 ? new RunFolder(training.Output, training.Resume, training.Force) : null;
        TaskDataset data = given ?? TaskDataset.Load(training.Source, training.Seed);
        if (Options.EarlyStop > 0)
            data.RequireValidation("early-stop");
        if (Options.Schedule.Name == "plateau")
            data.RequireValidation("the schedule plateau");
        SelfTrainingResult? added = null;
        if (training.Unlabelled is { } unlabelled)
            (data, added) = new SelfTrainer(training, unlabelled, LoadModel).Extend(data, progress, cancellation);
        using TaskTeacher? teacher = training.Teaching is null ? null : new TaskTeacher(training);
        LanguageModel model = teacher?.Student(cancellation) ?? LoadModel();
        if (training.Source.Kind is TaskKind.Generate or TaskKind.LanguageModel)
            model.Transformer.RequireContinuation();
        FineTuneData items = FineTuneData.Encode(data, model, Options.MaxTokens, Options.Loss == LossKind.Dpo);
        RequireMemory(model.Transformer);
        items = teacher?.Teach(items, data, model, progress, cancellation) ?? items;
        var tuner = new FineTuner(Options, items, training.WorkFolder, training.Seed, _ranks, training.WeightsSeed)
        {
            AtCycleEnd = AtCycleEnd is null ? null : snapshot => AtomicFolder.Create(AtCycleEnd(snapshot), f => Write(f, snapshot, items, data, null, null, cancellation), overwrite: true),
        };
        if (_ranks.Rank != 0)
        {
            tuner.Run(model, null, cancellation);
            _ranks.Dispose();
            return null;
        }
        FineTuneResult result = tuner.Run(model, progress, cancellation);
        _ranks.Dispose();
        progress?.Report(new ProgressReport("write and measure", 0, 1, "models"));
        IReadOnlyList<float[]>? adapted = training.Merge ? MergeAdapter(result, items, cancellation) : null;
        TaskTrainingResult? written = null;
        AtomicFolder.Create(training.Output, into => written = Write(into, result, items, data, adapted, added, cancellation), overwrite: training.Force || training.Resume);
        folder!.Finish();
        return written! with { Remark = tuner.Remark };
    }

    /// <summary>The learning-rate range test on the task; writes nothing.</summary>
    /// <returns>Learning rates with their losses, and the one to train with.</returns>
    public (IReadOnlyList<(double Rate, double Loss)> Curve, double Suggestion) RangeTest(int updates, IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        LanguageModel model = LoadModel();
        FineTuneData items = FineTuneData.Encode(TaskDataset.Load(training.Source, training.Seed), model, Options.MaxTokens, Options.Loss == LossKind.Dpo);
        double usual = Options.PeakLearningRate;
        var (schedule, losses, suggestion) = new FineTuner(Options, items, "", training.Seed).RangeTest(model, updates, usual / 1000, usual * 1000, progress, cancellation);
        return ([.. losses.Select((loss, step) => (schedule.At(step), loss))], suggestion);
    }

    /// <summary>The base as it is trained: an adapter's stays as it is stored; other methods change the weights themselves.</summary>
    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    internal LanguageModel LoadModel() => Options.UsesAdapter ? AdaptedModel.LoadBase(training.Base, Options.QuantizeBase)
        : ModelFolder.Load(Releases.BaseModel.Find(training.Base, Environment.CurrentDirectory));

    private void RequireMemory(Transformer transformer)
    {
        long trained = Options.UsesAdapter || Options.Method == FineTuneMethod.Head ? 0 : 4 * transformer.Spec.Parameters + 8 * transformer.Spec.Parameters / _ranks.Size;
        MemoryPlan.Require(Options.Memory.Activations(transformer.Spec, Options.BatchTokens) + trained, $"training on {Options.BatchTokens} tokens at once",
            "lower batch-tokens and raise accumulate, set recompute, or train an adapter");
    }

    /// <returns>Rows of logits of the adapted model, from before the merge.</returns>
    private static List<float[]> MergeAdapter(FineTuneResult result, FineTuneData items, CancellationToken cancellation)
    {
        Adapter adapter = result.Weights.Adapter ?? throw new CleaveException("--merge is for the methods lora, dora and ia3: other results are whole models already");
        if (result.Model.Transformer.Weights().Any(w => w.Weight is AdaptedLinear { Original: QuantizedLinear { Weight.Format: not BlockFormat.Q8_0 } }))
            throw new CleaveException("the base's matrices are in a type that folders cannot hold: keep the adapter beside its base, or convert the base first");
        List<float[]> before = Rows(result.Model, items, cancellation);
        adapter.Merge();
        return before;
    }

    private static List<float[]> Rows(LanguageModel model, FineTuneData data, CancellationToken cancellation)
    {
        var rows = new List<float[]>();
        using var outputs = new TransformerOutputs(model.Transformer, model.Head(data.Task));
        outputs.Run([.. (data.Validation.Count > 0 ? data.Validation : data.Train).Take(MergeItems)], (_, count, columns, logits) =>
        {
            for (int r = 0; r < count; r++)
                rows.Add(logits.Slice(r * columns, columns).ToArray());
        }, cancellation);
        return rows;
    }

    private TaskTrainingResult Write(string folder, FineTuneResult result, FineTuneData items, TaskDataset data, IReadOnlyList<float[]>? adapted, SelfTrainingResult? added, CancellationToken cancellation)
    {
        Adapter? adapter = training.Merge ? null : result.Weights.Adapter;
        JsonObject facts = [];
        if (adapter is not null)
            facts = AdaptedModel.Save(folder, adapter, result.Model.Heads, BaseName(), Options.QuantizeBase);
        else
            ModelFolder.Save(folder, result.Model, result.Model.Transformer.Weights().Any(w => w.Weight is QuantizedLinear) ? WeightType.Q8 : WeightType.BF16);
        // What was written, rounding included, against what was trained.
        MergeCheck? merge = adapted is null ? null : MergeCheck.Of(adapted, Rows(ModelFolder.LoadFrozen(folder), items, cancellation), training.MostDivergence);
        if (merge is { Passed: false })
            throw new MergeException(merge);
        facts["lineage"] = new JsonObject { ["base"] = BaseName(), ["seed"] = training.Seed, ["updates"] = result.Updates };
        facts["recipe"] = Recipe();
        if (added is not null)
            facts["recipe"]!["pseudo_labelled"] = added.Added.Sum(a => a.Count);
        if (training.Teaching is { } teaching)
        {
            facts["lineage"]!["teacher"] = teaching.Teacher;
            facts["recipe"]!["soft"] = teaching.Options.Weight;
            facts["recipe"]!["temperature"] = teaching.Options.Temperature;
        }
        Describe(1);
        double temperature = 1;
        ConfidenceInterval quality;
        long bytes, parameters;
        using (ITaskModule module = ModuleFolder.Load(folder)[0])
        {
            if (module is IClassifierModule classifier && items.Kind == TaskKind.Classify && data.Validation.Count > 0)
            {
                var index = data.Labels.Select((l, i) => (l, i)).ToDictionary(p => p.l, p => p.i, StringComparer.Ordinal);
                int[] labels = [.. data.Validation.Select(e => index[e.Label!])];
                temperature = TemperatureScaling.Fit(classifier.Logits(data.Validation, cancellation), labels).Temperature;
                classifier.Temperature = temperature;
            }
            quality = ConfidenceInterval.Of(training.Metric.Score(data.Test, module.Predict(data.Test, cancellation)), seed: training.Seed);
            bytes = module.WeightBytes;
            parameters = module.Parameters + (adapter?.Parameters.Sum(p => (long)p.Tensor.Length) ?? 0);
        }
        Describe(temperature);
        long stored = new FileInfo(Path.Combine(folder, adapter is null ? ModelFolder.Weights : AdapterFolder.Weights)).Length;
        return new TaskTrainingResult(result, parameters, bytes, stored, quality, merge, null, added);

        void Describe(double t) => ModuleFolder.Write(folder, items.Task, [new ModuleTask(items.Task, items.Kind, items.Labels, Math.Min(Options.MaxTokens, result.Model.Transformer.Spec.ContextLength),
            MaxNewTokens(items, result.Model.Transformer.Encoder is not null), t, null)], facts);
    }

    private JsonObject Recipe() => new()
    {
        ["method"] = training.Teaching is null ? Options.Method.ToString().ToLowerInvariant() : "distill",
        ["optimizer"] = Options.Optimizer.Name,
        ["learning_rate"] = Options.PeakLearningRate,
        ["schedule"] = Options.Schedule.Name,
        ["epochs"] = Options.Epochs,
        ["batch_tokens"] = Options.BatchTokens * Options.Accumulate,
    };

    private int MaxNewTokens(FineTuneData items, bool encoderDecoder) => items.Kind != TaskKind.Generate ? 0
        : TaskEncoder.LongestReply(items.Pairs is { } pairs ? [.. pairs.Select(p => p.Preferred)] : items.Train, encoderDecoder ? Options.MaxTokens : Options.MaxTokens / 2);

    // A path is written whole, so that the adapter finds its base from anywhere; other names stay.
    private string BaseName() => Directory.Exists(training.Base) || File.Exists(training.Base) ? Path.GetFullPath(training.Base) : training.Base;
}
