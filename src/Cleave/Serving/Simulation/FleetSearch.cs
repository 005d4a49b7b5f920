using Cleave.Numerics;
using Cleave.Serving.Allocation;

namespace Cleave.Serving.Simulation;

/// <summary>Finds the smallest fleet that answers a trace in time.</summary>
public static class FleetSearch
{
    /// <summary>The fewest machines with which 95% of all requests are answered within the target: by doubling, then by halves.</summary>
    /// <param name="options">With a target.</param>
    /// <param name="most">Machines that are tried.</param>
    /// <returns>The fleet, or where even the most machines are too slow, what those do.</returns>
    /// <exception cref="CleaveException">As <see cref="FleetSimulation.Run"/>.</exception>
    public static FleetResult Smallest(Footprints footprints, TrafficTrace trace, FleetOptions options, int most, IProgress<ProgressReport>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        if (options.TargetMilliseconds is null)
            throw new ArgumentException("a smallest fleet has a target", nameof(options));
        int tooFew = 0, enough = 1;
        FleetResult? best;
        while (Try(enough) is var tried)
        {
            best = tried;
            if (tried.MeetsTarget == true)
                break;
            if (enough == most)
                return FleetSimulation.Run(footprints, trace, options with { Machines = most, TargetMilliseconds = null }, progress, cancel) with { MeetsTarget = false };
            (tooFew, enough) = (enough, Math.Min(most, 2 * enough));
        }
        while (enough - tooFew > 1)
        {
            int middle = tooFew + (enough - tooFew) / 2;
            if (Try(middle) is { MeetsTarget: true } better)
                (best, enough) = (better, middle);
            else
                tooFew = middle;
        }
        return best;

        FleetResult Try(int machines) => FleetSimulation.Run(footprints, trace, options with { Machines = machines }, progress, cancel);
    }
}
