using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>Mistral: Llama with a window in every layer (Jiang et al., 2023). <c>MistralForCausalLM</c>.</summary>
internal static class Mistral
{
    public static readonly Family Family = new("mistral", Read, Write, LlamaLike.Place) { Gguf = LlamaLike.Gguf };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "rope_scaling", "head_dim", "sliding_window");
        int window = LlamaLike.Window(config);
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, layer: (_, l) => l with { Window = window }));
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = LlamaLike.Write(spec, "MistralForCausalLM");
        config["sliding_window"] = ConfigKeys.First(spec).Window is var window and > 0 ? window : null;
        return config;
    }
}
