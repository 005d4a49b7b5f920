using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>OLMo 2 (OLMo Team, 2024): Llama with norms behind, and norms of all query and all key heads together. <c>Olmo2ForCausalLM</c>.</summary>
internal static class Olmo2
{
    public static readonly Family Family = new("olmo2", Read, Write, Place)
    {
        Gguf = new("olmo2", (_, spec) => spec with { NormPlace = NormPlace.After, QueryKeyNorm = QueryKeyNorm.Whole }) { SquareAttention = true, OutputMatrix = true },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "attention_bias", "rope_scaling", "head_dim");
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, epsilon: 1e-5) with
        {
            NormPlace = NormPlace.After,
            QueryKeyNorm = QueryKeyNorm.Whole,
            Biases = LlamaLike.AttentionBias(config),
        });
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = LlamaLike.Write(spec, "Olmo2ForCausalLM");
        config["attention_bias"] = spec.Biases.HasFlag(Biases.AttentionOutput);
        return config;
    }

    private static StoredWeight Place(TransformerSpec spec, string name) => new(name
        .Replace(".self_attn.post_norm.", ".post_attention_layernorm.", StringComparison.Ordinal)
        .Replace(".mlp.post_norm.", ".post_feedforward_layernorm.", StringComparison.Ordinal));
}
