using System.Text.Json.Nodes;
using Cleave.Formats.Gguf;
using Cleave.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>
/// Gemma 2 (Gemma Team, 2024): norms before and behind, stored as w − 1; capped scores and logits; a window in every other
/// layer; embeddings times √C. <c>Gemma2ForCausalLM</c>.
/// </summary>
internal static class Gemma2
{
    public static readonly Family Family = new("gemma2", Read, spec => Write(spec, "Gemma2ForCausalLM"), Place)
    {
        Gguf = new("gemma2", (keys, spec) => InGguf(spec, 46) with
        {
            AttentionSoftCap = (float)keys.Number(Caps.Attention, 50),
            LogitSoftCap = (float)keys.Number(Caps.Logits, 30),
        })
        {
            Write = WriteCaps,
            WindowPeriod = 2,
            DefaultWindow = 4096,
            OutputMatrix = false,
        },
    };

    private static (string Attention, string Logits) Caps => ("attn_logit_softcapping", "final_logit_softcapping");

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "attention_bias", "attn_logit_softcapping", "final_logit_softcapping", "sliding_window", "head_dim", "layer_types", "rope_scaling");
        Func<int, bool> sliding = ConfigKeys.Sliding(config, i => i % 2 == 0);
        int window = config.Find("sliding_window")?.Positive() ?? 4096;
        TransformerSpec spec = LlamaLike.Read(config, Family.ModelType, tied: true, headSize: 256, activationKey: "hidden_activation",
            activation: "gelu_pytorch_tanh", layer: (i, l) => l with { Window = sliding(i) ? window : 0 });
        return ConfigKeys.Checked(config, Common(config, spec, attentionCap: 50, logitCap: 30));
    }

    /// <summary>What Gemma 2 and 3 share.</summary>
    public static TransformerSpec Common(JsonCursor config, TransformerSpec spec, double? attentionCap, double? logitCap) => spec with
    {
        NormPlace = NormPlace.Both,
        EmbeddingScale = MathF.Sqrt(spec.Width),
        QueryScale = (float)(1 / Math.Sqrt(config.Number("query_pre_attn_scalar", 256))),
        AttentionSoftCap = (float)(config.Optional("attn_logit_softcapping", attentionCap) ?? 0),
        LogitSoftCap = (float)(config.Optional("final_logit_softcapping", logitCap) ?? 0),
        Biases = LlamaLike.AttentionBias(config),
    };

    /// <summary>What GGUF files of Gemma 2 and 3 imply.</summary>
    /// <param name="wideLayers">The number of layers that tells the model whose queries are scaled by C / H instead of D.</param>
    public static TransformerSpec InGguf(TransformerSpec spec, int wideLayers) => spec with
    {
        NormPlace = NormPlace.Both,
        EmbeddingScale = MathF.Sqrt(spec.Width),
        Activation = Activation.GeluTanh,
        QueryScale = (float)(1 / Math.Sqrt(spec.Layers.Count == wideLayers ? spec.Width / spec.Layers[0].Heads : spec.Layers[0].HeadSize)),
    };

    public static IEnumerable<GgufKey> WriteCaps(TransformerSpec spec)
    {
        if (spec.AttentionSoftCap > 0)
            yield return new GgufKey(Caps.Attention, spec.AttentionSoftCap);
        if (spec.LogitSoftCap > 0)
            yield return new GgufKey(Caps.Logits, spec.LogitSoftCap);
    }

    public static JsonObject Write(TransformerSpec spec, string architecture)
    {
        JsonObject config = LlamaLike.Write(spec, architecture, "hidden_activation");
        config["query_pre_attn_scalar"] = Math.Round(1 / ((double)spec.QueryScale * spec.QueryScale), 3);
        config["attn_logit_softcapping"] = spec.AttentionSoftCap > 0 ? ConfigKeys.Shortest(spec.AttentionSoftCap) : null;
        config["final_logit_softcapping"] = spec.LogitSoftCap > 0 ? ConfigKeys.Shortest(spec.LogitSoftCap) : null;
        config["attention_bias"] = spec.Biases.HasFlag(Biases.AttentionOutput);
        if (spec.Layers.Select(l => l.Window).FirstOrDefault(w => w > 0) is var window and > 0)
            config["sliding_window"] = window;
        config["layer_types"] = ConfigKeys.LayerTypes(spec);
        return config;
    }

    /// <summary>Four norms a layer; all norms are stored as w − 1.</summary>
    public static StoredWeight Place(TransformerSpec spec, string name)
    {
        string stored = name
            .Replace(".post_attention_layernorm.", ".pre_feedforward_layernorm.", StringComparison.Ordinal)
            .Replace(".self_attn.post_norm.", ".post_attention_layernorm.", StringComparison.Ordinal)
            .Replace(".mlp.post_norm.", ".post_feedforward_layernorm.", StringComparison.Ordinal);
        return new StoredWeight(stored) { Offset = stored.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0 };
    }
}
