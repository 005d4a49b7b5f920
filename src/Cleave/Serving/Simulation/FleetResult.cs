using Cleave.Serving.Allocation;

namespace Cleave.Serving.Simulation;

/// <summary>Times of one module's requests, or of all.</summary>
/// <param name="Module">Null for all together.</param>
/// <param name="Requests">That were answered.</param>
/// <param name="Refused">That found every place taken, or had no room.</param>
/// <param name="P50">Milliseconds from asking to the last token, of those that were answered; 0 where none was.</param>
/// <param name="FirstTokenP95">Milliseconds to the first token.</param>
/// <param name="Replicas">Machines that have it.</param>
/// <param name="Processor">The part of those machines' time in which it computed.</param>
public sealed record SimulatedTimes(string? Module, int Requests, int Refused, double P50, double P95, double P99, double FirstTokenP50, double FirstTokenP95, int Replicas, double Processor);

/// <summary>What a fleet did with a trace.</summary>
/// <param name="Seconds">From the beginning to the last answer.</param>
/// <param name="Processor">The part of that time in which the machines computed, on average.</param>
/// <param name="BusiestProcessor">Of the machine that computed the most.</param>
/// <param name="Reloads">Modules that had to make room and came back.</param>
/// <param name="MeetsTarget">Whether 95% of all requests were answered in time; null where there was no target.</param>
/// <param name="IsComplete">Whether the whole trace was run; false where a target could not be met any more.</param>
public sealed record FleetResult(FleetOptions Options, double Seconds, SimulatedTimes All, IReadOnlyList<SimulatedTimes> Modules, double Processor, double BusiestProcessor, long Reloads,
    Bottleneck Bottleneck, bool? MeetsTarget, bool IsComplete)
{
    public double RequestsPerSecond => Seconds > 0 ? All.Requests / Seconds : 0;

    /// <summary>Of the fleet for a day.</summary>
    public double CostPerDay => 24 * Options.PricePerHour * Options.Machines;

    /// <summary>Of a million answers at this trace's rate; null where none was given.</summary>
    public double? CostPerMillion => All.Requests == 0 ? null : Options.PricePerHour * Options.Machines * Seconds / 3600 / All.Requests * 1e6;
}
