using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>A family of models: what its config.json means and how its weights lie in Hugging Face's files, and the same of GGUF files.</summary>
/// <param name="ModelType"><c>model_type</c> of config.json.</param>
/// <param name="Read">The shape; a <see cref="ModelFileException"/> where a key is missing, of the wrong type, or asks for what is not supported.</param>
/// <param name="Write">The config of a shape.</param>
/// <param name="Place">Where a weight, named as in <see cref="WeightNames"/>, lies.</param>
/// <param name="Prefix">What the names in files of the bare model, without a head, begin with less.</param>
public sealed record Family(string ModelType, Func<JsonCursor, TransformerSpec> Read, Func<TransformerSpec, JsonObject> Write,
    Func<TransformerSpec, string, StoredWeight> Place, string Prefix = "model.")
{
    /// <summary>Adds to a shape what only the files tell, given whether they have a tensor: parts that a checkpoint may have or not.</summary>
    public Func<TransformerSpec, Func<string, bool>, TransformerSpec>? Complete { get; init; }

    /// <summary>The heads for tasks that the family's checkpoints may have, or null.</summary>
    internal PublishedHeads? Heads { get; init; }

    /// <summary>The family in GGUF files, where it has a form there; families may share one.</summary>
    public GgufFamily? Gguf { get; init; }

    /// <summary>Every family, by its model type.</summary>
    public static IReadOnlyList<Family> All { get; } =
    [
        Llama.Family, Mistral.Family, Qwen2.Family, Qwen3.Family, Gemma2.Family, Gemma3.Family, Phi3.Family, Olmo2.Family,
        Gpt2.Family, GptNeoX.Family, Mixtral.Family, Qwen2Moe.Family, Qwen3Moe.Family,
        T5.Family, T5.Multilingual,
        Bert.Family, DistilBert.Family, Roberta.Family, Roberta.Multilingual,
    ];

    /// <exception cref="ModelFileException">The config is of no family that is supported.</exception>
    public static Family Of(JsonCursor config)
    {
        ArgumentNullException.ThrowIfNull(config);
        JsonCursor type = config["model_type"];
        return Find(type.Text()) ?? throw type.Error(type.Text() == "gemma3"
            ? "pictures are not supported; use a text model (gemma3_text), or its language model saved alone"
            : $"this family is not supported; use one of {string.Join(", ", All.Select(f => f.ModelType))}");
    }

    /// <exception cref="ArgumentException">There is no such family.</exception>
    public static Family Of(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Find(spec.Family) ?? throw new ArgumentException($"there is no family '{spec.Family}'", nameof(spec));
    }

    private static Family? Find(string type) => All.FirstOrDefault(f => f.ModelType == type);
}

/// <summary>Where a weight lies in a file: alone under a name, or as some rows of a tensor that holds several.</summary>
/// <param name="Name">The tensor's.</param>
public sealed record StoredWeight(string Name)
{
    /// <summary>True: the file has (inputs, outputs).</summary>
    public bool Transposed { get; init; }

    /// <summary>What other versions of the family's files call it.</summary>
    public IReadOnlyList<string> OtherNames { get; init; } = [];

    /// <summary>True: a table, stored with two dimensions even where it has one row.</summary>
    public bool IsTable { get; init; }

    /// <summary>What the file's values lack: 1 for norms that are stored as w − 1.</summary>
    public float Offset { get; init; }

    /// <summary>Rows of the tensor that holds several; 0 for a weight alone.</summary>
    public int FusedRows { get; init; }

    /// <summary>The row of the first, and how many rows lie together before those of others follow; 0 for all.</summary>
    public int First { get; init; }
    public int Together { get; init; }

    /// <summary>From the beginning of one such group of rows to the next.</summary>
    public int Stride { get; init; }

    /// <summary>Matrices of the same shape that lie one behind the other in a tensor of three dimensions; 0 for two dimensions.</summary>
    public int Stacked { get; init; }

    /// <summary>
    /// The size of a head whose rows the file has in the order 0, D/2, 1, D/2 + 1, …: it turns neighbouring rows together,
    /// where here row i turns with row i + D/2; 0 for the order of here.
    /// </summary>
    public int Interleaved { get; init; }

    /// <summary>The row in the file.</summary>
    public int Row(int row)
    {
        if (Interleaved > 0)
        {
            int within = row % Interleaved, half = Interleaved / 2;
            return First + row - within + within % half * 2 + within / half;
        }
        return First + (Together == 0 ? row : row / Together * Stride + row % Together);
    }

    /// <summary>True for a weight that is a tensor of the file as it is.</summary>
    public bool IsPlain => !Transposed && FusedRows == 0 && Interleaved == 0;
}
