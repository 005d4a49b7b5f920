namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>The ended trials in order of promise, as places in the list.</summary>
internal sealed class TrialRanks
{
    public TrialRanks(Trial[] ended, IReadOnlyList<Direction> directions)
    {
        var place = new Dictionary<Trial, int>(ended.Length);
        for (int i = 0; i < ended.Length; i++)
            place[ended[i]] = i;
        BestFirst = [.. TrialOrder.BestFirst(ended, directions).Select(t => place[t])];
        Feasible = [.. Enumerable.Range(0, ended.Length).Where(i => ended[i].State == TrialState.Complete && ended[i].Violation == 0)];
    }

    /// <summary>Complete and stopped trials; never empty in a study with a complete trial.</summary>
    public int[] BestFirst { get; }

    /// <summary>Complete trials that keep every constraint.</summary>
    public int[] Feasible { get; }
}
