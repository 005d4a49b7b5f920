namespace Cleave.Tuning;

public enum Direction
{
    Minimize,
    Maximize,
}

/// <summary>Where a trial is in its life: waiting → running → complete, stopped or failed; an interrupted one goes from running back to waiting, a paused one back to running.</summary>
public enum TrialState
{
    /// <summary>Its parameters were given beforehand, or it was interrupted and is to run again.</summary>
    Waiting,
    Running,
    Complete,

    /// <summary>Ended early because a pruner saw no promise in it.</summary>
    Stopped,
    Failed,

    /// <summary>Stopped early at a checkpoint from which it goes on if a pruner changes its mind.</summary>
    Paused,
}

/// <summary>One intermediate result.</summary>
/// <param name="Step">The position in the trial (a step, an epoch), from 0.</param>
/// <param name="Value">In the first objective's direction; NaN where it was not finite.</param>
public readonly record struct TrialStep(int Step, double Value);

/// <summary>One evaluation of the objective: its parameters and what came of it. Only a storage changes it.</summary>
public sealed class Trial
{
    private readonly List<TrialStep> _steps = [];
    private int _checkpointSteps;

    internal Trial(int number, TrialState state) => (Number, State) = (number, state);

    /// <summary>From 0, in the order of starting.</summary>
    public int Number { get; }

    public TrialState State { get; internal set; }

    /// <summary>Null until a sampler (or the caller, for a waiting trial) has chosen them.</summary>
    public ParameterSet? Parameters { get; internal set; }

    /// <summary>One a direction for a complete trial, else empty.</summary>
    public IReadOnlyList<double> Values { get; internal set; } = [];

    /// <summary>One a constraint of a complete trial; it is feasible where none is above 0. Empty for an objective without constraints.</summary>
    public IReadOnlyList<double> Constraints { get; internal set; } = [];

    /// <summary>By how much the constraints are broken, in all; 0 for a feasible trial.</summary>
    public double Violation => Constraints.Sum(c => Math.Max(0, c));

    /// <summary>By rising step.</summary>
    public IReadOnlyList<TrialStep> Steps => _steps;

    /// <summary>Why the trial failed, or what the objective noted about it.</summary>
    public string? Note { get; internal set; }

    /// <summary>Where the objective can take the trial up again, in its own words (a path, say), after the last step that came with one.</summary>
    public string? Checkpoint { get; private set; }

    /// <summary>How often it was started.</summary>
    public int Attempt { get; internal set; }

    /// <summary>How many of its workers went away without a word.</summary>
    public int Losses { get; internal set; }

    /// <summary>Who runs it or ran it last; null where nobody said.</summary>
    public string? Worker { get; internal set; }

    /// <summary>The names of files that it has made.</summary>
    public IReadOnlyList<string> Artifacts { get; internal set; } = [];

    /// <summary>When a running trial may go to somebody else.</summary>
    internal DateTimeOffset Expires { get; set; } = DateTimeOffset.MaxValue;

    /// <summary>Whether nothing is left to do, unless a paused trial is taken up again.</summary>
    public bool IsFinished => State is not (TrialState.Waiting or TrialState.Running);

    /// <summary>Ended early, for good or for now.</summary>
    public bool IsStopped => State is TrialState.Stopped or TrialState.Paused;

    internal void AddStep(TrialStep step, string? checkpoint = null)
    {
        _steps.Add(step);
        if (checkpoint is not null)
            (Checkpoint, _checkpointSteps) = (checkpoint, _steps.Count);
    }

    /// <summary>Forgets what came after the checkpoint, or everything.</summary>
    internal void Rewind() => _steps.RemoveRange(_checkpointSteps, _steps.Count - _checkpointSteps);

    /// <summary>Takes over the steps that a storage has kept elsewhere.</summary>
    /// <param name="kept">How many of them came up to the checkpoint.</param>
    internal void SetSteps(ReadOnlySpan<int> steps, ReadOnlySpan<double> values, string? checkpoint, int kept)
    {
        _steps.Clear();
        for (int i = 0; i < steps.Length; i++)
            _steps.Add(new TrialStep(steps[i], values[i]));
        (Checkpoint, _checkpointSteps) = (checkpoint, kept);
    }
}

/// <summary>How a trial ended.</summary>
public sealed record TrialOutcome
{
    private TrialOutcome(TrialState state, IReadOnlyList<double> values, string? note) => (State, Values, Note) = (state, values, note);

    public TrialState State { get; }

    public IReadOnlyList<double> Values { get; }

    public IReadOnlyList<double> Constraints { get; private init; } = [];

    public string? Note { get; private init; }

    public static TrialOutcome Stopped { get; } = new(TrialState.Stopped, [], null);

    public static implicit operator TrialOutcome(double value) => Complete(value);

    /// <summary>A finished trial; one with a value that is not finite counts as failed.</summary>
    public static TrialOutcome Complete(params double[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.All(double.IsFinite) ? new(TrialState.Complete, [.. values], null) : Failed($"the objective's value is {string.Join(", ", values)}");
    }

    public static TrialOutcome Failed(string reason) => new(TrialState.Failed, [], reason ?? throw new ArgumentNullException(nameof(reason)));

    /// <summary>The same outcome with the constraints' values, which are met at 0 and below; one that is not finite makes the trial fail.</summary>
    public TrialOutcome WithConstraints(params double[] constraints)
    {
        ArgumentNullException.ThrowIfNull(constraints);
        return constraints.All(double.IsFinite) ? this with { Constraints = [.. constraints] } : Failed($"a constraint's value is {string.Join(", ", constraints)}");
    }

    /// <summary>The same outcome with a note to keep beside it.</summary>
    public TrialOutcome With(string note) => this with { Note = note };
}
