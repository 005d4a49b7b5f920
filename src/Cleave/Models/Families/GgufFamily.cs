using Cleave.Formats.Gguf;

namespace Cleave.Models.Families;

/// <summary>
/// A family in GGUF files, in the keys and tensor names of llama.cpp: what it adds to the keys that all have, how its tensors
/// lie, and what llama.cpp computes of it. What has no place there is refused, not passed over.
/// </summary>
/// <param name="Architecture"><c>general.architecture</c>, with which its keys begin.</param>
/// <param name="Read">Completes the shape that the common keys give.</param>
public sealed record GgufFamily(string Architecture, Func<GgufKeys, TransformerSpec, TransformerSpec> Read)
{
    /// <summary>Keys beyond the common ones, without the architecture before their names.</summary>
    public Func<TransformerSpec, IEnumerable<GgufKey>> Write { get; init; } = _ => [];

    /// <summary>Queries and keys lie for rotations of neighbouring elements of a head; otherwise of its halves, as everywhere else.</summary>
    public bool NeighbourRotation { get; init; }

    /// <summary>Queries, keys and values are one tensor.</summary>
    public bool FusedAttention { get; init; }

    /// <summary>Gate and up are one tensor, under the name of the latter.</summary>
    public bool FusedGate { get; init; }

    /// <summary>Heads together are as wide as the residual stream.</summary>
    public bool SquareAttention { get; init; }

    /// <summary>A part of a head may be turned.</summary>
    public bool PartialRotation { get; init; }

    /// <summary>Tensors with a divisor for each frequency that may be there.</summary>
    public RotaryTensors RotaryTensors { get; init; }

    /// <summary>
    /// Layers with a window: 0 for every layer, n for all but each n-th; null where windows have no place. A file may name
    /// another n.
    /// </summary>
    public int? WindowPeriod { get; init; }

    /// <summary>The window of a file that names none.</summary>
    public int DefaultWindow { get; init; }

    public bool Experts { get; init; }

    /// <summary>Biases that may be there, and those that must be.</summary>
    public Biases Biases { get; init; }

    public Biases NeededBiases { get; init; }

    /// <summary>Whether there is a matrix for the output besides the token table: always, never, or as a file has it (null).</summary>
    public bool? OutputMatrix { get; init; }

    /// <exception cref="ModelFileException">There is no family with the architecture that the file names.</exception>
    internal static (GgufFamily Gguf, string ModelType) Of(GgufMetadata keys)
    {
        string architecture = keys.Text("general.architecture");
        foreach (Family family in Family.All)
        {
            if (family.Gguf is { } gguf && gguf.Architecture == architecture)
                return (gguf, family.ModelType);
        }
        throw keys.Error("general.architecture",
            $"is '{architecture}', a family that is not supported; these are: {string.Join(", ", Family.All.Select(f => f.Gguf?.Architecture).OfType<string>().Distinct())}");
    }

    /// <exception cref="CleaveException">The family has no form in GGUF files.</exception>
    internal static GgufFamily Of(TransformerSpec spec) =>
        Family.Of(spec).Gguf ?? throw new CleaveException($"models of the family '{spec.Family}' cannot be GGUF files");
}

/// <summary>Tensors that change the rotary frequencies.</summary>
[Flags]
public enum RotaryTensors
{
    None = 0,

    /// <summary><c>rope_freqs</c>: Llama 3.1's.</summary>
    Frequencies = 1,

    /// <summary><c>rope_factors_short</c> and <c>rope_factors_long</c>: LongRoPE's.</summary>
    Factors = 2,
}
