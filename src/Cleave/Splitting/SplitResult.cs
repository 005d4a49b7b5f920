using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Splitting.Certificates;
using Cleave.Splitting.Releases;
using Cleave.Splitting.Studies;

namespace Cleave.Splitting;

/// <summary>A plain method on the same test items.</summary>
public sealed record Baseline(string Name, ConfidenceInterval Quality);

/// <summary>One side of a comparison as it was measured.</summary>
/// <param name="Milliseconds">Median of one item at batch 1, by the clock: never part of what is hashed.</param>
/// <param name="Energy">Mean of one item at batch 1, by the meter: never part of what is hashed.</param>
public sealed record Footprint(double Milliseconds, long Bytes, long Parameters, EnergyUse Energy);

/// <summary>Everything about one task's split.</summary>
public sealed record TaskResult
{
    public required TaskContext Task { get; init; }
    public required StudyResult Study { get; init; }
    public required Certificate Certificate { get; init; }
    public required IReadOnlyList<Prediction> MonolithPredictions { get; init; }
    public required IReadOnlyList<Prediction> ModulePredictions { get; init; }
    public required IReadOnlyList<Baseline> Baselines { get; init; }
    public required Footprint Monolith { get; init; }
    public required Footprint Module { get; init; }

    /// <summary>What finding and proving the module took: never part of what is hashed.</summary>
    public EnergyUse Energy { get; init; }

    /// <summary>The same by trial, where it was noted.</summary>
    public IReadOnlyDictionary<int, EnergyUse> TrialEnergy { get; init; } = new Dictionary<int, EnergyUse>();

    /// <summary>The names of baselines that do better than the module on the test items.</summary>
    public IEnumerable<string> BetterBaselines => Baselines.Where(b => Task.Definition.Metric.HigherIsBetter
        ? b.Quality.Value > Certificate.Module.Value : b.Quality.Value < Certificate.Module.Value).Select(b => b.Name);
}

/// <summary>A finished split.</summary>
/// <param name="Elapsed">By the clock, this run only.</param>
/// <param name="Energy">Of all runs of this split together.</param>
public sealed record SplitResult(string Name, string Folder, string ManifestHash, IReadOnlyList<TaskResult> Tasks, long MonolithBytes, RouterQuality? Router,
    double RouterMicroseconds, TimeSpan Elapsed, EnergyUse Energy, string Report)
{
    public bool AllCertified => Tasks.All(t => t.Certificate.Passed);
}
