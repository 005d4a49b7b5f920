using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>
/// GPT-2 (Radford et al., 2019): learned positions, layer norms, a plain GELU network, biases everywhere; its matrices are
/// stored (inputs, outputs), queries, keys and values in one. <c>GPT2LMHeadModel</c>.
/// </summary>
internal static class Gpt2
{
    public static readonly Family Family = new("gpt2", Read, Write, Place, "transformer.")
    {
        Gguf = new("gpt2", (_, spec) => spec with
        {
            Norm = NormKind.Layer,
            Position = PositionKind.Learned,
            Activation = Activation.GeluTanh,
            Gated = false,
        })
        {
            FusedAttention = true,
            SquareAttention = true,
            Biases = Biases.All,
            NeededBiases = Biases.All,
        },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config);
        int width = config["n_embd"].Positive(), heads = config["n_head"].Positive(), size = ConfigKeys.HeadSize(config, width, heads);
        var layer = new LayerSpec(heads, heads, size, config.Find("n_inner")?.Positive() ?? 4 * width);
        return ConfigKeys.Checked(config, new TransformerSpec
        {
            Family = Family.ModelType,
            VocabularySize = config["vocab_size"].Positive(),
            Width = width,
            ContextLength = config["n_positions"].Positive(),
            Layers = ConfigKeys.Layers(config, "n_layer", _ => layer),
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Number("layer_norm_epsilon", 1e-5),
            Position = PositionKind.Learned,
            Activation = ConfigKeys.Activation(config, "activation_function", "gelu_new"),
            Gated = false,
            Biases = Biases.All,
            TiedEmbeddings = config.Flag("tie_word_embeddings", true),
        });
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        LayerSpec first = ConfigKeys.First(spec);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("GPT2LMHeadModel"),
            ["model_type"] = Family.ModelType,
            ["vocab_size"] = spec.VocabularySize,
            ["n_embd"] = spec.Width,
            ["n_layer"] = spec.Layers.Count,
            ["n_head"] = first.Heads,
            ["n_inner"] = first.FeedForwardWidth,
            ["n_positions"] = spec.ContextLength,
            ["layer_norm_epsilon"] = ConfigKeys.Shortest(spec.NormEpsilon),
            ["activation_function"] = spec.Activation == Activation.GeluTanh ? "gelu_new" : ConfigKeys.Name(spec.Activation),
            ["tie_word_embeddings"] = spec.TiedEmbeddings,
        };
        ConfigKeys.WriteHeadSize(config, spec);
        ConfigKeys.WriteLayers(config, spec);
        return config;
    }

    private static StoredWeight Place(TransformerSpec spec, string name)
    {
        string[] parts = name.Split('.');
        if (parts[0] == "lm_head")
            return new StoredWeight(name);
        if (!name.StartsWith(WeightNames.Layers, StringComparison.Ordinal))
            return new StoredWeight($"transformer.{(parts[1] switch { "embed_tokens" => "wte", "embed_positions" => "wpe", _ => "ln_f" })}.{parts[^1]}");
        LayerSpec l = spec.Layers[int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture)];
        int width = l.Heads * l.HeadSize;
        StoredWeight In(string part, int first = 0, int rows = 0) =>
            new($"transformer.h.{parts[2]}.{part}.{parts[^1]}") { First = first, FusedRows = rows, Transposed = parts[^1] == "weight" && part.Contains(".c_", StringComparison.Ordinal) };
        return parts[^2] switch
        {
            "input_layernorm" => In("ln_1"),
            "post_attention_layernorm" => In("ln_2"),
            "q_proj" => In("attn.c_attn", 0, 3 * width),
            "k_proj" => In("attn.c_attn", width, 3 * width),
            "v_proj" => In("attn.c_attn", 2 * width, 3 * width),
            "o_proj" => In("attn.c_proj"),
            "up_proj" => In("mlp.c_fc"),
            _ => In("mlp.c_proj"),
        };
    }
}
