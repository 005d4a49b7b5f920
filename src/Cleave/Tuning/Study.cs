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
/// <see cref="Enqueue"/>, interrupted, or left by a worker that fell silent), else has the sampler suggest a new one; <see cref="Report"/> adds intermediate values; <see cref="Tell"/>
/// ends it, or pauses it where it is stopped after a checkpoint.
/// </remarks>
public sealed class Study
{
    private readonly IStudyStorage _storage;
    private readonly ISampler _sampler;
    private readonly IPruner _pruner;
    private readonly Lock _lock = new();

    /// <summary>Under which name trials are started, for people.</summary>
    public string Worker { get; init; } = "";

    /// <summary>How long a trial stays with a silent worker; null where nobody else could take it.</summary>
    public TimeSpan? LeaseTime => _storage.LeaseTime;

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
    /// <param name="limit">The study gets no new trial once it has so many.</param>
    /// <returns>Null where there is nothing to start now: the sampler has nothing left to try, or the limit is reached.</returns>
    public TrialRun? Ask(int limit = int.MaxValue)
    {
        lock (_lock)
        {
            if (_pruner is not NoPruner)
                _storage.Refresh();
            while (Promising() is { } paused)
            {
                if (_storage.Resume(paused.Number, Worker) is { } resumed)
                    return new TrialRun(this, resumed, _storage.Trials[resumed.Trial]);
            }
            while (_storage.Claim(Worker, limit) is { } lease)
            {
                try
                {
                    Trial trial = _storage.Trials[lease.Trial];
                    return trial.Parameters is not null || Suggest(lease) ? new TrialRun(this, lease, trial) : null;
                }
                catch (LeaseLostException)
                {
                    // This process was stopped while it chose; somebody else has chosen.
                }
            }
            return null;
        }
    }

    /// <summary>Adds an intermediate value to a running trial.</summary>
    /// <param name="step">The position in the trial, from 0, rising.</param>
    /// <returns>Whether the pruner would end the trial here.</returns>
    /// <param name="checkpoint">Where the objective could take the trial up again from here, in its own words; null for nowhere.</param>
    /// <exception cref="LeaseLostException">The trial has gone to somebody else; so it is with every method that takes a run.</exception>
    public bool Report(TrialRun run, int step, double value, string? checkpoint = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        lock (_lock)
        {
            _storage.Report(run.Lease, step, value, checkpoint);
            run.LastCheckpoint = checkpoint ?? run.LastCheckpoint;
            if (_pruner is NoPruner)
                return false;
            _storage.Refresh();
            return _pruner.ShouldStop(Definition.Directions[0], _storage.Trials, run.Trial);
        }
    }

    /// <summary>Ends a running trial.</summary>
    public void Tell(TrialRun run, TrialOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(outcome);
        lock (_lock)
        {
            if (outcome.State == TrialState.Stopped && run.LastCheckpoint is not null)
                _storage.Pause(run.Lease);
            else
                _storage.Finish(run.Lease, outcome);
        }
    }

    /// <summary>Adds the names of files that a running trial has made.</summary>
    public void Attach(TrialRun run, IReadOnlyList<string> artifacts)
    {
        ArgumentNullException.ThrowIfNull(run);
        lock (_lock)
            _storage.Attach(run.Lease, artifacts);
    }

    /// <summary>Says that the trial is being worked on; needed more often than <see cref="LeaseTime"/>.</summary>
    public void Renew(TrialRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        lock (_lock)
            _storage.Renew(run.Lease);
    }

    /// <summary>Puts a running trial back, to be run again.</summary>
    public void Release(TrialRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        lock (_lock)
            _storage.Release(run.Lease);
    }

    /// <summary>Brings <see cref="Trials"/> up to date with what other processes have done.</summary>
    public void Refresh()
    {
        lock (_lock)
            _storage.Refresh();
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
            if (Ask() is not { } run)
                return;
            try
            {
                Tell(run, objective(run));
            }
            catch (Exception e) when (e is not LeaseLostException && run.Trial.State == TrialState.Running)
            {
                Release(run);
                throw;
            }
        }
    }

    /// <summary>Has the sampler choose a new trial's parameters, or puts the trial back.</summary>
    private bool Suggest(Lease lease)
    {
        bool chosen = false;
        try
        {
            Trial[] history = [.. _storage.Trials.Where(t => t.Parameters is not null)];
            if (_sampler.Suggest(new SamplerInput(Definition, lease.Trial, history)) is not { } parameters)
                return false;
            _storage.SetParameters(lease, parameters);
            return chosen = true;
        }
        finally
        {
            if (!chosen)
                _storage.Release(lease);
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

    internal TrialRun(Study study, Lease lease, Trial trial) =>
        (_study, Lease, Trial, Parameters, Attempt, Checkpoint, LastCheckpoint, FirstAfter) =
            (study, lease, trial, trial.Parameters!, trial.Attempt, trial.Checkpoint, trial.Checkpoint, trial.Steps.Count > 0 ? trial.Steps[^1].Step : -1);

    public int Number => Lease.Trial;

    public ParameterSet Parameters { get; }

    /// <summary>How often the trial was started, this time included.</summary>
    public int Attempt { get; }

    /// <summary>Where to take the trial up again, or null for the beginning.</summary>
    public string? Checkpoint { get; }

    internal Lease Lease { get; }

    internal Trial Trial { get; }

    internal string? LastCheckpoint { get; set; }

    /// <summary>The last step that is kept of earlier attempts, or -1.</summary>
    internal int FirstAfter { get; }

    /// <inheritdoc cref="Study.Report"/>
    public bool Report(int step, double value, string? checkpoint = null) => _study.Report(this, step, value, checkpoint);

    /// <inheritdoc cref="Study.Attach"/>
    public void Attach(IReadOnlyList<string> artifacts) => _study.Attach(this, artifacts);
}
