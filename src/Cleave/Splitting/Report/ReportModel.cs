using Cleave.Evaluation.Energy;

namespace Cleave.Splitting.Report;

/// <summary>
/// Everything the report of one split shows, as plain data. The page is a pure function of it: the same model
/// gives the same bytes, so dates and host names stay out of it.
/// </summary>
public sealed record ReportModel
{
    public required string Project { get; init; }

    /// <summary>The base model as the project names it.</summary>
    public required string Base { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>The command line that makes this split again, complete.</summary>
    public required string Command { get; init; }

    public required ReportMachine Machine { get; init; }

    /// <summary>Hash of the release's manifest: the name of exactly these weights.</summary>
    public required string ManifestHash { get; init; }

    public IReadOnlyList<ReportFile> Files { get; init; } = [];
    public required IReadOnlyList<ReportTask> Tasks { get; init; }
    public required ReportTotals Totals { get; init; }

    /// <summary>Null where there is one task and so nothing to route.</summary>
    public ReportRouter? Router { get; init; }

    /// <summary>What the whole split took, or null where it was not counted.</summary>
    public EnergyUse? Energy { get; init; }

    /// <summary>What that cost, or null where no prices are known.</summary>
    public PriceTable? Prices { get; init; }

    /// <summary>What a reader must know before trusting the split, one sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>Where the split ran; the wall time is measured and so differs from run to run.</summary>
public sealed record ReportMachine(string Cpu, int Cores, int Threads, TimeSpan Elapsed);

/// <summary>A data file that went in, so that the same data can be recognised.</summary>
public sealed record ReportFile(string Path, string Sha256, long Rows);

/// <param name="ModulesBytes">Weights of all modules together, the router included.</param>
/// <param name="SpeedUp">Milliseconds an item, monolith over modules, over all tasks.</param>
public sealed record ReportTotals(long MonolithBytes, long ModulesBytes, double SpeedUp)
{
    /// <summary>How many times the monolith is larger than all modules together.</summary>
    public double SizeRatio => ModulesBytes > 0 ? (double)MonolithBytes / ModulesBytes : double.NaN;
}

/// <param name="Accuracy">Share of held-out items sent to the right module, with its interval.</param>
/// <param name="Items">Items the accuracy is measured on.</param>
public sealed record ReportRouter(Estimate Accuracy, int Items, double MicrosecondsPerItem);

/// <summary>A measured value with its interval; the ends are null where none could be computed.</summary>
public sealed record Estimate(double Value, double? Low = null, double? High = null);

/// <summary>One choice of a recipe, or one parameter of a trial, already written for people.</summary>
public sealed record NamedValue(string Name, string Value);

/// <summary>One task of the split: data, the monolith, the module, the verdict and how it was found.</summary>
public sealed record ReportTask
{
    public required string Name { get; init; }

    /// <summary>As in the project file: classify, generate, extract or language-model.</summary>
    public required string Kind { get; init; }

    public required string Metric { get; init; }

    /// <summary>False for metrics such as perplexity, where less is better.</summary>
    public bool HigherIsBetter { get; init; } = true;

    /// <summary>How much worse than the monolith the module may be, in units of the metric.</summary>
    public required double Margin { get; init; }

    public required ReportSide Monolith { get; init; }
    public required ReportSide Module { get; init; }
    public required ReportCertificate Certificate { get; init; }

    /// <summary>What finding and proving the module took, as written for people; empty where it was not counted.</summary>
    public string Energy { get; init; } = "";
    public IReadOnlyList<NamedValue> Recipe { get; init; } = [];

    /// <summary>What the module was made of, in sentences.</summary>
    public string RecipeText { get; init; } = "";

    public IReadOnlyList<ReportBaseline> Baselines { get; init; } = [];
    public ReportCalibration? Calibration { get; init; }
    public ReportEscalation? Escalation { get; init; }
    public ReportStudy? Study { get; init; }
    public IReadOnlyList<LearningCurve> Curves { get; init; } = [];
    public ReportCleaning? Cleaning { get; init; }
    public IReadOnlyList<ReportExample> Examples { get; init; } = [];
}

/// <summary>One model on one task's held-out data.</summary>
public sealed record ReportSide
{
    public required Estimate Quality { get; init; }

    /// <summary>Held-out items behind <see cref="Quality"/>.</summary>
    public required int Items { get; init; }

    /// <summary>Median time of one item at batch 1.</summary>
    public required double MillisecondsPerItem { get; init; }

    /// <summary>Mean energy of one item at batch 1, or null where it was not counted.</summary>
    public EnergyUse? EnergyPerItem { get; init; }

    public required long Bytes { get; init; }
    public required long Parameters { get; init; }

    /// <summary>Where this model would stand in the study's plot: the study's own validation quality, not the held-out one.</summary>
    public double? StudyQuality { get; init; }

    /// <summary>The study's computed cost of this model, in the unit of <see cref="ReportTrial.NanosecondsPerItem"/>.</summary>
    public double? StudyNanoseconds { get; init; }

    /// <summary>For classification.</summary>
    public Confusion? Confusion { get; init; }

    /// <summary>For extraction.</summary>
    public IReadOnlyList<LabelScore> Labels { get; init; } = [];
}

/// <summary>Counts by expected label (row) and predicted label (column): <c>Counts[expected][predicted]</c>.</summary>
public sealed record Confusion(IReadOnlyList<string> Labels, IReadOnlyList<IReadOnlyList<int>> Counts);

/// <param name="Support">Expected spans or items of this label.</param>
public sealed record LabelScore(string Label, double Precision, double Recall, double F1, int Support);

/// <summary>The statistical verdict on one module.</summary>
public sealed record ReportCertificate
{
    /// <summary>The test, such as "paired bootstrap".</summary>
    public required string Method { get; init; }

    /// <summary>Module against monolith, positive where the module is better whatever the metric's direction.</summary>
    public required double Difference { get; init; }

    /// <summary>One-sided lower confidence bound of <see cref="Difference"/>; the certificate holds when it is above −margin.</summary>
    public required double LowerBound { get; init; }

    public required double Margin { get; init; }

    /// <summary>Confidence of the bound, such as 0.95.</summary>
    public required double Confidence { get; init; }

    public double? PValue { get; init; }
    public required int Items { get; init; }
    public required bool Passed { get; init; }

    /// <summary>The verdict in one plain sentence.</summary>
    public required string Sentence { get; init; }
}

/// <summary>A plain method on the same held-out data, such as a bag of words.</summary>
public sealed record ReportBaseline(string Name, Estimate Quality);

/// <param name="Error">Expected calibration error, 0 to 1.</param>
public sealed record ReportCalibration(double Error, IReadOnlyList<ReliabilityBin> Bins);

/// <summary>Items whose confidence fell in one bin: their mean confidence and how often they were right.</summary>
public sealed record ReliabilityBin(double Confidence, double Accuracy, int Items);

/// <param name="Threshold">Confidence below which an item goes to the monolith.</param>
/// <param name="Rate">Share of held-out items that do.</param>
/// <param name="Quality">The metric of module and monolith working together in this way.</param>
public sealed record ReportEscalation(double Threshold, double Rate, Estimate Quality);

/// <summary>What cleaning found; <see cref="Labels"/> counts the training rows of each label.</summary>
public sealed record ReportCleaning(
    long Rows, long Missing, long Duplicates, long CrossSplitDuplicates, long ConflictingLabels, IReadOnlyList<LabelCount> Labels);

public sealed record LabelCount(string Label, long Count);

/// <summary>One held-out item with what was expected and what both models said.</summary>
public sealed record ReportExample(
    string Text, string Expected, string Monolith, bool MonolithRight, string Module, bool ModuleRight);
