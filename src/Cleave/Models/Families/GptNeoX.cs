using System.Text.Json.Nodes;
using Cleave.Formats.Gguf;
using Cleave.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>
/// GPT-NeoX (Black et al., 2022), of which Pythia is: attention and network side by side, partial rotation, layer norms,
/// biases; queries, keys and values lie head by head in one matrix. <c>GPTNeoXForCausalLM</c>.
/// </summary>
internal static class GptNeoX
{
    public static readonly Family Family = new("gpt_neox", Read, Write, Place, "gpt_neox.")
    {
        Gguf = new("gptneox", (keys, spec) => spec with
        {
            Norm = NormKind.Layer,
            ParallelResidual = keys.Flag("use_parallel_residual", true),
            Activation = Activation.Gelu,
            Gated = false,
        })
        {
            Write = spec => [new GgufKey("use_parallel_residual", spec.ParallelResidual)],
            FusedAttention = true,
            SquareAttention = true,
            PartialRotation = true,
            Biases = Biases.All,
            NeededBiases = Biases.All,
            OutputMatrix = true,
        },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "attention_bias", "rope_scaling", "partial_rotary_factor");
        int width = config["hidden_size"].Positive(), heads = config["num_attention_heads"].Positive(), size = ConfigKeys.HeadSize(config, width, heads);
        var layer = new LayerSpec(heads, heads, size, config["intermediate_size"].Positive());
        var spec = new TransformerSpec
        {
            Family = Family.ModelType,
            VocabularySize = config["vocab_size"].Positive(),
            Width = width,
            ContextLength = config["max_position_embeddings"].Positive(),
            Layers = ConfigKeys.Layers(config, "num_hidden_layers", _ => layer),
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Number("layer_norm_eps", 1e-5),
            ParallelResidual = config.Flag("use_parallel_residual", true),
            Activation = ConfigKeys.Activation(config, "hidden_act", "gelu"),
            Gated = false,
            Biases = config.Flag("attention_bias", true) ? Biases.All : Biases.FeedForward,
            TiedEmbeddings = config.Flag("tie_word_embeddings", false),
        };
        return ConfigKeys.Checked(config, RotaryKeys.Read(config, spec, 10_000, "rotary_emb_base", "rotary_pct", 0.25));
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        LayerSpec first = ConfigKeys.First(spec);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("GPTNeoXForCausalLM"),
            ["model_type"] = Family.ModelType,
            ["vocab_size"] = spec.VocabularySize,
            ["hidden_size"] = spec.Width,
            ["intermediate_size"] = first.FeedForwardWidth,
            ["num_hidden_layers"] = spec.Layers.Count,
            ["num_attention_heads"] = first.Heads,
            ["max_position_embeddings"] = spec.ContextLength,
            ["layer_norm_eps"] = ConfigKeys.Shortest(spec.NormEpsilon),
            ["use_parallel_residual"] = spec.ParallelResidual,
            ["hidden_act"] = ConfigKeys.Name(spec.Activation),
            ["attention_bias"] = spec.Biases.HasFlag(Biases.QueryKeyValue),
            ["tie_word_embeddings"] = spec.TiedEmbeddings,
            ["rotary_pct"] = (double)(spec.RotarySize ?? first.HeadSize) / first.HeadSize,
        };
        RotaryKeys.Write(config, spec, "rotary_emb_base");
        ConfigKeys.WriteHeadSize(config, spec);
        ConfigKeys.WriteLayers(config, spec);
        return config;
    }

    private static StoredWeight Place(TransformerSpec spec, string name)
    {
        string[] parts = name.Split('.');
        if (parts[0] == "lm_head")
            return new StoredWeight("embed_out.weight");
        if (!name.StartsWith(WeightNames.Layers, StringComparison.Ordinal))
            return new StoredWeight($"gpt_neox.{(parts[1] == "embed_tokens" ? "embed_in" : "final_layer_norm")}.{parts[^1]}");
        LayerSpec l = spec.Layers[int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture)];
        StoredWeight In(string part) => new($"gpt_neox.layers.{parts[2]}.{part}.{parts[^1]}");
        StoredWeight Head(int index) => In("attention.query_key_value") with
        {
            FusedRows = 3 * l.Heads * l.HeadSize,
            First = index * l.HeadSize,
            Together = l.HeadSize,
            Stride = 3 * l.HeadSize,
        };
        return parts[^2] switch
        {
            "q_proj" => Head(0),
            "k_proj" => Head(1),
            "v_proj" => Head(2),
            "o_proj" => In("attention.dense"),
            "up_proj" => In("mlp.dense_h_to_4h"),
            "down_proj" => In("mlp.dense_4h_to_h"),
            var norm => In(norm),
        };
    }
}
