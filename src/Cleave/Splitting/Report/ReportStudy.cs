using Cleave.Evaluation.Energy;

namespace Cleave.Splitting.Report;

/// <summary>The search for one module's recipe.</summary>
public sealed record ReportStudy
{
    /// <summary>The sampler's name, such as "tpe".</summary>
    public required string Sampler { get; init; }

    /// <summary>What was searched: each parameter with its values and its condition.</summary>
    public IReadOnlyList<NamedValue> Space { get; init; } = [];

    public required IReadOnlyList<ReportTrial> Trials { get; init; }

    /// <summary>Best quality found up to and including each trial, in order.</summary>
    public IReadOnlyList<BestSoFar> History { get; init; } = [];
}

/// <param name="Trial">The trial's number.</param>
/// <param name="Quality">Best validation quality so far.</param>
public sealed record BestSoFar(int Trial, double Quality);

public enum ReportTrialState
{
    Complete,

    /// <summary>Ended early because it could no longer win.</summary>
    Stopped,
    Failed,
}

/// <summary>One trial of a study: a recipe and what came of it.</summary>
public sealed record ReportTrial
{
    public required int Number { get; init; }
    public required ReportTrialState State { get; init; }
    public IReadOnlyList<NamedValue> Recipe { get; init; } = [];

    /// <summary>Validation quality; for a stopped trial, what it had when it was stopped.</summary>
    public double? Quality { get; init; }

    /// <summary>Computed cost of one item in nanoseconds: an estimate from the work done, not a stopwatch.</summary>
    public double? NanosecondsPerItem { get; init; }

    public long? Bytes { get; init; }

    /// <summary>What it took to make and judge, or null where it was not counted.</summary>
    public EnergyUse? Energy { get; init; }
    public bool OnFront { get; init; }
    public bool Chosen { get; init; }

    /// <summary>Why it was stopped or failed; empty where there is nothing to say.</summary>
    public string Note { get; init; } = "";
}

/// <summary>How training went for one model of a task.</summary>
/// <param name="Name">What the legend says.</param>
/// <param name="Role">Which of the two models it belongs to; decides the colour.</param>
/// <param name="Unit">"step" or "epoch".</param>
public sealed record LearningCurve(string Name, CurveRole Role, string Unit, IReadOnlyList<CurvePoint> Points);

public enum CurveRole
{
    Module,
    Monolith,
}

/// <summary>One point of a curve; a value that was not measured there is null.</summary>
public sealed record CurvePoint(double At, double? Loss, double? Quality);
