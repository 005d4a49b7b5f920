namespace Cleave.Tuning.Pruners;

/// <summary>
/// Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys
/// 2020): rungs stand at <c>minResource · factor^k</c> reported steps, and a trial that reaches a rung goes on only if it is
/// among the best 1/factor of all trials that have reached it so far (the first always does). A trial that was paused at
/// its checkpoint goes on when, with more trials at its rung, it is among them.
/// </summary>
public sealed class SuccessiveHalvingPruner : IPruner
{
    private readonly int _minResource, _factor;

    /// <param name="minResource">The first rung, in steps counted from 1 (step number + 1).</param>
    /// <param name="factor">One in this many goes on.</param>
    public SuccessiveHalvingPruner(int minResource = 1, int factor = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minResource, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 2);
        (_minResource, _factor) = (minResource, factor);
    }

    public string Name => "asha";

    public bool ShouldStop(Direction direction, IReadOnlyList<Trial> trials, Trial trial)
    {
        ArgumentNullException.ThrowIfNull(trials);
        ArgumentNullException.ThrowIfNull(trial);
        if (trial.Steps.Count == 0)
            return false;
        long reached = trial.Steps[^1].Step + 1L, before = trial.Steps.Count > 1 ? trial.Steps[^2].Step + 1L : 0;
        double sign = direction == Direction.Minimize ? 1 : -1;
        for (long rung = _minResource; rung <= reached; rung *= _factor)
        {
            if (rung > before && !Goes(sign, trials, trial, rung))
                return true;
        }
        return false;
    }

    public Trial? Promote(Direction direction, IReadOnlyList<Trial> trials)
    {
        ArgumentNullException.ThrowIfNull(trials);
        double sign = direction == Direction.Minimize ? 1 : -1;
        foreach (Trial trial in trials)
        {
            if (trial.State != TrialState.Paused || trial.Steps.Count == 0 || trial.Steps[^1].Step + 1L < _minResource)
                continue;
            long rung = _minResource;
            while (rung * _factor <= trial.Steps[^1].Step + 1L)
                rung *= _factor;
            if (Goes(sign, trials, trial, rung))
                return trial;
        }
        return null;
    }

    private bool Goes(double sign, IReadOnlyList<Trial> trials, Trial trial, long rung)
    {
        double own = ValueAt(sign, trial, rung)!.Value;
        if (double.IsNaN(own))
            return false;
        int better = 0, all = 1;
        foreach (Trial other in trials)
        {
            if (other.Number == trial.Number || ValueAt(sign, other, rung) is not { } value)
                continue;
            all++;
            better += value < own ? 1 : 0; // false for NaN, which is worse than anything
        }
        return better < Math.Max(1, all / _factor);
    }

    /// <summary>The first value at or after the rung, or null before it is reached.</summary>
    private static double? ValueAt(double sign, Trial trial, long rung)
    {
        foreach (TrialStep step in trial.Steps)
        {
            if (step.Step + 1L >= rung)
                return sign * step.Value;
        }
        return null;
    }
}
