using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>Qwen 3: Llama with norms of every query and key head. <c>Qwen3ForCausalLM</c>.</summary>
internal static class Qwen3
{
    public static readonly Family Family = new("qwen3", Read, Write, LlamaLike.Place)
    {
        Gguf = new("qwen3", (_, spec) => spec with { QueryKeyNorm = QueryKeyNorm.Head }),
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "attention_bias", "rope_scaling", "head_dim", "sliding_window", "use_sliding_window", "layer_types");
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, headSize: 128, layer: Qwen2.Windows(config)) with
        {
            Biases = LlamaLike.AttentionBias(config),
            QueryKeyNorm = QueryKeyNorm.Head,
        });
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = Qwen2.Write(spec, "Qwen3ForCausalLM");
        config["attention_bias"] = spec.Biases.HasFlag(Biases.AttentionOutput);
        return config;
    }
}
