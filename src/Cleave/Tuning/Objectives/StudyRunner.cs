using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Cleave.Numerics;
using Cleave.Tuning.Artifacts;
using Cleave.Tuning.Storage;

namespace Cleave.Tuning.Objectives;

/// <summary>What a run of a study came to in this process, beside the study's trials.</summary>
/// <param name="Asked">Trials that were started here.</param>
/// <param name="Asking">The time it took to choose them.</param>
/// <param name="Failed">How many of them failed.</param>
/// <param name="Lost">How many went to other workers because this one was silent for too long.</param>
public sealed record StudyRun(int Asked, TimeSpan Asking, int Failed, int Lost)
{
    public double MillisecondsPerTrial => Asked == 0 ? 0 : Asking.TotalMilliseconds / Asked;
}

/// <summary>
/// Runs a study's command in one or more processes at once until the study has its trials. Where other processes take trials of
/// the study, too, each running trial is renewed three times a lease, and one that was lost is dropped.
/// </summary>
/// <param name="folder">Where the command runs.</param>
public sealed class StudyRunner(Study study, StudyPlan plan, string folder)
{
    private const int HopelessFailures = 20;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(20), LongestPause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private int _asked, _failed, _lost, _failedInRow;
    private bool _succeeded;
    private TimeSpan _asking;

    /// <summary>Where the files go that trials name as their artifacts; null leaves them where they are.</summary>
    public IArtifactStore? Artifacts { get; init; }

    /// <summary>Takes a line for people.</summary>
    public Action<string>? Say { get; init; }

    /// <param name="workers">Processes at once; with one, a seed decides everything.</param>
    /// <exception cref="CleaveException">The command fails again and again and has never answered, or the storage is gone.</exception>
    public StudyRun Run(int workers, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        StudyProgress.Report(study, plan.Trials, progress);
        Task[] tasks = [.. Enumerable.Range(0, workers).Select(_ => Guarded(() => Work(progress, stop.Token), stop))];
        try
        {
            Task.WaitAll(tasks, CancellationToken.None); // each ends its command before it ends
        }
        catch (AggregateException e)
        {
            cancellation.ThrowIfCancellationRequested();
            throw e.Flatten().InnerExceptions.FirstOrDefault(x => x is not OperationCanceledException) ?? e;
        }
        return new StudyRun(_asked, _asking, _failed, _lost);
    }

    /// <summary>Whatever ends one task early ends the others.</summary>
    private static Task Guarded(Func<Task> work, CancellationTokenSource stop) => Task.Run(async () =>
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    });

    private async Task Work(IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        using var objective = new CommandObjective(plan.Command, folder, plan.Timeout, study.Definition.Directions.Count, new ArtifactKeeper(folder, Artifacts, study.Definition.Name));
        while (await Next(progress, cancellation).ConfigureAwait(false) is { } run)
        {
            using var cut = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            using var keeper = new LeaseKeeper(study, run, cut);
            try
            {
                End(run, await objective.Run(run, cut.Token).ConfigureAwait(false));
            }
            catch (LeaseLostException e)
            {
                Lose(e.Message);
            }
            catch (OperationCanceledException) when (cut.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                if (keeper.Failure is { } failure)
                    ExceptionDispatchInfo.Throw(failure);
                Lose($"{study.Definition.Name}: trial {run.Number} has gone to another worker");
            }
            catch
            {
                Release(run);
                throw;
            }
            StudyProgress.Report(study, plan.Trials, progress);
        }
    }

    /// <summary>A trial to run; waits while others run some, which may come back.</summary>
    /// <returns>Null where the study is over.</returns>
    private async Task<TrialRun?> Next(IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        for (TimeSpan pause = ShortestPause; ; pause = 2 * pause < LongestPause ? 2 * pause : LongestPause)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Ask() is { } run)
                return run;
            if (!study.Trials.Any(t => t.State == TrialState.Running || t is { State: TrialState.Waiting, Parameters: not null }))
                return null;
            await Task.Delay(pause, cancellation).ConfigureAwait(false);
            StudyProgress.Report(study, plan.Trials, progress);
        }
    }

    private TrialRun? Ask()
    {
        lock (_lock)
        {
            long start = Stopwatch.GetTimestamp();
            TrialRun? run = study.Ask(plan.Trials);
            if (run is null)
                return null;
            _asking += Stopwatch.GetElapsedTime(start);
            _asked++;
            return run;
        }
    }

    private void End(TrialRun run, TrialOutcome outcome)
    {
        lock (_lock)
        {
            study.Tell(run, outcome);
            if (outcome.State != TrialState.Failed)
            {
                (_failedInRow, _succeeded) = (0, true);
                return;
            }
            _failed++;
            // A machine on which the command cannot run must not use up the study's trials.
            if (++_failedInRow >= HopelessFailures && !_succeeded)
                throw new CleaveException($"{study.Definition.Name}: {_failedInRow} trials have failed here and none has succeeded: {outcome.Note} (try the command by itself: echo '{{\"trial\": 0, \"params\": {run.Parameters.ToCanonicalText()}}}' | {plan.Command})");
        }
    }

    private void Lose(string what)
    {
        lock (_lock)
            _lost++;
        Say?.Invoke(what + "; its work here is dropped");
    }

    /// <summary>Puts the trial back at once; where that cannot be said, its lease will run out.</summary>
    private void Release(TrialRun run)
    {
        try
        {
            study.Release(run);
        }
        catch (Exception e) when (e is CleaveException or OperationCanceledException)
        {
            // What ended the trial is the error to report.
        }
    }
}
