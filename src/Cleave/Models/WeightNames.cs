namespace Cleave.Models;

/// <summary>
/// The names of a transformer's weights: those of Llama's Hugging Face files, continued in their manner for what Llama has
/// not. A family whose files have other names maps these to them.
/// </summary>
public static class WeightNames
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string Positions = "model.embed_positions.weight";
    public const string TokenTypes = "model.embed_token_types.weight";
    public const string EmbeddingNorm = "model.embed_norm.weight";
    public const string FinalNorm = "model.norm.weight";
    public const string Output = "lm_head.weight";
    public const string MaskedDense = "lm_head.dense.weight";
    public const string MaskedNorm = "lm_head.norm.weight";
    public const string Pooler = "model.pooler.weight";
    public const string RelativeBias = "model.relative_bias.weight";

    /// <summary>What the names of an encoder's weights begin with where it belongs to a decoder; its token table is the decoder's.</summary>
    internal const string EncoderPrefix = "encoder.";

    internal const string GatePart = ".gate_proj.weight", UpPart = ".up_proj.weight", DownPart = ".down_proj.weight";

    public static string AttentionNorm(int layer) => $"{Layer(layer)}.input_layernorm.weight";
    public static string Query(int layer) => $"{Layer(layer)}.self_attn.q_proj.weight";
    public static string Key(int layer) => $"{Layer(layer)}.self_attn.k_proj.weight";
    public static string Value(int layer) => $"{Layer(layer)}.self_attn.v_proj.weight";
    public static string AttentionOutput(int layer) => $"{Layer(layer)}.self_attn.o_proj.weight";
    public static string QueryNorm(int layer) => $"{Layer(layer)}.self_attn.q_norm.weight";
    public static string KeyNorm(int layer) => $"{Layer(layer)}.self_attn.k_norm.weight";
    public static string AttentionPostNorm(int layer) => $"{Layer(layer)}.self_attn.post_norm.weight";
    public static string CrossNorm(int layer) => $"{Layer(layer)}.cross_attn_layernorm.weight";
    public static string CrossQuery(int layer) => $"{Layer(layer)}.cross_attn.q_proj.weight";
    public static string CrossKey(int layer) => $"{Layer(layer)}.cross_attn.k_proj.weight";
    public static string CrossValue(int layer) => $"{Layer(layer)}.cross_attn.v_proj.weight";
    public static string CrossOutput(int layer) => $"{Layer(layer)}.cross_attn.o_proj.weight";
    public static string FeedForwardNorm(int layer) => $"{Layer(layer)}.post_attention_layernorm.weight";
    public static string FeedForwardPostNorm(int layer) => $"{Layer(layer)}.mlp.post_norm.weight";

    /// <summary>What the names of a feed-forward network's matrices begin with.</summary>
    public static string FeedForward(int layer) => $"{Layer(layer)}.mlp";

    public static string Gate(int layer) => FeedForward(layer) + GatePart;
    public static string Up(int layer) => FeedForward(layer) + UpPart;
    public static string Down(int layer) => FeedForward(layer) + DownPart;
    public static string Router(int layer) => $"{Layer(layer)}.mlp.gate.weight";
    public static string Expert(int layer, int expert) => $"{Layer(layer)}.mlp.experts.{expert}";
    public static string SharedExpert(int layer) => $"{Layer(layer)}.mlp.shared_expert";
    public static string SharedExpertGate(int layer) => $"{Layer(layer)}.mlp.shared_expert_gate.weight";
    public static string Head(string task) => $"heads.{task}.weight";
    public static string HeadBias(string task) => $"heads.{task}.bias";

    /// <summary>The bias that belongs to a weight.</summary>
    public static string BiasOf(string weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        return weight[..^"weight".Length] + "bias";
    }

    /// <summary>What the names of a layer's weights begin with.</summary>
    internal static string Layer(int layer) => $"{Layers}{layer}";

    internal const string Layers = "model.layers.";

    /// <summary>Whether a weight belongs to a layer, of an encoder–decoder to one of either stack.</summary>
    internal static bool IsOfLayer(string weight) => OfStack(weight).StartsWith(Layers, StringComparison.Ordinal);

    /// <summary>Whether a weight belongs to the encoder of an encoder–decoder.</summary>
    internal static bool IsOfEncoder(string weight) => weight.StartsWith(EncoderPrefix, StringComparison.Ordinal);

    /// <summary>A weight's name as its own stack calls it.</summary>
    internal static string OfStack(string weight) => IsOfEncoder(weight) ? weight[EncoderPrefix.Length..] : weight;
}
