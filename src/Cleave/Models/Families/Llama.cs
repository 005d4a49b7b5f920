using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>
/// Llama 1 to 3.3 and what is built like them, such as SmolLM and TinyLlama: <c>LlamaForCausalLM</c>. Layers of different
/// widths are listed under <c>cleave.layers</c>; a uniform model needs nothing beyond the standard keys.
/// </summary>
public static class Llama
{
    public const string ModelType = "llama";

    internal static readonly Family Family = new(ModelType, Read, Write, LlamaLike.Place) { Gguf = LlamaLike.Gguf };

    /// <exception cref="ModelFileException">A key is missing, of the wrong type, or asks for what is not supported.</exception>
    public static TransformerSpec Read(JsonCursor config)
    {
        ArgumentNullException.ThrowIfNull(config);
        ConfigKeys.RefuseOthers(config, "attention_bias", "mlp_bias", "rope_scaling", "head_dim");
        return ConfigKeys.Checked(config, LlamaLike.Read(config, ModelType) with
        {
            Biases = LlamaLike.AttentionBias(config) | (config.Flag("mlp_bias", false) ? Biases.FeedForward : Biases.None),
        });
    }

    public static JsonObject Write(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        JsonObject config = LlamaLike.Write(spec, "LlamaForCausalLM");
        config["attention_bias"] = spec.Biases.HasFlag(Biases.AttentionOutput);
        config["mlp_bias"] = spec.Biases.HasFlag(Biases.FeedForward);
        return config;
    }
}
