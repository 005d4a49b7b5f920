using System.Diagnostics;
using Cleave.Data;

namespace Cleave.Splitting.Modules;

/// <summary>How long a module takes, by the clock.</summary>
public static class Latency
{
    private const int Warmups = 5, Items = 41;

    /// <summary>Median time of one item alone, after a few that are not counted.</summary>
    public static double Milliseconds(ITaskModule module, IReadOnlyList<Example> items)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(items);
        var times = new List<double>();
        for (int i = 0; i < Warmups + Items; i++)
        {
            long start = Stopwatch.GetTimestamp();
            module.Predict([items[i % items.Count]]);
            if (i >= Warmups)
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        times.Sort();
        return times[times.Count / 2];
    }
}
