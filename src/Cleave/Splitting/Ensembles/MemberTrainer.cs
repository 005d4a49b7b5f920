using System.Globalization;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.Durable;
using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Splitting.SingleTask;
using Cleave.Training.Bag;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.Ensembles;

/// <summary>Trains members into folders of the work folder; one that is there already is not trained again, so that an interrupted ensemble goes on.</summary>
internal sealed class MemberTrainer(TaskTraining training, TaskDataset data, IProgress<ProgressReport>? progress, CancellationToken cancellation)
{
    private readonly Dictionary<string, int> _labels = data.Labels.Index().ToDictionary(p => p.Item, p => p.Index, StringComparer.Ordinal);

    public TaskDataset Data => data;
    public TaskTraining Training => training;
    public CancellationToken Cancellation => cancellation;

    public int[] Labels(IReadOnlyList<Example> items) => [.. items.Select(e => _labels[e.Label!])];

    /// <summary>A seed of a member's own.</summary>
    public ulong Seed(string member) => Rng.For(training.Seed, $"ensemble/{member}").NextUInt64();

    /// <summary>A member's folder.</summary>
    public string Folder(string member) => Path.Combine(training.WorkFolder, EnsembleFolder.MembersFolder, member);

    /// <summary>A transformer, trained on some items; returns its folder.</summary>
    /// <param name="sameStart">Whether new weights begin like those of the other members.</param>
    public string Train(string member, IReadOnlyList<Example> items, bool sameStart = false)
    {
        string folder = Folder(member);
        if (!ModuleFolder.IsModule(folder))
        {
            TaskTraining own = training with { Output = folder, Seed = Seed(member), WeightsSeed = sameStart ? training.Seed : null, Resume = true, Force = false };
            new TaskTrainer(own, given: data.WithTraining(items)).Run(Named(member), cancellation);
        }
        return folder;
    }

    /// <summary>Snapshots of one run, a member a cycle; returns their folders.</summary>
    public IReadOnlyList<string> Snapshots()
    {
        string whole = Folder("run");
        TaskTraining own = training with { Output = whole, Resume = true, Force = false };
        if (!ModuleFolder.IsModule(whole))
            new TaskTrainer(own, given: data) { AtCycleEnd = snapshot => Folder($"{snapshot.Updates}") }.Run(Named("snapshots"), cancellation);
        return [.. Directory.GetDirectories(Path.GetDirectoryName(whole)!).Where(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .OrderBy(d => int.Parse(Path.GetFileName(d), CultureInfo.InvariantCulture))];
    }

    /// <summary>An n-gram classifier, trained on some items; returns its folder.</summary>
    public string TrainNgrams(string member, IReadOnlyList<Example> items)
    {
        string folder = Folder(member);
        if (ModuleFolder.IsModule(folder))
            return folder;
        progress?.Report(new ProgressReport($"{member}: train", 0, 1, "models"));
        cancellation.ThrowIfCancellationRequested();
        BagClassifier bag = NgramTraining.Train(new LabelledTexts([.. items.Select(e => e.Text)], Labels(items)), data.Labels, null, Seed(member));
        using var module = new BagModule(data.Source.Name, bag);
        double temperature = TemperatureScaling.Fit(module.Logits(data.Validation, cancellation), Labels(data.Validation)).Temperature;
        AtomicFolder.Create(folder, into =>
        {
            bag.Save(into);
            ModuleFolder.Write(into, data.Source.Name, [new ModuleTask(data.Source.Name, TaskKind.Classify, data.Labels, training.Options.MaxTokens, 0, temperature, null)], []);
        });
        return folder;
    }

    /// <summary>What a member that was written says, calibrated.</summary>
    public IReadOnlyList<float[]> Probabilities(string folder, IReadOnlyList<Example> items)
    {
        using ITaskModule module = ModuleFolder.Load(folder)[0];
        return EnsembleModule.Probabilities((IClassifierModule)module, items, cancellation);
    }

    private Relay Named(string member) => new(member, progress);

    private sealed class Relay(string member, IProgress<ProgressReport>? inner) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => inner?.Report(value with { Stage = $"{member}: {value.Stage}" });
    }
}
