using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>Qwen 3 with sparse experts. <c>Qwen3MoeForCausalLM</c>.</summary>
internal static class Qwen3Moe
{
    public static readonly Family Family = new("qwen3_moe", Read, Write, LlamaLike.Place)
    {
        Gguf = new("qwen3moe", (_, spec) => spec with { QueryKeyNorm = QueryKeyNorm.Head }) { Experts = true },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "attention_bias", "rope_scaling", "head_dim", "sliding_window", "use_sliding_window", "num_experts");
        Func<int, LayerSpec, LayerSpec> experts = Qwen2Moe.Experts(config, 128, 8, 768, 0);
        int window = config.Flag("use_sliding_window", false) ? config.Find("sliding_window")?.Positive() ?? 4096 : 0;
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, layer: (i, l) => experts(i, l) with { Window = window }) with
        {
            Biases = LlamaLike.AttentionBias(config),
            QueryKeyNorm = QueryKeyNorm.Head,
        });
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = LlamaLike.Write(spec, "Qwen3MoeForCausalLM");
        Qwen2Moe.WriteExperts(config, spec);
        config["attention_bias"] = spec.Biases.HasFlag(Biases.AttentionOutput);
        int window = ConfigKeys.First(spec).Window;
        config["use_sliding_window"] = window > 0;
        config["sliding_window"] = window > 0 ? window : null;
        return config;
    }
}
