namespace Cleave.Tuning.Storage;

/// <summary>A study that lives as long as the process; also the state that other storages rebuild from what they keep.</summary>
public sealed class MemoryStudyStorage(StudyDefinition definition) : IStudyStorage
{
    private readonly List<Trial> _trials = [];

    public StudyDefinition Definition { get; } = definition ?? throw new ArgumentNullException(nameof(definition));

    public IReadOnlyList<Trial> Trials => _trials;

    public Trial Enqueue(ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return Add(TrialState.Waiting, parameters);
    }

    public Trial Claim()
    {
        Trial trial = _trials.Find(t => t.State == TrialState.Waiting) ?? Add(TrialState.Waiting, null);
        trial.State = TrialState.Running;
        return trial;
    }

    public void SetParameters(int number, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Trial trial = Running(number);
        if (trial.Parameters is not null)
            throw new InvalidOperationException($"trial {number} has its parameters already");
        trial.Parameters = parameters;
    }

    public void Report(int number, int step, double value, string? checkpoint = null)
    {
        Trial trial = Running(number);
        CheckStep(trial, step);
        trial.AddStep(new TrialStep(step, double.IsFinite(value) ? value : double.NaN), checkpoint);
    }

    public void Pause(int number)
    {
        CheckPause(Running(number));
        _trials[number].Rewind();
        _trials[number].State = TrialState.Paused;
    }

    public void Resume(int number)
    {
        CheckResume(number);
        _trials[number].State = TrialState.Running;
    }

    public void Finish(int number, TrialOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        Trial trial = Running(number);
        CheckOutcome(Definition, trial, outcome);
        (trial.State, trial.Values, trial.Constraints, trial.Note) = (outcome.State, outcome.Values, outcome.Constraints, outcome.Note);
    }

    public void Release(int number)
    {
        Trial trial = Running(number);
        trial.State = TrialState.Waiting;
        trial.Rewind();
    }

    public void Dispose()
    {
    }

    /// <exception cref="InvalidOperationException">There is no such trial, or it does not run.</exception>
    internal Trial Running(int number) => number >= 0 && number < _trials.Count && _trials[number].State == TrialState.Running
        ? _trials[number]
        : throw new InvalidOperationException($"trial {number} is not running");

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

    internal void CheckResume(int number)
    {
        if (number < 0 || number >= _trials.Count || _trials[number].State != TrialState.Paused)
            throw new InvalidOperationException($"trial {number} is not paused");
    }

    internal static void CheckOutcome(StudyDefinition definition, Trial trial, TrialOutcome outcome)
    {
        if (outcome.State == TrialState.Complete && outcome.Values.Count != definition.Directions.Count)
            throw new ArgumentException($"trial {trial.Number}: {outcome.Values.Count} values for {definition.Directions.Count} objectives", nameof(outcome));
        if (trial.Parameters is null)
            throw new InvalidOperationException($"trial {trial.Number} has no parameters yet");
    }

    private Trial Add(TrialState state, ParameterSet? parameters)
    {
        var trial = new Trial(_trials.Count, state) { Parameters = parameters };
        _trials.Add(trial);
        return trial;
    }
}
