using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>
/// Llama-shaped decoders in the Hugging Face layout (config.json of <c>LlamaForCausalLM</c>). Layers of different
/// widths are listed under <c>cleave.layers</c>; a uniform model needs nothing beyond the standard keys.
/// </summary>
public static class Llama
{
    public const string ModelType = "llama";

    /// <exception cref="ModelFileException">A key is missing, of the wrong type, or asks for what is not supported.</exception>
    public static TransformerSpec Read(JsonCursor config)
    {
        ArgumentNullException.ThrowIfNull(config);
        int width = config["hidden_size"].Positive(), heads = config["num_attention_heads"].Positive();
        int kvHeads = config.Find("num_key_value_heads")?.Positive() ?? heads;
        int headSize = config.Find("head_dim")?.Positive() ?? width / heads;
        Refuse(config, "hidden_act", "silu");
        if (config.Find("rope_scaling") is { } scaling)
            throw scaling.Error("scaled rotary positions are not supported; use a model without rope_scaling");
        foreach (string bias in (string[])["attention_bias", "mlp_bias"])
        {
            if (config.Flag(bias, false))
                throw config[bias].Error("biases are not supported in this family");
        }
        var layers = Enumerable.Repeat(new LayerSpec(heads, kvHeads, headSize, config["intermediate_size"].Positive()),
            config["num_hidden_layers"].Int(0, 10_000)).ToList();
        if (config.Find("cleave")?.Find("layers") is { } list)
            layers = [.. list.Items().Select(l => new LayerSpec(l["heads"].Positive(), l["key_value_heads"].Positive(), headSize, l["feed_forward"].Positive()))];
        var spec = new TransformerSpec
        {
            VocabularySize = config["vocab_size"].Positive(),
            Width = width,
            ContextLength = config["max_position_embeddings"].Positive(),
            Layers = layers,
            NormEpsilon = (float)config.Number("rms_norm_eps", 1e-6),
            RotaryBase = config.Number("rope_theta", 10_000),
            TiedEmbeddings = config.Flag("tie_word_embeddings", false),
        };
        return spec.Problem() is { } problem ? throw config.Error(problem) : spec;
    }

    public static JsonObject Write(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        LayerSpec first = spec.Layers.Count > 0 ? spec.Layers[0] : new LayerSpec(1, 1, spec.Width, spec.Width);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = ModelType,
            ["vocab_size"] = spec.VocabularySize,
            ["hidden_size"] = spec.Width,
            ["intermediate_size"] = first.FeedForwardWidth,
            ["num_hidden_layers"] = spec.Layers.Count,
            ["num_attention_heads"] = first.Heads,
            ["num_key_value_heads"] = first.KeyValueHeads,
            ["head_dim"] = first.HeadSize,
            ["max_position_embeddings"] = spec.ContextLength,
            ["rms_norm_eps"] = (double)(decimal)spec.NormEpsilon,
            ["rope_theta"] = spec.RotaryBase,
            ["tie_word_embeddings"] = spec.TiedEmbeddings,
            ["hidden_act"] = "silu",
            ["attention_bias"] = false,
            ["mlp_bias"] = false,
        };
        if (spec.Layers.Any(l => l != first))
        {
            config["cleave"] = new JsonObject
            {
                ["layers"] = new JsonArray([.. spec.Layers.Select(l => (JsonNode)new JsonObject
                {
                    ["heads"] = l.Heads,
                    ["key_value_heads"] = l.KeyValueHeads,
                    ["feed_forward"] = l.FeedForwardWidth,
                })]),
            };
        }
        return config;
    }

    private static void Refuse(JsonCursor config, string key, string only)
    {
        if (config.Find(key) is { } value && value.Text() != only)
            throw value.Error($"only '{only}' is supported");
    }
}
