namespace Cleave.Training.Schedules;

/// <summary>The learning-rate range test (Smith, 2017): from a rate that is surely too low, exponentially, to one that is surely too high.</summary>
public sealed record RangeTestSchedule(double Low, double High, int TotalSteps) : ISchedule
{
    public double At(int step) => Low * Math.Pow(High / Low, step / (double)Math.Max(1, TotalSteps - 1));

    /// <summary>
    /// The learning rate to train with: a third of the one where the smoothed loss was lowest, before it rose. The loss is smoothed exponentially,
    /// each counting 0.1, with the bias of the beginning taken out.
    /// </summary>
    /// <param name="losses">By step.</param>
    public double Suggest(IReadOnlyList<double> losses)
    {
        ArgumentNullException.ThrowIfNull(losses);
        if (losses.Count == 0)
            throw new ArgumentException("there are no losses", nameof(losses));
        double mean = 0, lowest = double.PositiveInfinity;
        int at = 0;
        for (int step = 0; step < losses.Count; step++)
        {
            mean = 0.9 * mean + 0.1 * losses[step];
            double smooth = mean / (1 - Math.Pow(0.9, step + 1));
            if (smooth < lowest)
                (lowest, at) = (smooth, step);
        }
        return At(at) / 3;
    }
}
