using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Training.Bag;

namespace Cleave.Splitting.Monoliths;

/// <summary>
/// Makes the monolith: fine-tunes the base, gives every classification task the n-gram features too where they make the
/// whole better (the reference has to be the best whole there is), calibrates it, and stores it.
/// </summary>
public sealed class MonolithBuilder(SplitProject project, IReadOnlyList<TaskContext> tasks)
{
    /// <param name="folder">Where the monolith is written.</param>
    /// <param name="checkpoint">The training's state, kept until the folder is whole.</param>
    public IReadOnlyList<MonolithPoint> Build(LanguageModel baseModel, string folder, string checkpoint, string fingerprint,
        IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        var trainer = new MonolithTrainer(project.Monolith, project.Seed, checkpoint);
        (LanguageModel model, IReadOnlyList<MonolithPoint> curve) = trainer.Train(baseModel, tasks, fingerprint, progress, cancellation);
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        ModelFolder.Save(folder, model, WeightType.BF16);
        foreach (TaskContext task in tasks.Where(t => t.Kind == TaskKind.Classify))
        {
            progress?.Report(new ProgressReport($"monolith: n-grams of {task.Name}", 0, 1, "models"));
            cancellation.ThrowIfCancellationRequested();
            TrainNgrams(task).Save(Path.Combine(folder, ModuleFolder.NgramsFolder, task.Name));
        }
        Describe(folder, [.. tasks.Select(t => Description(t, 1, null))]);
        var calibrated = new List<ModuleTask>();
        using (Monolith monolith = Monolith.Load(folder, project.Monolith))
        {
            foreach (TaskContext task in tasks)
                calibrated.Add(Calibrate(task, monolith.View(task.Name)));
        }
        Describe(folder, calibrated);
        return curve;
    }

    private BagClassifier TrainNgrams(TaskContext task) => NgramTraining.Train(
        new LabelledTexts([.. task.Data.Train.Select(e => e.Text)], task.LabelIndices(task.Data.Train)), task.Data.Labels, task.ClassWeights, task.Seed(project.Seed, "monolith n-grams"));

    private static ModuleTask Calibrate(TaskContext task, TransformerModule view)
    {
        if (task.Kind != TaskKind.Classify)
            return Description(task, 1, null);
        IReadOnlyList<Example> validation = task.Data.Validation;
        int[] labels = task.LabelIndices(validation);
        IReadOnlyList<float[]> transformer = view.TransformerLogits(validation), ngrams = view.Beside!.Logits(validation);
        MixOptions mix = ClassifierMix.Fit(transformer, ngrams, labels);
        return Description(task, TemperatureScaling.Fit(mix.Apply(transformer, ngrams), labels).Temperature, mix);
    }

    private static ModuleTask Description(TaskContext task, double temperature, MixOptions? mix) =>
        new(task.Name, task.Kind, task.Data.Labels, task.MaxTokens, task.MaxNewTokens, temperature, mix);

    private static void Describe(string folder, IReadOnlyList<ModuleTask> tasks) => ModuleFolder.Write(folder, "monolith", tasks, []);
}
