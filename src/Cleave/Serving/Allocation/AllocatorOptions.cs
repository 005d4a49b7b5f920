namespace Cleave.Serving.Allocation;

/// <summary>How modules share a process's processor and memory.</summary>
public sealed record AllocatorOptions
{
    private static readonly Dictionary<string, double> None = new(StringComparer.Ordinal);

    /// <summary>Weights by module, above 0; 1 for those that are not named.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = None;

    /// <summary>Of the processor's time, what a module has at least while it has work; 0 for those that are not named, together at most <see cref="ProcessorShares.MostMinimums"/>.</summary>
    public IReadOnlyDictionary<string, double> MinimumShares { get; init; } = None;

    /// <summary>Bytes of modules, keys and values; null for no limit.</summary>
    public long? MemoryBytes { get; init; }

    /// <exception cref="CleaveException">A value is out of range.</exception>
    public AllocatorOptions Checked()
    {
        if (Weights.FirstOrDefault(w => !(w.Value > 0) || !double.IsFinite(w.Value)) is { Key: { } weight })
            throw new CleaveException($"the weight of '{weight}' must be above 0");
        if (MinimumShares.FirstOrDefault(m => !(m.Value is >= 0 and <= 1)) is { Key: { } minimum })
            throw new CleaveException($"the minimum share of '{minimum}' must be from 0 to 1");
        if (MinimumShares.Values.Sum() > ProcessorShares.MostMinimums)
            throw new CleaveException(FormattableString.Invariant($"the minimum shares sum to {MinimumShares.Values.Sum():0.###}, and at most {ProcessorShares.MostMinimums} can be given away"));
        return MemoryBytes < 1 ? throw new CleaveException("a limit of memory must be positive") : this;
    }
}
