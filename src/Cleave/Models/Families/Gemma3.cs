using System.Text.Json.Nodes;
using Cleave.Formats.Gguf;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>
/// The text models of Gemma 3 (Gemma Team, 2025): Gemma 2 without caps, with norms of query and key heads, five layers with
/// a window for each without, and a rotary base of their own for the former. <c>Gemma3ForCausalLM</c>.
/// </summary>
internal static class Gemma3
{
    private const string Local = "sliding_attention";

    public static readonly Family Family = new("gemma3_text", Read, Write, Gemma2.Place)
    {
        Gguf = new("gemma3", (keys, spec) => Gemma2.InGguf(spec, 62) with
        {
            QueryKeyNorm = QueryKeyNorm.Head,
            LocalRotaryBase = keys.Number("rope.freq_base_swa", 10_000),
            LogitSoftCap = (float)keys.Number("final_logit_softcapping", 0),
        })
        {
            Write = spec => [.. Gemma2.WriteCaps(spec), new GgufKey("rope.freq_base_swa", (float)(spec.LocalRotaryBase ?? spec.RotaryBase))],
            WindowPeriod = 6,
        },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "attention_bias", "attn_logit_softcapping", "final_logit_softcapping", "sliding_window", "head_dim", "layer_types", "rope_scaling");
        int pattern = config.Find("sliding_window_pattern")?.Positive() ?? config.Find("_sliding_window_pattern")?.Positive() ?? 6;
        Func<int, bool> sliding = ConfigKeys.Sliding(config, i => (i + 1) % pattern != 0);
        int window = config.Find("sliding_window")?.Positive() ?? 4096;
        JsonCursor? local = config.Find("rope_parameters")?.Find(Local);
        if (local is not null && local.Text("rope_type", "default") != "default")
            throw local["rope_type"].Error("scaled positions in layers with a window are not supported; use a model without them");
        TransformerSpec spec = LlamaLike.Read(config, Family.ModelType, theta: 1_000_000, tied: true, headSize: 256, activationKey: "hidden_activation",
            activation: "gelu_pytorch_tanh", layer: (i, l) => l with { Window = sliding(i) ? window : 0 }, rotaryScope: "full_attention");
        return ConfigKeys.Checked(config, Gemma2.Common(config, spec, attentionCap: null, logitCap: null) with
        {
            QueryKeyNorm = QueryKeyNorm.Head,
            LocalRotaryBase = local?.Number("rope_theta", 10_000) ?? config.Number("rope_local_base_freq", 10_000),
        });
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = Gemma2.Write(spec, "Gemma3ForCausalLM");
        config["rope_local_base_freq"] = spec.LocalRotaryBase;
        return config;
    }
}
