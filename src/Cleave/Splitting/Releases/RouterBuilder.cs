using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Training.Bag;

namespace Cleave.Splitting.Releases;

/// <summary>How well the router knows the tasks apart.</summary>
/// <param name="Accuracy">On the tasks' test texts.</param>
/// <param name="Calibration">Of its confidences, on the same texts.</param>
/// <param name="Abstention">When it leaves a request to the monolith; null where it never does.</param>
public sealed record RouterQuality(ConfidenceInterval Accuracy, double Temperature, Calibration Calibration, RouterAbstention? Abstention);

/// <summary>A router that abstains where it is not sure.</summary>
/// <param name="Chosen">The threshold, chosen on every second test text; the loss is being wrong without abstaining.</param>
/// <param name="Rate">How often it abstains on the others.</param>
/// <param name="Wrong">How often it is wrong without abstaining there: what the risk is a bound of.</param>
public sealed record RouterAbstention(ConformalThreshold Chosen, double Rate, double Wrong, int Items);

/// <summary>Trains the router: an n-gram classifier over the tasks' own training texts, the same number of each.</summary>
public static class RouterBuilder
{
    public const string Name = "router";
    private const string Abstention = "abstention";

    /// <summary>Most texts of a task: enough to know it, and no task drowns the others.</summary>
    private const int MostTexts = 4000;

    /// <summary>The router of a folder, and the confidence below which it abstains: 0 where it never does.</summary>
    /// <exception cref="ModelFileException">A file is missing or damaged, or is of no classifier.</exception>
    public static (IClassifierModule Module, double Threshold) Load(string folder) => ModuleFolder.Load(folder)[0] is IClassifierModule { Kind: TaskKind.Classify } module
        ? (module, ModuleFolder.Describe(folder).Find(Abstention)?["threshold"].Number() ?? 0)
        : throw new ModelFileException(folder, "the router does not classify");

    /// <param name="risk">How often the router may be wrong without abstaining; null: it never abstains.</param>
    public static RouterQuality Build(IReadOnlyList<TaskContext> tasks, string folder, ulong seed, double? risk)
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
        module.Temperature = temperature;
        (double[] confidences, bool[] right) = Judge(module, Collect(tasks, t => t.Test, seed, most));
        RouterAbstention? abstention = risk is { } mostWrong && right.Length > 1 ? Abstain(confidences, right, mostWrong) : null;
        ModuleFolder.Write(folder, Name, [new ModuleTask(Name, TaskKind.Classify, names, 1, 0, temperature, null)], Facts(abstention, Calibration.Of(confidences, right)));
        return new RouterQuality(ConfidenceInterval.Wilson(right.Count(r => r), right.Length), temperature, Calibration.Of(confidences, right), abstention);
    }

    /// <summary>The router's confidence in each text's task, and whether it is the right one.</summary>
    private static (double[] Confidences, bool[] Right) Judge(BagModule module, LabelledTexts texts)
    {
        IReadOnlyList<Prediction> predictions = module.Predict([.. texts.Texts.Select(t => new Example { Text = t })]);
        return ([.. predictions.Select(p => Math.Min(1, p.Confidence))], [.. predictions.Select((p, i) => p.Label == module.Labels[texts.Labels[i]])]);
    }

    // Chosen on every second text and checked on the others: validation texts have been fitted to.
    private static RouterAbstention Abstain(double[] confidences, bool[] right, double risk)
    {
        ConformalThreshold chosen = ConformalRisk.Control([.. confidences.Where((_, i) => i % 2 == 0)], [.. right.Where((_, i) => i % 2 == 0).Select(r => r ? 0.0 : 1)], risk);
        int[] others = [.. Enumerable.Range(0, right.Length).Where(i => i % 2 == 1)];
        int abstained = others.Count(i => confidences[i] < chosen.Threshold), wrong = others.Count(i => confidences[i] >= chosen.Threshold && !right[i]);
        return new RouterAbstention(chosen, (double)abstained / others.Length, (double)wrong / others.Length, others.Length);
    }

    private static JsonObject Facts(RouterAbstention? abstention, Calibration calibration) => abstention is null ? [] : new JsonObject
    {
        [Abstention] = new JsonObject
        {
            ["method"] = "conformal risk control",
            ["threshold"] = abstention.Chosen.Threshold,
            ["risk"] = abstention.Chosen.Risk,
            ["items"] = abstention.Chosen.Items,
            ["test"] = new JsonObject { ["rate"] = abstention.Rate, ["wrong"] = abstention.Wrong, ["items"] = abstention.Items, ["calibration_error"] = calibration.ExpectedError },
        },
    };

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
