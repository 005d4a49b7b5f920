namespace Cleave.Tuning.Storage;

/// <summary>A study that lives as long as the process; also the state that a journal rebuilds from what it keeps.</summary>
/// <param name="leaseTime">How long a trial stays with a silent worker; null for ever.</param>
/// <param name="clock">By which leases run out.</param>
public sealed class MemoryStudyStorage(StudyDefinition definition, TimeSpan? leaseTime = null, TimeProvider? clock = null) : IStudyStorage
{
    private readonly List<Trial> _trials = [];
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;

    public StudyDefinition Definition { get; } = definition ?? throw new ArgumentNullException(nameof(definition));

    public string? Settings { get; private set; }

    public TimeSpan? LeaseTime { get; } = leaseTime;

    public IReadOnlyList<Trial> Trials => _trials;

    public void Refresh()
    {
    }

    public void Configure(string settings) => Settings = settings ?? throw new ArgumentNullException(nameof(settings));

    public Trial Enqueue(ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return Add(parameters);
    }

    public Lease? Claim(string worker, int limit = int.MaxValue)
    {
        while (Claimable() is { } trial)
        {
            if (!IsHopeless(trial))
                return Start(trial.Number, worker, Until());
            GiveUp(trial.Number);
        }
        return _trials.Count < limit ? Start(_trials.Count, worker, Until()) : null;
    }

    public Lease? Resume(int number, string worker) => IsPaused(number) ? Start(number, worker, Until()) : null;

    public void Renew(Lease lease) => Extend(lease, Until());

    public void SetParameters(Lease lease, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        CheckWithoutParameters(Held(lease));
        _trials[lease.Trial].Parameters = parameters;
    }

    public void Report(Lease lease, int step, double value, string? checkpoint = null) => Report(lease, step, value, checkpoint, Until());

    public void Attach(Lease lease, IReadOnlyList<string> artifacts)
    {
        ArgumentNullException.ThrowIfNull(artifacts);
        Trial trial = Held(lease);
        if (!trial.Artifacts.TakeLast(artifacts.Count).SequenceEqual(artifacts)) // an attempt before may have made the same
            trial.Artifacts = [.. trial.Artifacts, .. artifacts];
    }

    public void Pause(Lease lease)
    {
        CheckPause(Held(lease));
        _trials[lease.Trial].State = TrialState.Paused;
    }

    public void Finish(Lease lease, TrialOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        Trial trial = Held(lease);
        CheckValues(Definition, trial.Number, outcome);
        CheckHasParameters(trial);
        End(trial, outcome);
    }

    public void Release(Lease lease)
    {
        Trial trial = Held(lease);
        trial.State = TrialState.Waiting;
        trial.Rewind();
    }

    public void Dispose()
    {
    }

    /// <summary>When a lease that is given now runs out.</summary>
    internal DateTimeOffset Until() => LeaseTime is { } time ? _clock.GetUtcNow() + time : DateTimeOffset.MaxValue;

    /// <summary>The first trial that waits or whose lease has run out.</summary>
    internal Trial? Claimable()
    {
        DateTimeOffset now = LeaseTime is null ? DateTimeOffset.MinValue : _clock.GetUtcNow();
        return _trials.Find(t => t.State == TrialState.Waiting || (t.State == TrialState.Running && t.Expires < now));
    }

    /// <summary>Whether the trial, whose worker went away, is not to be started again.</summary>
    internal static bool IsHopeless(Trial trial) => trial is { State: TrialState.Running, Parameters: not null } && trial.Losses + 1 >= IStudyStorage.MostLosses;

    internal void GiveUp(int number)
    {
        _trials[number].Losses++;
        End(_trials[number], TrialOutcome.Failed(HopelessNote));
    }

    internal static string HopelessNote => $"{IStudyStorage.MostLosses} workers that ran it went away";

