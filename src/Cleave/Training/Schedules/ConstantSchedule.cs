namespace Cleave.Training.Schedules;

/// <summary>Linear warm-up from 0, then one learning rate to the end.</summary>
/// <param name="Peak">The learning rate.</param>
/// <param name="WarmupSteps">Steps until it is reached.</param>
public sealed record ConstantSchedule(double Peak, int WarmupSteps, int TotalSteps) : ISchedule
{
    public double At(int step) => Peak * Warmup.Share(step, WarmupSteps);
}
