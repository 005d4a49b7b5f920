namespace Cleave.Serving.Allocation;

/// <summary>Which modules lie on which machines of a fleet.</summary>
public static class ReplicaPlan
{
    /// <summary>
    /// As many replicas of each module as its part of the demand is of the machines, one at least. The heaviest are placed first, each where the least work is
    /// among the machines that have the memory and do not have the module yet (longest processing time first; Graham, 1969).
    /// </summary>
    /// <param name="demand">Seconds of a machine's computing a second that each module needs.</param>
    /// <param name="memory">Bytes of weights that a machine may hold; null for any.</param>
    /// <returns>For each machine the indices of its modules, in order.</returns>
    /// <exception cref="CapacityException">A module fits on no machine.</exception>
    public static IReadOnlyList<IReadOnlyList<int>> Place(IReadOnlyList<ModuleFootprint> modules, IReadOnlyList<double> demand, int machines, long? memory)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(demand);
        ArgumentOutOfRangeException.ThrowIfLessThan(machines, 1);
        double all = Math.Max(demand.Sum(), double.Epsilon);
        int[] replicas = [.. demand.Select(d => Math.Clamp((int)Math.Ceiling(d / all * machines), 1, machines))];
        var placed = new SortedSet<int>[machines];
        var load = new double[machines];
        var used = new long[machines];
        for (int m = 0; m < machines; m++)
            placed[m] = [];
        foreach (int module in Enumerable.Range(0, modules.Count).OrderByDescending(i => demand[i] / replicas[i]).ThenByDescending(i => modules[i].WeightBytes).ThenBy(i => i))
        {
            for (int replica = 0; replica < replicas[module]; replica++)
            {
                int best = -1;
                for (int m = 0; m < machines; m++)
                {
                    if (!placed[m].Contains(module) && (memory is null || used[m] + modules[module].WeightBytes <= memory) && (best < 0 || (load[m], used[m]).CompareTo((load[best], used[best])) < 0))
                        best = m;
                }
                if (best < 0 && replica == 0)
                    throw new CapacityException($"'{modules[module].Name}' ({ByteSize.Text(modules[module].WeightBytes)} of weights) has no room on {machines} machine{(machines == 1 ? "" : "s")} beside the others; give more memory or more machines");
                if (best < 0)
                    break;
                placed[best].Add(module);
                load[best] += demand[module] / replicas[module];
                used[best] += modules[module].WeightBytes;
            }
        }
        return [.. placed.Select(p => (IReadOnlyList<int>)[.. p])];
    }
}
