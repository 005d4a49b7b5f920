namespace Cleave.Training.Schedules;

/// <summary>
/// Warm-up, stable, decay (Hu et al., 2024): linear from 0 to the peak, the peak, and over the last steps a straight line down. The
/// stable part may be continued later, from a checkpoint before the decay.
/// </summary>
/// <param name="Peak">The highest learning rate.</param>
/// <param name="WarmupSteps">Steps until the peak.</param>
/// <param name="DecaySteps">Steps of the decay.</param>
/// <param name="FinalShare">The learning rate behind the last step, as a share of the peak.</param>
public sealed record StableSchedule(double Peak, int WarmupSteps, int TotalSteps, int DecaySteps, double FinalShare = 0) : ISchedule
{
    public double At(int step) => step < WarmupSteps ? Peak * Warmup.Share(step, WarmupSteps)
        : Peak * (1 - (1 - FinalShare) * Warmup.Progress(step, TotalSteps - DecaySteps, TotalSteps));
}
