using System.Globalization;
using Cleave.Numerics;
using Cleave.Tuning;
using Cleave.Tuning.Objectives;
using Cleave.Tuning.Storage;

namespace Cleave.Splitting.Studies;

/// <summary>A task's study that several processes work on, and what runs its trials here.</summary>
internal sealed record SharedStudy(Study Study, int Limit, TaskTrials Trials);

/// <summary>Takes trials of every task of a split, as other processes do, until all tasks have theirs.</summary>
/// <param name="stands">Whether the split is still under way.</param>
/// <param name="say">Takes a line for people.</param>
internal sealed class SharedTrials(IReadOnlyList<SharedStudy> studies, Func<bool> stands, Action<string>? say)
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromSeconds(1);

    /// <returns>How many trials ended here.</returns>
    /// <exception cref="CleaveException">The split is not under way any more, or the storage is gone.</exception>
    public int Run(IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        int ended = 0;
        TimeSpan pause = ShortestPause;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!stands())
                throw new CleaveException("the split that this process has joined has ended or was started over");
            if (Next() is var (shared, run))
            {
                ended += Run(shared, run, cancellation) ? 1 : 0;
                StudyProgress.Report(shared.Study, shared.Limit, progress);
                pause = ShortestPause;
            }
            else if (studies.All(s => !IsOpen(s.Study)))
            {
                return ended;
            }
            else
            {
                // What others run may come back.
                cancellation.WaitHandle.WaitOne(pause);
                pause = 2 * pause < LongestPause ? 2 * pause : LongestPause;
            }
        }
    }

    // The tasks in their order; where others run the last trials of one, the next one is begun.
    private (SharedStudy, TrialRun)? Next()
    {
        foreach (SharedStudy shared in studies)
        {
            shared.Study.Refresh();
            if (shared.Study.Ask(shared.Limit) is { } run)
                return (shared, run);
        }
        return null;
    }

    private static bool IsOpen(Study study) => study.Trials.Any(t => t.State == TrialState.Running || t is { State: TrialState.Waiting, Parameters: not null });

    private bool Run(SharedStudy shared, TrialRun run, CancellationToken cancellation)
    {
        Study study = shared.Study;
        using var cut = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var keeper = new LeaseKeeper(study, run, cut);
        try
        {
            TrialOutcome outcome = shared.Trials.Run(run, cut.Token);
            study.Tell(run, outcome);
            say?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{study.Definition.Name}: trial {run.Number}: {outcome.State.ToString().ToLowerInvariant()} {string.Join(' ', outcome.Values.Select(v => v.ToString("G4", CultureInfo.InvariantCulture)))}").TrimEnd());
            return true;
        }
        catch (Exception e) when (e is LeaseLostException || (e is OperationCanceledException && keeper.Failure is null && !cancellation.IsCancellationRequested))
        {
            say?.Invoke($"{study.Definition.Name}: trial {run.Number} has gone to another process; its work here is dropped");
            return false;
        }
        catch (OperationCanceledException) when (keeper.Failure is not null && !cancellation.IsCancellationRequested)
        {
            throw keeper.Failure;
        }
        catch
        {
            Release(study, run);
            throw;
        }
    }

    // Back at once; where that cannot be said, the lease will run out.
    private static void Release(Study study, TrialRun run)
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
