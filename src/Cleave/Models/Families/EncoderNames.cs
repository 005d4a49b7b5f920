namespace Cleave.Models.Families;

/// <summary>The names of weights that BERT and its descendants share, under a root each.</summary>
internal static class EncoderNames
{
    /// <summary>Where a weight of the embeddings or of a layer lies as BERT names it; null for one of a head.</summary>
    public static StoredWeight? Trunk(string root, string name) => Layer(name) is not var (layer, part) ? Embeddings(root, name)
        : WithOldNorms(new StoredWeight($"{root}encoder.layer.{layer}.{part switch
        {
            "self_attn.q_proj" => "attention.self.query",
            "self_attn.k_proj" => "attention.self.key",
            "self_attn.v_proj" => "attention.self.value",
            "self_attn.o_proj" => "attention.output.dense",
            "self_attn.post_norm" => "attention.output.LayerNorm",
            "mlp.up_proj" => "intermediate.dense",
            "mlp.down_proj" => "output.dense",
            _ => "output.LayerNorm",
        }}.{Last(name)}"));

    /// <summary>Where a weight of the embeddings lies; null for any other.</summary>
    public static StoredWeight? Embeddings(string root, string name) => name switch
    {
        WeightNames.Embedding => new StoredWeight(root + "embeddings.word_embeddings.weight"),
        WeightNames.Positions => new StoredWeight(root + "embeddings.position_embeddings.weight") { IsTable = true },
        WeightNames.TokenTypes => new StoredWeight(root + "embeddings.token_type_embeddings.weight") { IsTable = true },
        _ when name.StartsWith("model.embed_norm.", StringComparison.Ordinal) => WithOldNorms(new StoredWeight($"{root}embeddings.LayerNorm.{Last(name)}")),
        _ => null,
    };

    /// <summary>The layer of a weight and what it is within, such as <c>mlp.up_proj</c>; null outside of the layers.</summary>
    public static (string Layer, string Part)? Layer(string name)
    {
        if (!name.StartsWith(WeightNames.Layers, StringComparison.Ordinal))
            return null;
        string[] parts = name.Split('.');
        return (parts[2], string.Join('.', parts[3..^1]));
    }

    /// <summary><c>weight</c> or <c>bias</c>.</summary>
    public static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];

    /// <summary>Files converted from the first release call a norm's weight gamma and its bias beta.</summary>
    public static StoredWeight WithOldNorms(StoredWeight stored) => !stored.Name.Contains("LayerNorm.", StringComparison.Ordinal) ? stored
        : stored with { OtherNames = [stored.Name[..(stored.Name.LastIndexOf('.') + 1)] + (Last(stored.Name) == "weight" ? "gamma" : "beta")] };
}
