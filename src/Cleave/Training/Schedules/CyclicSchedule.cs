namespace Cleave.Training.Schedules;

/// <summary>
/// Half a cosine from the peak to 0 again and again (Loshchilov and Hutter, 2017): at the end of each cycle the weights are in a minimum of their own,
/// and all of them together are a snapshot ensemble (Huang et al., 2017).
/// </summary>
/// <param name="Peak">The first learning rate of every cycle.</param>
/// <param name="Cycles">Of as many steps each, the last shorter where that does not divide the steps.</param>
public sealed record CyclicSchedule(double Peak, int TotalSteps, int Cycles) : ISchedule
{
    // As the paper has it: the steps over the cycles, rounded up.
    private int Length => Math.Max(1, (TotalSteps + Cycles - 1) / Cycles);

    public double At(int step) => Peak / 2 * (1 + Math.Cos(Math.PI * (step % Length) / Length));

    /// <summary>Whether a cycle is over after so many updates.</summary>
    public bool EndsCycle(int updates) => updates % Length == 0 || updates == TotalSteps;
}
