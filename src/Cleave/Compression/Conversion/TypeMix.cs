using Cleave.Formats.Gguf;
using Cleave.Models;
using Type = Cleave.Formats.Gguf.GgufTensorType;

namespace Cleave.Compression.Conversion;

/// <summary>
/// Which type each matrix of a GGUF file gets, by the names that llama.cpp gives its mixes: most get one type, those whose
/// errors show most (output, values, the way down, the first and last layers) a finer one.
/// </summary>
/// <param name="FileType">The number under general.file_type.</param>
/// <param name="MostDivergence">The mean Kullback-Leibler divergence, in nats a token, beyond which a written file is refused.</param>
public sealed record TypeMix(string Name, Type Base, int FileType, double MostDivergence)
{
    public static IReadOnlyList<TypeMix> All { get; } =
    [
        new("F32", Type.F32, 0, 1e-6), new("F16", Type.F16, 1, 1e-4), new("BF16", Type.BF16, 32, 1e-3), new("Q8_0", Type.Q8_0, 7, 0.005),
        new("Q6_K", Type.Q6_K, 18, 0.01), new("Q5_K_M", Type.Q5_K, 17, 0.03), new("Q5_K_S", Type.Q5_K, 16, 0.03),
        new("Q5_1", Type.Q5_1, 9, 0.03), new("Q5_0", Type.Q5_0, 8, 0.03), new("Q4_K_M", Type.Q4_K, 15, 0.1), new("Q4_K_S", Type.Q4_K, 14, 0.1),
        new("Q4_1", Type.Q4_1, 3, 0.1), new("Q4_0", Type.Q4_0, 2, 0.1), new("IQ4_NL", Type.IQ4_NL, 25, 0.1), new("Q3_K_L", Type.Q3_K, 13, 0.4),
        new("Q3_K_M", Type.Q3_K, 12, 0.4), new("Q3_K_S", Type.Q3_K, 11, 0.4), new("Q2_K", Type.Q2_K, 10, 1.5), new("Q2_K_S", Type.Q2_K, 21, 1.5),
    ];

    /// <exception cref="CleaveException">There is no such mix.</exception>
    public static TypeMix Find(string name) => All.FirstOrDefault(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new CleaveException($"--type: there is no type {name}; there are {string.Join(", ", All.Select(m => m.Name))}");

    /// <summary>The type of one matrix.</summary>
    /// <param name="name">Its Hugging Face name.</param>
    /// <param name="columns">Its inputs: rows that are no whole blocks take a type with smaller ones.</param>
    public Type For(string name, TransformerSpec spec, int columns, bool importance)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(spec);
        // What chooses among experts stays exact.
        if (name.EndsWith(".mlp.gate.weight", StringComparison.Ordinal) || name.EndsWith("_expert_gate.weight", StringComparison.Ordinal))
            return Type.F32;
        return Base.Blocks() is null ? Base : Fitting(Wanted(name, spec, columns, importance), columns);
    }

    private Type Wanted(string name, TransformerSpec spec, int columns, bool importance)
    {
        if (name == (spec.TiedEmbeddings ? WeightNames.Embedding : WeightNames.Output))
            return columns % 256 != 0 ? Type.Q8_0 : Base == Type.Q8_0 ? Base : Type.Q6_K;
        string[] parts = name.Split('.');
        if (parts.Length < 3 || !int.TryParse(parts[2], out int layer))
            return Base;
        int layers = spec.Layers.Count, eighth = layers / 8;
        bool more = layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
        int shared = spec.Layers[layer].Heads / spec.Layers[layer].KeyValueHeads;
        return parts[^2] switch
        {
            "v_proj" => Name switch
            {
                "Q2_K" => shared >= 4 ? Type.Q4_K : Type.Q3_K,
                "Q2_K_S" when shared >= 4 => Type.Q4_K,
                "Q3_K_M" => layer < 2 ? Type.Q5_K : Type.Q4_K,
                "Q3_K_L" => Type.Q5_K,
                "IQ4_NL" when shared >= 4 => Type.Q5_K,
                "Q4_K_M" or "Q5_K_M" when more => Type.Q6_K,
                "Q4_K_S" when layer < 4 => Type.Q5_K,
                _ => Base,
            },
            "down_proj" => Name switch
            {
                "Q2_K" => Type.Q3_K,
                "Q2_K_S" when layer < eighth => Type.Q4_K,
                "Q3_K_M" => layer < layers / 16 ? Type.Q5_K : Type.Q4_K,
                "Q3_K_L" => Type.Q5_K,
                "Q4_K_M" or "Q5_K_M" when more => Type.Q6_K,
                "IQ4_NL" when layer < eighth && !importance => Type.Q5_K,
                "Q4_K_S" when layer < eighth => Type.Q5_K,
                "Q4_0" when layer < eighth && importance => Type.Q4_1,
                "Q5_0" when layer < eighth && importance => Type.Q5_1,
                _ => Base,
            },
            "o_proj" => Name switch
            {
                "Q2_K" => Type.Q3_K,
                "Q3_K_M" => Type.Q4_K,
                "Q3_K_L" => Type.Q5_K,
                _ => Base,
            },
            _ => Base,
        };
    }

    private static Type Fitting(Type type, int columns)
    {
        if (columns % type.Block()!.Value.Elements == 0)
            return type;
        Type smaller = type switch
        {
            Type.Q2_K or Type.Q3_K => Type.Q4_0,
            Type.Q4_K => Type.Q5_0,
            Type.Q5_K => Type.Q5_1,
            _ => Type.Q8_0,
        };
        return columns % smaller.Block()!.Value.Elements == 0 ? smaller : Type.F16;
    }
}
