using Cleave.Numerics;

namespace Cleave.Tuning.Objectives;

/// <summary>How far a study is, for a progress line.</summary>
public static class StudyProgress
{
    public static void Report(Study study, int trials, IProgress<ProgressReport>? progress)
    {
        ArgumentNullException.ThrowIfNull(study);
        if (progress is null)
            return;
        IReadOnlyList<Trial> all = study.Trials;
        int failed = all.Count(t => t.State == TrialState.Failed);
        string note = study.Definition.Directions.Count > 1 ? FormattableString.Invariant($"front of {study.Front.Count}")
            : study.Best is { } best ? FormattableString.Invariant($"best {best.Values[0]:G6} (trial {best.Number})") : "";
        progress.Report(new ProgressReport(study.Definition.Name, all.Count(t => t.IsFinished), trials, "trials", failed > 0 ? $"{note}, {failed} failed" : note));
    }
}
