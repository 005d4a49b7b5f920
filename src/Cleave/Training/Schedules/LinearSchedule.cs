namespace Cleave.Training.Schedules;

/// <summary>Linear warm-up from 0 to the peak, then a straight line down to a share of it.</summary>
/// <param name="Peak">The highest learning rate.</param>
/// <param name="WarmupSteps">Steps until the peak.</param>
/// <param name="FinalShare">The learning rate behind the last step, as a share of the peak.</param>
public sealed record LinearSchedule(double Peak, int WarmupSteps, int TotalSteps, double FinalShare = 0) : ISchedule
{
    public double At(int step) => step < WarmupSteps ? Peak * Warmup.Share(step, WarmupSteps)
        : Peak * (1 - (1 - FinalShare) * Warmup.Progress(step, WarmupSteps, TotalSteps));
}
