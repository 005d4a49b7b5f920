using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>Qwen 2 and 2.5: Llama with biases of queries, keys and values, and windows in the upper layers. <c>Qwen2ForCausalLM</c>.</summary>
internal static class Qwen2
{
    public static readonly Family Family = new("qwen2", Read, spec => Write(spec, "Qwen2ForCausalLM"), LlamaLike.Place)
    {
        Gguf = new("qwen2", (_, spec) => spec) { SquareAttention = true, Biases = Biases.QueryKeyValue, NeededBiases = Biases.QueryKeyValue },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "rope_scaling", "head_dim", "sliding_window", "use_sliding_window", "layer_types");
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, layer: Windows(config)) with { Biases = Biases.QueryKeyValue });
    }

    /// <summary>Windows from layer <c>max_window_layers</c> up, or as <c>layer_types</c> says, if <c>use_sliding_window</c>.</summary>
    public static Func<int, LayerSpec, LayerSpec> Windows(JsonCursor config)
    {
        int window = config.Flag("use_sliding_window", false) ? config.Find("sliding_window")?.Positive() ?? 4096 : 0;
        int from = config.Int("max_window_layers", 28);
        Func<int, bool> sliding = ConfigKeys.Sliding(config, i => i >= from);
        return (i, l) => l with { Window = window > 0 && sliding(i) ? window : 0 };
    }

    public static JsonObject Write(TransformerSpec spec, string architecture)
    {
        JsonObject config = LlamaLike.Write(spec, architecture);
        int window = spec.Layers.Select(l => l.Window).FirstOrDefault(w => w > 0);
        config["use_sliding_window"] = window > 0;
        config["sliding_window"] = window > 0 ? window : null;
        if (window > 0)
            config["layer_types"] = ConfigKeys.LayerTypes(spec);
        return config;
    }
}