    /// <summary>Starts a waiting, paused or running trial or, by the number after the last, a new one.</summary>
    internal Lease Start(int number, string? worker, DateTimeOffset until)
    {
        if (number == _trials.Count)
            Add(null);
        Trial trial = _trials[number];
        if (trial.State == TrialState.Running)
            trial.Losses++;
        else if (trial.State is not (TrialState.Waiting or TrialState.Paused))
            throw new InvalidOperationException($"trial {number} is finished");
        trial.Rewind(); // not sooner: by the steps of a paused trial it is known which rung stopped it
        (trial.State, trial.Worker, trial.Expires) = (TrialState.Running, worker is { Length: > 0 } ? worker : null, until);
        trial.Attempt++;
        return LeaseOf(trial);
    }

    internal static Lease LeaseOf(Trial trial) => new(trial.Number, trial.Attempt);

    internal void Extend(Lease lease, DateTimeOffset until) => Held(lease).Expires = until;

    internal void Report(Lease lease, int step, double value, string? checkpoint, DateTimeOffset until)
    {
        Trial trial = Held(lease);
        CheckStep(trial, step);
        trial.AddStep(new TrialStep(step, double.IsFinite(value) ? value : double.NaN), checkpoint);
        trial.Expires = until;
    }

    internal bool IsPaused(int number) => number >= 0 && number < _trials.Count && _trials[number].State == TrialState.Paused;

    /// <exception cref="LeaseLostException">The trial is not the holder's.</exception>
    internal Trial Held(Lease lease) => lease.Trial >= 0 && lease.Trial < _trials.Count && _trials[lease.Trial] is { State: TrialState.Running } trial
        && trial.Attempt == lease.Token ? trial : throw Lost(Definition, lease.Trial, lease.Trial >= 0 && lease.Trial < _trials.Count ? _trials[lease.Trial] : null);

    internal static LeaseLostException Lost(StudyDefinition definition, int number, Trial? trial) => new($"{definition.Name}: trial {number} " + trial switch
    {
        null => "does not exist",
        { State: TrialState.Running } => $"is run by {trial.Worker ?? "somebody else"} now",
        _ => $"is {trial.State.ToString().ToLowerInvariant()} and not run by this worker",
    });

    internal static void CheckWithoutParameters(Trial trial)
    {
        if (trial.Parameters is not null)
            throw new InvalidOperationException($"trial {trial.Number} has its parameters already");
    }

    internal static void CheckStep(Trial trial, int step)
    {
        if (step < 0 || (trial.Steps.Count > 0 && step <= trial.Steps[^1].Step))
            throw new ArgumentException($"trial {trial.Number}: steps rise from 0, and {step} does not follow {(trial.Steps.Count > 0 ? trial.Steps[^1].Step : -1)}", nameof(step));
    }

    internal static void CheckPause(Trial trial)
    {
        if (trial.Checkpoint is null)
            throw new InvalidOperationException($"trial {trial.Number} has no checkpoint to pause at");
    }

    internal static void CheckValues(StudyDefinition definition, int number, TrialOutcome outcome)
    {
        if (outcome.State == TrialState.Complete && outcome.Values.Count != definition.Directions.Count)
            throw new ArgumentException($"trial {number}: {outcome.Values.Count} values for {definition.Directions.Count} objectives", nameof(outcome));
    }

    internal static void CheckHasParameters(Trial trial)
    {
        if (trial.Parameters is null)
            throw new InvalidOperationException($"trial {trial.Number} has no parameters yet");
    }

    private static void End(Trial trial, TrialOutcome outcome) =>
        (trial.State, trial.Values, trial.Constraints, trial.Note) = (outcome.State, outcome.Values, outcome.Constraints, outcome.Note);

    private Trial Add(ParameterSet? parameters)
    {
        var trial = new Trial(_trials.Count, TrialState.Waiting) { Parameters = parameters };
        _trials.Add(trial);
        return trial;
    }
}
