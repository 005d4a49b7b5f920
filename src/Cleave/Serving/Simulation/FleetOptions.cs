using Cleave.Serving.Engine;

namespace Cleave.Serving.Simulation;

/// <summary>A fleet of equal machines behind one balancer.</summary>
public sealed record FleetOptions
{
    public int Machines { get; init; } = 1;

    /// <summary>Cores of a machine; as many servers run on it as the footprints' threads fit into them. Null: one server.</summary>
    public int? Cores { get; init; }

    /// <summary>Bytes of a machine for weights, keys and values; null: enough.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Whether modules are dealt to machines by their demand; else each machine has the whole release.</summary>
    public bool ByModule { get; init; }

    /// <summary>Milliseconds of the network, both ways together.</summary>
    public double NetworkMilliseconds { get; init; }

    /// <summary>Of a machine for an hour, in whatever currency.</summary>
    public double PricePerHour { get; init; }

    /// <summary>As <see cref="ServingLimits"/>.</summary>
    public int Workers { get; init; } = ServingLimits.Workers;

    /// <summary>As <see cref="ServingLimits"/>.</summary>
    public int Waiting { get; init; } = ServingLimits.Waiting;

    /// <summary>Of each server's engines.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>Weights by module; 1 for those that are not named.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>Least shares of the processor by module; 0 for those that are not named.</summary>
    public IReadOnlyDictionary<string, double> MinimumShares { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>Milliseconds that of all requests 95% should not exceed; a run ends as soon as that cannot be any more. Null: none.</summary>
    public double? TargetMilliseconds { get; init; }

    /// <summary>Servers of a machine.</summary>
    /// <param name="threads">Of a server, as the footprints say.</param>
    /// <exception cref="CleaveException">The machine has fewer cores than that.</exception>
    internal int Servers(int threads) => Cores is not { } cores ? 1 : cores >= threads ? cores / threads
        : throw new CleaveException($"machines of {cores} cores: the footprints were measured with {threads} threads; measure them with 'cleave bench footprint --threads {cores}'");
}
