namespace Cleave.Training.Schedules;

/// <summary>
/// One cycle (Smith and Topin, 2018): half a cosine up from peak / 25 to the peak, half a cosine down to a ten thousandth of the start.
/// </summary>
/// <param name="Peak">The highest learning rate.</param>
/// <param name="RisingShare">The share of the steps until the peak.</param>
public sealed record OneCycleSchedule(double Peak, int TotalSteps, double RisingShare = 0.3) : ISchedule
{
    private const double StartDivisor = 25, FinalDivisor = 1e4;

    public double At(int step)
    {
        double top = RisingShare * TotalSteps - 1, start = Peak / StartDivisor;
        return step <= top ? Between(start, Peak, step / Math.Max(top, double.Epsilon))
            : Between(Peak, start / FinalDivisor, Math.Min(1, (step - top) / Math.Max(double.Epsilon, TotalSteps - 1 - top)));
    }

    private static double Between(double from, double to, double share) => to + (from - to) / 2 * (1 + Math.Cos(Math.PI * share));
}
