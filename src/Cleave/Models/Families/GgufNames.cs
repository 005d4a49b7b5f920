using System.Globalization;

namespace Cleave.Models.Families;

/// <summary>Where a weight, named as in <see cref="WeightNames"/>, lies in a GGUF file: llama.cpp's names, one set for all families.</summary>
public static class GgufNames
{
    public static StoredWeight Place(TransformerSpec spec, string name)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(name);
        GgufFamily family = GgufFamily.Of(spec);
        string[] parts = name.Split('.');
        if (!name.StartsWith(WeightNames.Layers, StringComparison.Ordinal))
            return new StoredWeight($"{Outside(parts[^2])}.{parts[^1]}");
        LayerSpec l = spec.Layers[int.Parse(parts[2], CultureInfo.InvariantCulture)];
        int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize, f = l.FeedForwardWidth;
        StoredWeight In(string part) => new($"blk.{parts[2]}.{part}.{parts[^1]}");
        StoredWeight Joined(string part, int first, int rows) => In(part) with { First = first, FusedRows = rows };
        if (parts[4] == "experts")
        {
            int expert = int.Parse(parts[5], CultureInfo.InvariantCulture), rows = parts[^2] == "down_proj" ? spec.Width : f, count = l.Experts!.Count;
            return Joined(InLayer(parts) + "_exps", expert * rows, count * rows) with { Stacked = count };
        }
        return parts[^2] switch
        {
            "q_proj" when family.FusedAttention => Joined("attn_qkv", 0, q + 2 * kv),
            "k_proj" when family.FusedAttention => Joined("attn_qkv", q, q + 2 * kv),
            "v_proj" when family.FusedAttention => Joined("attn_qkv", q + kv, q + 2 * kv),
            "q_proj" or "k_proj" when family.NeighbourRotation => In(InLayer(parts)) with { Interleaved = l.HeadSize },
            "gate_proj" when family.FusedGate => Joined("ffn_up", 0, 2 * f),
            "up_proj" when family.FusedGate => Joined("ffn_up", f, 2 * f),
            _ => In(InLayer(parts) + (parts[4] == "shared_expert" ? "_shexp" : "")),
        };
    }

    private static string Outside(string part) => part switch
    {
        "embed_tokens" => "token_embd",
        "embed_positions" => "position_embd",
        "norm" => "output_norm",
        "lm_head" => "output",
        _ => throw new ArgumentException($"{part} is not a part of a model", nameof(part)),
    };

    private static string InLayer(string[] parts) => parts[^2] switch
    {
        "input_layernorm" => "attn_norm",
        "q_proj" => "attn_q",
        "k_proj" => "attn_k",
        "v_proj" => "attn_v",
        "q_norm" => "attn_q_norm",
        "k_norm" => "attn_k_norm",
        "o_proj" => "attn_output",
        "post_norm" => parts[^3] == "mlp" ? "post_ffw_norm" : "post_attention_norm",
        "post_attention_layernorm" => "ffn_norm",
        "gate_proj" => "ffn_gate",
        "up_proj" => "ffn_up",
        "down_proj" => "ffn_down",
        "gate" => "ffn_gate_inp",
        "shared_expert_gate" => "ffn_gate_inp_shexp",
        var part => throw new ArgumentException($"{part} is not a part of a layer", nameof(parts)),
    };
}
