namespace Cleave.Tuning.Samplers;

/// <summary>Puts trials in order of promise.</summary>
internal static class TrialOrder
{
    /// <summary>
    /// The complete and feasible trials, best first, then the infeasible ones, those that break less first, then the stopped
    /// ones, those that came further first. Several objectives: by front, and within a front the less crowded first. Equals
    /// stay in the order of their numbers.
    /// </summary>
    public static List<Trial> BestFirst(IReadOnlyList<Trial> trials, IReadOnlyList<Direction> directions)
    {
        Trial[] complete = [.. trials.Where(t => t.State == TrialState.Complete && t.Violation == 0)];
        IEnumerable<Trial> infeasible = trials.Where(t => t.State == TrialState.Complete && t.Violation > 0).OrderBy(t => t.Violation);
        double[][] losses = [.. complete.Select(t => ParetoFront.ToLosses(t.Values, directions))];
        int[] order = [.. Enumerable.Range(0, complete.Length)];
        if (directions.Count == 1)
        {
            order = [.. order.OrderBy(i => losses[i][0])];
        }
        else
        {
            int[] ranks = ParetoFront.Ranks(losses);
            double[] crowding = ParetoFront.Crowding(losses, ranks);
            order = [.. order.OrderBy(i => ranks[i]).ThenByDescending(i => crowding[i])];
        }
        double sign = directions[0] == Direction.Minimize ? 1 : -1;
        IEnumerable<Trial> stopped = trials.Where(t => t.IsStopped && t.Steps.Count > 0)
            .OrderByDescending(t => t.Steps[^1].Step).ThenBy(t => double.IsNaN(t.Steps[^1].Value) ? double.PositiveInfinity : sign * t.Steps[^1].Value);
        return [.. order.Select(i => complete[i]), .. infeasible, .. stopped];
    }
}
