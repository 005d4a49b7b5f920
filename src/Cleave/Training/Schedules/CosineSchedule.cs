namespace Cleave.Training.Schedules;

/// <summary>
/// Linear warm-up from 0 to the peak, then a half cosine down to a share of the peak (Loshchilov and Hutter, 2017).
/// </summary>
/// <param name="Peak">The highest learning rate.</param>
/// <param name="WarmupSteps">Steps until the peak.</param>
/// <param name="TotalSteps">The last step is this one minus one.</param>
/// <param name="FinalShare">The last learning rate as a share of the peak.</param>
public sealed record CosineSchedule(double Peak, int WarmupSteps, int TotalSteps, double FinalShare = 0.1) : ISchedule
{
    /// <summary>The learning rate of a step, counted from 0.</summary>
    public double At(int step)
    {
        if (step < WarmupSteps)
            return Peak * (step + 1) / WarmupSteps;
        double progress = Math.Clamp((step - WarmupSteps) / (double)Math.Max(1, TotalSteps - WarmupSteps), 0, 1);
        return Peak * (FinalShare + (1 - FinalShare) * 0.5 * (1 + Math.Cos(Math.PI * progress)));
    }
}
