using Cleave.Evaluation.Energy;
using Cleave.Serving.Allocation;
using Cleave.Serving.Engine;
using Cleave.Serving.Feedback;

namespace Cleave.Serving;

/// <summary>How a host computes.</summary>
public sealed record ServingOptions
{
    /// <summary>Of each model that writes; where the bytes are not said, all of a host's models share <see cref="KeyValueShare"/> of what is available.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>Of the allocator's memory, or where that has no limit of what is available when the host is made, what its models' keys and values may come to hold.</summary>
    public double KeyValueShare { get; init; } = 0.5;

    /// <summary>Shares processor and memory with other hosts, and stays the caller's; null: a host has them for itself, with <see cref="Weights"/>.</summary>
    public ServingAllocator? Allocator { get; init; }

    /// <summary>The weights of modules that share the processor, by name (<see cref="ComputeShare"/>); 1 for those that are not named.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>Raises how sure a release's modules have to be by what is said of their answers; null: nothing does.</summary>
    public EscalationControl? Escalation { get; init; }

    /// <summary>The power that energy is estimated with where it cannot be measured; unless given, what the environment says (<see cref="EnergyOptions.Variable"/>).</summary>
    public EnergyOptions Energy { get; init; } = EnergyOptions.FromEnvironment();
}
