using Cleave.Tuning.Pruners;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Tuning;

/// <summary>
/// A search for the parameters with the best objective, by ask and tell or by <see cref="Run(Func{TrialRun, TrialOutcome}, int, CancellationToken)"/>.
/// Its methods may be called from several threads.
/// </summary>
/// <remarks>
/// Life of a trial: <see cref="Ask"/> takes up a paused one that its pruner would continue, else the next waiting one (given by
/// <see cref="Enqueue"/>, or interrupted), else has the sampler suggest a new one; <see cref="Report"/> adds intermediate values; <see cref="Tell"/>
/// ends it, or pauses it where it is stopped after a checkpoint.
/// </remarks>
public sealed class Study
{
    private readonly IStudyStorage _storage;
    private readonly ISampler _sampler;
    private readonly IPruner _pruner;
    private readonly Lock _lock = new();

    /// <param name="storage">Not disposed by the study.</param>
    public Study(IStudyStorage storage, ISampler sampler, IPruner? pruner = null)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(sampler);
        (_storage, _sampler, _pruner) = (storage, sampler, pruner ?? new NoPruner());
    }

    /// <summary>A study that lives in memory.</summary>
    public Study(StudyDefinition definition, ISampler sampler, IPruner? pruner = null) : this(new MemoryStudyStorage(definition), sampler, pruner) { }

    public StudyDefinition Definition => _storage.Definition;

    /// <summary>All trials by number.</summary>
    public IReadOnlyList<Trial> Trials
    {
        get
        {
            lock (_lock)
                return [.. _storage.Trials];
        }
    }

    /// <summary>The complete and feasible trial with the best value, the earlier of equals; null before there is one.</summary>
    /// <exception cref="InvalidOperationException">The study has several objectives: see <see cref="Front"/>.</exception>
    public Trial? Best
    {
        get
        {
            if (Definition.Directions.Count != 1)
                throw new InvalidOperationException("a study with several objectives has a front, not a best trial");
            Trial[] complete = Complete();
            return Definition.Directions[0] == Direction.Minimize ? complete.MinBy(t => t.Values[0]) : complete.MaxBy(t => t.Values[0]);
        }
    }

    /// <summary>The complete and feasible trials that no other one beats in every objective, by number.</summary>
    public IReadOnlyList<Trial> Front
    {
        get
        {
            Trial[] complete = Complete();
            double[][] losses = [.. complete.Select(t => ParetoFront.ToLosses(t.Values, Definition.Directions))];
            return [.. ParetoFront.Nondominated(losses).Select(i => complete[i])];
        }
    }

    /// <summary>
    /// Has the parameters tried before the sampler is asked again; a set that the study already has is not added twice,
    /// so a resumed program may repeat the call.
    /// </summary>
    /// <exception cref="CleaveException">The set does not fit the space.</exception>
    public void Enqueue(ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (Definition.Space.Problems(parameters) is { Count: > 0 } problems)
            throw new CleaveException($"study {Definition.Name}: the given parameters do not fit its space: {string.Join("; ", problems)}");
        ParameterSet ordered = Definition.Space.InOrder(parameters);
        lock (_lock)
        {
            if (!_storage.Trials.Any(t => ordered.Equals(t.Parameters)))
                _storage.Enqueue(ordered);
        }
    }

    /// <summary>Starts a trial.</summary>
    /// <returns>Null where the sampler has nothing left to try.</returns>
    public Trial? Ask()
    {
        lock (_lock)
        {
            if (Promising() is { } paused)
            {
                _storage.Resume(paused.Number);
                return paused;
            }
            Trial trial = _storage.Claim();
            if (trial.Parameters is not null)
                return trial;
            Trial[] history = [.. _storage.Trials.Where(t => t.Parameters is not null)];
            if (_sampler.Suggest(new SamplerInput(Definition, trial.Number, history)) is { } parameters)
            {
                _storage.SetParameters(trial.Number, parameters);
                return trial;
            }
            _storage.Release(trial.Number);
            return null;
        }
    }

    /// <summary>Adds an intermediate value to a running trial.</summary>
    /// <param name="step">The position in the trial, from 0, rising.</param>
    /// <returns>Whether the pruner would end the trial here.</returns>
    /// <param name="checkpoint">Where the objective could take the trial up again from here, in its own words; null for nowhere.</param>
    public bool Report(Trial trial, int step, double value, string? checkpoint = null)
    {
        ArgumentNullException.ThrowIfNull(trial);
        lock (_lock)
        {
            _storage.Report(trial.Number, step, value, checkpoint);
            return _pruner.ShouldStop(Definition.Directions[0], _storage.Trials, _storage.Trials[trial.Number]);
        }
    }

    /// <summary>Ends a running trial.</summary>
    public void Tell(Trial trial, TrialOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(trial);
        ArgumentNullException.ThrowIfNull(outcome);
        lock (_lock)
        {
            if (outcome.State == TrialState.Stopped && trial.Checkpoint is not null)
                _storage.Pause(trial.Number);
            else
                _storage.Finish(trial.Number, outcome);
        }
    }

    /// <summary>Puts a running trial back, to be run again.</summary>
    public void Release(Trial trial)
    {
        ArgumentNullException.ThrowIfNull(trial);
        lock (_lock)
            _storage.Release(trial.Number);
    }

    /// <summary>Whether a paused trial is worth going on with.</summary>
    public bool HasPromising
    {
        get
        {
            lock (_lock)
                return Promising() is not null;
        }
    }

    /// <summary>
    /// Runs the objective until the study has <paramref name="trials"/> finished trials, those of earlier runs included, or
    /// the sampler has nothing left. A trial whose objective throws is left to be run again, and so is one that is cancelled.
    /// </summary>
    public void Run(Func<TrialRun, TrialOutcome> objective, int trials, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(objective);
        while (CountFinished() < trials || HasPromising)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Ask() is not { } trial)
                return;
            try
            {
                Tell(trial, objective(new TrialRun(this, trial)));
            }
            catch when (trial.State == TrialState.Running)
            {
                Release(trial);
                throw;
            }
        }
    }

    private int CountFinished()
    {
        lock (_lock)
            return _storage.Trials.Count(t => t.IsFinished);
    }

    private Trial? Promising() => _storage.Trials.Any(t => t.State == TrialState.Paused) ? _pruner.Promote(Definition.Directions[0], _storage.Trials) : null;

    private Trial[] Complete()
    {
        lock (_lock)
            return [.. _storage.Trials.Where(t => t.State == TrialState.Complete && t.Violation == 0)];
    }
}

/// <summary>A running trial as its objective sees it.</summary>
public sealed class TrialRun
{
    private readonly Study _study;
    private readonly Trial _trial;

    internal TrialRun(Study study, Trial trial) => (_study, _trial) = (study, trial);

    public int Number => _trial.Number;

    public ParameterSet Parameters => _trial.Parameters!;

    /// <inheritdoc cref="Study.Report"/>
    public bool Report(int step, double value, string? checkpoint = null) => _study.Report(_trial, step, value, checkpoint);

    /// <summary>Where to take the trial up again, or null for the beginning.</summary>
    public string? Checkpoint => _trial.Checkpoint;
}
