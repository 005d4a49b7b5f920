namespace Cleave.Training.Schedules;

/// <summary>Learning rates by step.</summary>
public interface ISchedule
{
    /// <summary>The last step is this one minus one.</summary>
    int TotalSteps { get; }

    /// <summary>The learning rate of a step, counted from 0.</summary>
    double At(int step);
}

/// <summary>What schedules share.</summary>
internal static class Warmup
{
    /// <summary>Linear from 0 to 1, reached at the last of the warm-up's steps.</summary>
    public static double Share(int step, int warmupSteps) => step < warmupSteps ? (step + 1.0) / warmupSteps : 1;

    /// <summary>How far a step is from <paramref name="first"/> to <paramref name="end"/>: 0 to 1.</summary>
    public static double Progress(int step, int first, int end) => Math.Clamp((step - first) / (double)Math.Max(1, end - first), 0, 1);
}
