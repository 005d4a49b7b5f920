using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>
/// Phi 3 and 4 (Abdin et al., 2024): Llama with queries, keys and values in one matrix, gate and up in another, LongRoPE and
/// partial rotation. <c>Phi3ForCausalLM</c>.
/// </summary>
internal static class Phi3
{
    public static readonly Family Family = new("phi3", Read, Write, Place)
    {
        // (llama.cpp computes no windows here.)
        Gguf = new("phi3", (_, spec) => spec)
        {
            FusedAttention = true,
            FusedGate = true,
            SquareAttention = true,
            PartialRotation = true,
            RotaryTensors = RotaryTensors.Factors,
            WindowPeriod = 0,
        },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "rope_scaling", "partial_rotary_factor", "head_dim", "sliding_window");
        int window = LlamaLike.Window(config);
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, epsilon: 1e-5, layer: (_, l) => l with { Window = window }));
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = LlamaLike.Write(spec, "Phi3ForCausalLM");
        LayerSpec first = ConfigKeys.First(spec);
        config["sliding_window"] = first.Window > 0 ? first.Window : null;
        config["partial_rotary_factor"] = (double)(spec.RotarySize ?? first.HeadSize) / first.HeadSize;
        if (!config.ContainsKey("original_max_position_embeddings"))
            config["original_max_position_embeddings"] = spec.ContextLength;
        return config;
    }

    private static StoredWeight Place(TransformerSpec spec, string name)
    {
        if (!name.StartsWith(WeightNames.Layers, StringComparison.Ordinal))
            return new StoredWeight(name);
        string[] parts = name.Split('.');
        LayerSpec l = spec.Layers[int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture)];
        int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize, f = l.FeedForwardWidth;
        StoredWeight Part(string fused, int first, int rows) =>
            new(string.Join('.', [.. parts[..^2], fused, parts[^1]])) { First = first, FusedRows = rows };
        return parts[^2] switch
        {
            "q_proj" => Part("qkv_proj", 0, q + 2 * kv),
            "k_proj" => Part("qkv_proj", q, q + 2 * kv),
            "v_proj" => Part("qkv_proj", q + kv, q + 2 * kv),
            "gate_proj" => Part("gate_up_proj", 0, 2 * f),
            "up_proj" => Part("gate_up_proj", f, 2 * f),
            _ => new StoredWeight(name),
        };
    }
}
