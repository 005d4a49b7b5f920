using System.Diagnostics;
using Cleave.Numerics;
using Cleave.Tuning.Objectives;

namespace Cleave.Tuning.Launch;

/// <summary>Watches a study that others work on until it is over.</summary>
public static class StudyFollower
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5), BetweenQuestions = TimeSpan.FromSeconds(5);

    /// <summary>A scheduler that restarts does not answer for so long; its workers go on meanwhile.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <param name="workers">Who works on it; null where that is not known, and then only the study itself says that it is over.</param>
    /// <exception cref="CleaveException">The workers have ended and the study is not over.</exception>
    public static void Follow(Study study, int trials, ILaunchedWorkers? workers, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(study);
        long asked = Stopwatch.GetTimestamp(), answered = asked;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            bool left = true;
            if (workers is not null && Stopwatch.GetElapsedTime(asked) >= BetweenQuestions)
            {
                asked = Stopwatch.GetTimestamp();
                try
                {
                    left = workers.AnyLeft();
                    answered = asked;
                }
                catch (CleaveException) when (Stopwatch.GetElapsedTime(answered) < Patience)
                {
                    // It is asked again.
                }
            }
            study.Refresh(); // after the question: workers that have ended have written what they had to say
            StudyProgress.Report(study, trials, progress);
            IReadOnlyList<Trial> all = study.Trials;
            int finished = all.Count(t => t.IsFinished);
            bool open = all.Any(t => t.State == TrialState.Running || t is { State: TrialState.Waiting, Parameters: not null }) || study.HasPromising;
            // A sampler with nothing left to try, a grid, leaves a trial without parameters.
            if (!open && (finished >= trials || (!left && all.Any(t => t is { State: TrialState.Waiting, Parameters: null }))))
                return;
            if (!left)
                throw new CleaveException($"{study.Definition.Name}: the workers have ended and {finished} of {trials} trials are finished; see {workers!.Logs}");
            cancellation.WaitHandle.WaitOne(Pause);
        }
    }
}
