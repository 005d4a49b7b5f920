using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>What the families that descend from Llama share: the keys of the widths and the names of the weights.</summary>
internal static class LlamaLike
{
    /// <summary>Llama, Mistral and Mixtral in GGUF, which tells them apart by their windows and experts. (llama.cpp computes no windows here.)</summary>
    public static readonly GgufFamily Gguf = new("llama", (_, spec) => spec with
    {
        Family = spec.Layers.Any(l => l.Experts is not null) ? "mixtral" : spec.Layers.Any(l => l.Window > 0) ? "mistral" : "llama",
    })
    {
        NeighbourRotation = true,
        RotaryTensors = RotaryTensors.Frequencies | RotaryTensors.Factors,
        WindowPeriod = 0,
        Experts = true,
        Biases = Biases.All,
    };

    /// <summary>The keys that all of them have.</summary>
    /// <param name="theta">The family's default of <c>rope_theta</c>.</param>
    /// <param name="tied">Its default of <c>tie_word_embeddings</c>.</param>
    /// <param name="headSize">Its default of <c>head_dim</c>, or null for C / H.</param>
    /// <param name="layer">What a family adds to a layer, given its index.</param>
    public static TransformerSpec Read(JsonCursor config, string family, double theta = 10_000, double epsilon = 1e-6, bool tied = false,
        int? headSize = null, string activationKey = "hidden_act", string activation = "silu", Func<int, LayerSpec, LayerSpec>? layer = null, string? rotaryScope = null)
    {
        int width = config["hidden_size"].Positive(), heads = config["num_attention_heads"].Positive();
        int kvHeads = config.Find("num_key_value_heads")?.Positive() ?? heads;
        int size = config.Find("head_dim")?.Positive() ?? headSize ?? Math.Max(1, width / heads);
        var uniform = new LayerSpec(heads, kvHeads, size, config["intermediate_size"].Positive());
        var spec = new TransformerSpec
        {
            Family = family,
            VocabularySize = config["vocab_size"].Positive(),
            Width = width,
            ContextLength = config["max_position_embeddings"].Positive(),
            Layers = ConfigKeys.Layers(config, "num_hidden_layers", i => layer?.Invoke(i, uniform) ?? uniform),
            NormEpsilon = (float)config.Number("rms_norm_eps", epsilon),
            Activation = ConfigKeys.Activation(config, activationKey, activation),
            TiedEmbeddings = config.Flag("tie_word_embeddings", tied),
        };
        return RotaryKeys.Read(config, spec, theta, scope: rotaryScope);
    }

    /// <summary>The config of <see cref="Read"/>.</summary>
    public static JsonObject Write(TransformerSpec spec, string architecture, string activationKey = "hidden_act")
    {
        ArgumentNullException.ThrowIfNull(spec);
        LayerSpec first = spec.Layers.FirstOrDefault(l => l.Experts is null) ?? ConfigKeys.First(spec);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture),
            ["model_type"] = spec.Family,
            ["vocab_size"] = spec.VocabularySize,
            ["hidden_size"] = spec.Width,
            ["intermediate_size"] = first.FeedForwardWidth,
            ["num_hidden_layers"] = spec.Layers.Count,
            ["num_attention_heads"] = ConfigKeys.First(spec).Heads,
            ["num_key_value_heads"] = ConfigKeys.First(spec).KeyValueHeads,
            ["head_dim"] = first.HeadSize,
            ["max_position_embeddings"] = spec.ContextLength,
            ["rms_norm_eps"] = ConfigKeys.Shortest(spec.NormEpsilon),
            ["tie_word_embeddings"] = spec.TiedEmbeddings,
            [activationKey] = ConfigKeys.Name(spec.Activation),
        };
        RotaryKeys.Write(config, spec);
        ConfigKeys.WriteLayers(config, spec);
        return config;
    }

    /// <summary>Biases of queries, keys, values and the attention's output together, under <c>attention_bias</c>.</summary>
    public static Biases AttentionBias(JsonCursor config) =>
        config.Flag("attention_bias", false) ? Biases.QueryKeyValue | Biases.AttentionOutput : Biases.None;

    /// <summary>A window of every layer under <c>sliding_window</c>.</summary>
    public static int Window(JsonCursor config) => config.Find("sliding_window")?.Positive() ?? 0;

    /// <summary>The names as they are.</summary>
    public static StoredWeight Place(TransformerSpec spec, string name) => new(name);
}
