using Cleave.Data;
using Cleave.Data.Cleaning;
using Cleave.Evaluation;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.SingleTask;

/// <summary>
/// Self-training (Yarowsky, 1995; Lee, 2013): a model trained on the labelled items labels others, and those that it is sure of are trained on
/// too. How sure is sure is found on the validation items. A text that is nearly a held-out one is refused, and a source that mostly consists of them
/// altogether: a model is not to be trained on what it is measured by.
/// </summary>
/// <param name="loadModel">The untrained base, anew at each call.</param>
internal sealed class SelfTrainer(TaskTraining training, SelfTrainingOptions options, Func<LanguageModel> loadModel)
{
    private const string First = "first", Second = "second";
    private const double MostHeldOut = 0.5;

    /// <summary>The data with the texts that were labelled with confidence, and what there is to say of it.</summary>
    /// <exception cref="CleaveException">The task is no classification, or the texts overlap held-out items.</exception>
    public (TaskDataset Data, SelfTrainingResult Result) Extend(TaskDataset data, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        if (data.Source.Kind != TaskKind.Classify)
            throw new CleaveException("unlabelled texts are for the task classify: a model's own words or spans would only confirm it");
        data.RequireValidation("training on unlabelled texts");
        (Example[] texts, int known, int refused) = Read(data);
        using TransformerModule first = Train(data, First, training.Seed, progress, cancellation);
        IReadOnlyList<Prediction> validation = first.Predict(data.Validation, cancellation);
        ConfidenceInterval before = ConfidenceInterval.Of(training.Metric.Score(data.Test, first.Predict(data.Test, cancellation)), seed: training.Seed);
        var threshold = ConfidenceThreshold.Find(validation.Zip(data.Validation, (p, e) => (p.Confidence, p.Label == e.Label)), options.Accuracy);
        Example[] sure = threshold is null ? [] : [.. texts.Zip(first.Predict(texts, cancellation)).Where(p => p.Second.Confidence >= threshold.Confidence)
            .Select(p => p.First with { Label = p.Second.Label })];
        Example[] agreed = sure;
        if (options.Agree && sure.Length > 0)
        {
            using TransformerModule second = Train(data, Second, Rng.For(training.Seed, Second).NextUInt64(), progress, cancellation);
            agreed = [.. sure.Zip(second.Predict(sure, cancellation)).Where(p => p.First.Label == p.Second.Label).Select(p => p.First)];
        }
        var result = new SelfTrainingResult(texts.Length + known + refused, known, refused, threshold?.Confidence, threshold?.Accuracy ?? 0, threshold?.Items ?? 0, sure.Length - agreed.Length,
            [.. data.Labels.Select(l => (l, agreed.Count(e => e.Label == l)))], before, training.Metric.Score(data.Validation, validation).Value());
        return (data.WithTraining([.. data.Train, .. agreed]), result);
    }

    private (Example[] Texts, int Known, int Refused) Read(TaskDataset data)
    {
        // Only the column of the text is needed, as for plain text.
        IReadOnlyList<Example> read = ExampleReader.Read(training.Source with { Kind = TaskKind.LanguageModel, Test = options.Files, TestRows = null }, training.Seed);
        var heldOut = new HeldOutTexts([.. data.Validation, .. data.Test]);
        Example[] near = [.. read.Where(e => heldOut.Near(e.Text))];
        if (near.Length > MostHeldOut * read.Count)
        {
            throw new CleaveException($"{near.Length} of {read.Count} unlabelled texts are, or nearly are, validation or test items (first at {near[0].Source}): "
                + "give others; a model is not to be trained on what it is measured by");
        }
        var trained = new HashSet<string>(data.Train.Select(TextKeys.Input), StringComparer.Ordinal);
        Example[] usable = [.. read.Except(near)];
        Example[] unknown = [.. usable.DistinctBy(TextKeys.Input).Where(e => !trained.Contains(TextKeys.Input(e)))];
        return (unknown, usable.Length - unknown.Length, near.Length);
    }

    // Calibrated, as the written module will be; its state stays in the work folder, so that a continued run does not train it again.
    private TransformerModule Train(TaskDataset data, string name, ulong seed, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        LanguageModel model = loadModel();
        FineTuneData items = FineTuneData.Encode(data, model, training.Options.MaxTokens, preferences: false);
        string folder = Path.Combine(training.WorkFolder, name);
        Directory.CreateDirectory(folder);
        FineTuneResult result = new FineTuner(training.Options, items, folder, seed).Run(model, new Named($"{name} model", progress), cancellation);
        var module = new TransformerModule(data.Source.Name, TaskKind.Classify, result.Model, data.Labels, Math.Min(training.Options.MaxTokens, model.Transformer.Spec.ContextLength), 0);
        var index = data.Labels.Index().ToDictionary(p => p.Item, p => p.Index, StringComparer.Ordinal);
        module.Temperature = TemperatureScaling.Fit(module.Logits(data.Validation, cancellation), [.. data.Validation.Select(e => index[e.Label!])]).Temperature;
        return module;
    }

    private sealed class Named(string stage, IProgress<ProgressReport>? inner) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => inner?.Report(value with { Stage = $"{stage}: {value.Stage}" });
    }
}
