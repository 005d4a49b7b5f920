using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Training.Bag;

namespace Cleave.Splitting.Releases;

/// <summary>How well the router knows the tasks apart.</summary>
/// <param name="Accuracy">On the tasks' test texts.</param>
public sealed record RouterQuality(ConfidenceInterval Accuracy, double Temperature);

/// <summary>Trains the router: an n-gram classifier over the tasks' own training texts, the same number of each.</summary>
public static class RouterBuilder
{
    public const string Name = "router";

    /// <summary>Most texts of a task: enough to know it, and no task drowns the others.</summary>
    private const int MostTexts = 4000;

    public static RouterQuality Build(IReadOnlyList<TaskContext> tasks, string folder, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        string[] names = [.. tasks.Select(t => t.Name)];
        int most = Math.Min(MostTexts, 4 * tasks.Min(t => t.Data.Train.Count));
        LabelledTexts train = Collect(tasks, t => t.Train, seed, most), validation = Collect(tasks, t => t.Validation, seed, most);
        var options = new BagTrainingOptions { MaxRows = 16_000, Dim = 32, Hidden = 0, Epochs = 6, FeatureDropout = 0.5f, Seed = Rng.For(seed, Name).NextUInt64() };
        BagClassifier classifier = BagClassifier.From(BagTrainer.Train(options, train, names.Length).Model, names);
        classifier.Save(folder);
        using var module = new BagModule(Name, classifier);
        IReadOnlyList<float[]> logits = module.Logits([.. validation.Texts.Select(t => new Example { Text = t })]);
        double temperature = TemperatureScaling.Fit(logits, validation.Labels).Temperature;
        ModuleFolder.Write(folder, Name, [new ModuleTask(Name, TaskKind.Classify, names, 1, 0, temperature, null)], []);
        LabelledTexts test = Collect(tasks, t => t.Test, seed, most);
        IReadOnlyList<Prediction> predictions = module.Predict([.. test.Texts.Select(t => new Example { Text = t })]);
        int right = predictions.Where((p, i) => p.Label == names[test.Labels[i]]).Count();
        return new RouterQuality(ConfidenceInterval.Wilson(right, predictions.Count), temperature);
    }

    private static LabelledTexts Collect(IReadOnlyList<TaskContext> tasks, Func<TaskDataset, IReadOnlyList<Example>> part, ulong seed, int most)
    {
        var texts = new List<string>();
        var labels = new List<int>();
        for (int t = 0; t < tasks.Count; t++)
        {
            string[] all = [.. part(tasks[t].Data).Select(e => e.Text)];
            Rng.For(seed, $"router {tasks[t].Name}").Shuffle(all.AsSpan());
            foreach (string text in all.Take(most))
            {
                texts.Add(text);
                labels.Add(t);
            }
        }
        return new LabelledTexts(texts, labels);
    }
}
