using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>Mixtral (Jiang et al., 2024): Mistral with sparse experts in every layer. <c>MixtralForCausalLM</c>.</summary>
internal static class Mixtral
{
    public static readonly Family Family = new("mixtral", Read, Write, Place) { Gguf = LlamaLike.Gguf };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "rope_scaling", "head_dim", "sliding_window", "num_local_experts");
        var experts = new ExpertSpec(config.Int("num_local_experts", 8), config.Int("num_experts_per_tok", 2), Normalized: true);
        int window = LlamaLike.Window(config);
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, theta: 1_000_000, epsilon: 1e-5,
            layer: (_, l) => l with { Window = window, Experts = experts }));
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = LlamaLike.Write(spec, "MixtralForCausalLM");
        LayerSpec first = ConfigKeys.First(spec);
        config["sliding_window"] = first.Window > 0 ? first.Window : null;
        config["num_local_experts"] = first.Experts?.Count;
        config["num_experts_per_tok"] = first.Experts?.PerToken;
        return config;
    }

    private static StoredWeight Place(TransformerSpec spec, string name) => new(name
        .Replace(".mlp.", ".block_sparse_moe.", StringComparison.Ordinal)
        .Replace(".gate_proj.", ".w1.", StringComparison.Ordinal)
        .Replace(".down_proj.", ".w2.", StringComparison.Ordinal)
        .Replace(".up_proj.", ".w3.", StringComparison.Ordinal));
}
