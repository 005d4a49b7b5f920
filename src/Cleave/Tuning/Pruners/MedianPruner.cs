namespace Cleave.Tuning.Pruners;

/// <summary>
/// Stops a trial whose best intermediate value so far is worse than the median of what the complete trials had at the
/// same step (the median stopping rule of Golovin et al., "Google Vizier", KDD 2017, section 3.5.1, with the plain value at the step).
/// </summary>
/// <param name="startupTrials">Nothing is stopped before this many trials are complete.</param>
/// <param name="warmupSteps">Nothing is stopped at steps below this one.</param>
/// <param name="minTrials">How many complete trials must have a value at the step.</param>
public sealed class MedianPruner(int startupTrials = 5, int warmupSteps = 0, int minTrials = 1) : IPruner
{
    public string Name => "median";

    public bool ShouldStop(Direction direction, IReadOnlyList<Trial> trials, Trial trial)
    {
        ArgumentNullException.ThrowIfNull(trials);
        ArgumentNullException.ThrowIfNull(trial);
        int step = trial.Steps.Count > 0 ? trial.Steps[^1].Step : -1;
        if (step < 0 || step < warmupSteps)
            return false;
        double sign = direction == Direction.Minimize ? 1 : -1;
        int complete = 0;
        var others = new List<double>();
        foreach (Trial other in trials)
        {
            if (other.State != TrialState.Complete || other.Number == trial.Number)
                continue;
            complete++;
            foreach (TrialStep theirs in other.Steps)
            {
                if (theirs.Step == step && !double.IsNaN(theirs.Value))
                    others.Add(sign * theirs.Value);
            }
        }
        if (complete < startupTrials || others.Count < Math.Max(1, minTrials))
            return false;
        double best = double.PositiveInfinity; // NaN never passes for better
        foreach (TrialStep own in trial.Steps)
            best = sign * own.Value < best ? sign * own.Value : best;
        return best > Median(others);
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        int middle = values.Count / 2;
        return values.Count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
