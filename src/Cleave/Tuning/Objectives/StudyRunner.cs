using System.Diagnostics;
using Cleave.Numerics;

namespace Cleave.Tuning.Objectives;

/// <summary>What a run of a study came to, beside its trials.</summary>
/// <param name="Asked">Trials that a sampler was asked for in this run.</param>
/// <param name="Asking">The time that took.</param>
public sealed record StudyRun(int Asked, TimeSpan Asking)
{
    public double MillisecondsPerTrial => Asked == 0 ? 0 : Asking.TotalMilliseconds / Asked;
}

/// <summary>Runs a study's command in one or more processes at once until the study has its trials.</summary>
public sealed class StudyRunner(StudyFile file, Study study)
{
    private const int HopelessFailures = 20;

    private readonly Lock _lock = new();
    private int _running, _asked, _failedInRow;
    private TimeSpan _asking;

    /// <param name="workers">Processes at once; with one, a seed decides everything.</param>
    /// <exception cref="CleaveException">The command fails again and again and has never answered.</exception>
    public StudyRun Run(int workers, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Report(progress);
        Task[] tasks = [.. Enumerable.Range(0, workers).Select(_ => Task.Run(async () =>
        {
            try
            {
                await Work(progress, stop.Token).ConfigureAwait(false);
            }
            catch
            {
                await stop.CancelAsync().ConfigureAwait(false); // the others end what they do, too
                throw;
            }
        }))];
        try
        {
            Task.WaitAll(tasks, CancellationToken.None); // each ends its command before it ends
        }
        catch (AggregateException e)
        {
            cancellation.ThrowIfCancellationRequested();
            throw e.Flatten().InnerExceptions.FirstOrDefault(x => x is not OperationCanceledException) ?? e;
        }
        return new StudyRun(_asked, _asking);
    }

    private async Task Work(IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        using var objective = new CommandObjective(file.Command, file.Folder, file.Timeout, study.Definition.Directions.Count);
        while (Next() is { } trial)
        {
            TrialOutcome outcome;
            try
            {
                cancellation.ThrowIfCancellationRequested();
                outcome = await objective.Run(new TrialRun(study, trial), cancellation).ConfigureAwait(false);
            }
            catch
            {
                study.Release(trial);
                throw;
            }
            End(trial, outcome);
            Report(progress);
        }
    }

    private Trial? Next()
    {
        lock (_lock)
        {
            if (study.Trials.Count(t => t.IsFinished) + _running >= file.Trials && !study.HasPromising)
                return null;
            long start = Stopwatch.GetTimestamp();
            Trial? trial = study.Ask();
            _asking += Stopwatch.GetElapsedTime(start);
            if (trial is null)
                return null;
            _asked++;
            _running++;
            return trial;
        }
    }

    private void End(Trial trial, TrialOutcome outcome)
    {
        lock (_lock)
        {
            study.Tell(trial, outcome);
            _running--;
            _failedInRow = outcome.State == TrialState.Failed ? _failedInRow + 1 : 0;
            if (_failedInRow >= HopelessFailures && !study.Trials.Any(t => t.State is TrialState.Complete || t.IsStopped))
                throw new CleaveException($"{study.Definition.Name}: {_failedInRow} trials have failed and none has succeeded: {outcome.Note} (try the command by itself: echo '{{\"trial\": 0, \"params\": {trial.Parameters!.ToCanonicalText()}}}' | {file.Command})");
        }
    }

    private void Report(IProgress<ProgressReport>? progress)
    {
        if (progress is null)
            return;
        IReadOnlyList<Trial> trials = study.Trials;
        int failed = trials.Count(t => t.State == TrialState.Failed);
        string note = study.Definition.Directions.Count > 1 ? FormattableString.Invariant($"front of {study.Front.Count}")
            : study.Best is { } best ? FormattableString.Invariant($"best {best.Values[0]:G6} (trial {best.Number})") : "";
        progress.Report(new ProgressReport(study.Definition.Name, trials.Count(t => t.IsFinished), file.Trials, "trials", failed > 0 ? $"{note}, {failed} failed" : note));
    }
}
