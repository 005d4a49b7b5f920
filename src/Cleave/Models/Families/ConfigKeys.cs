using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>What the families' config files have in common.</summary>
internal static class ConfigKeys
{
    private const string LayerList = "layers";
    private const string FullAttention = "full_attention", SlidingAttention = "sliding_attention";

    // Keys that change results, with the values that change nothing. A family names those that it understands.
    private static readonly (string Key, string[] Neutral)[] Decisive =
    [
        ("attention_bias", ["false"]), ("mlp_bias", ["false"]), ("rope_scaling", []), ("partial_rotary_factor", ["1", "1.0"]),
        ("sliding_window", []), ("use_sliding_window", ["false"]), ("attn_logit_softcapping", []), ("final_logit_softcapping", []),
        ("clip_qkv", []), ("rope_interleaved", ["false"]), ("no_rope_layers", []), ("residual_multiplier", ["1", "1.0"]),
        ("embedding_multiplier", ["1", "1.0"]), ("logits_scaling", ["1", "1.0"]), ("attention_multiplier", []), ("alibi", ["false"]),
        ("add_cross_attention", ["false"]), ("scale_attn_by_inverse_layer_idx", ["false"]), ("scale_attn_weights", ["true"]),
        ("use_bidirectional_attention", ["false"]), ("is_encoder_decoder", ["false"]), ("num_experts", ["0"]), ("num_local_experts", ["0"]),
        ("use_qk_norm", ["false"]), ("shared_expert_intermediate_size", ["0"]), ("head_dim", []), ("layer_types", []),
    ];

    /// <summary>Refuses by name every decisive key, other than those that are <paramref name="understood"/>, that is set to a value that matters.</summary>
    public static void RefuseOthers(JsonCursor config, params string[] understood)
    {
        foreach ((string key, string[] neutral) in Decisive)
        {
            if (!understood.Contains(key) && config.Find(key) is { } value && !neutral.Contains(value.Element.GetRawText()))
                throw value.Error($"is {value.Element.GetRawText().ReplaceLineEndings(" ")}, which is not supported in this family; use a model without it");
        }
        if (config.Find("quantization_config") is { } quantization && quantization.Text("quant_method", "") != "compressed-tensors")
            throw quantization.Error("only matrices quantized to 8 bits as Cleave writes them are supported; use the model without quantization");
    }

    /// <summary>A number, null where the key is JSON null, and the default where it is missing.</summary>
    public static double? Optional(this JsonCursor config, string key, double? otherwise) =>
        !config.Element.TryGetProperty(key, out JsonElement value) ? otherwise : value.ValueKind == JsonValueKind.Null ? null : config[key].Number();

    public static Activation Activation(JsonCursor config, string key, string otherwise)
    {
        string name = config.Text(key, otherwise);
        return name switch
        {
            "silu" or "swish" => Numerics.Kernels.Activation.Silu,
            "gelu" => Numerics.Kernels.Activation.Gelu,
            "gelu_new" or "gelu_pytorch_tanh" => Numerics.Kernels.Activation.GeluTanh,
            "relu" => Numerics.Kernels.Activation.Relu,
            _ => throw config[key].Error($"'{name}' is not supported; use a model with silu, gelu, gelu_new, gelu_pytorch_tanh or relu"),
        };
    }

    public static string Name(Activation activation) => activation switch
    {
        Numerics.Kernels.Activation.Silu => "silu",
        Numerics.Kernels.Activation.Gelu => "gelu",
        Numerics.Kernels.Activation.Relu => "relu",
        _ => "gelu_pytorch_tanh",
    };

    /// <summary>Layers all alike, or as <c>cleave.layers</c> lists them where they have been pruned.</summary>
    /// <param name="listKey">The list's name where a model has two stacks.</param>
    public static IReadOnlyList<LayerSpec> Layers(JsonCursor config, string countKey, Func<int, LayerSpec> layer, string listKey = LayerList)
    {
        LayerSpec[] layers = [.. Enumerable.Range(0, config[countKey].Int(0, 10_000)).Select(layer)];
        if (config.Find("cleave")?.Find(listKey) is not { } list)
            return layers;
        JsonCursor[] items = [.. list.Items()];
        if (items.Length != layers.Length)
            throw list.Error($"lists {items.Length} layers, but {countKey} is {layers.Length}");
        return [.. layers.Zip(items, (l, j) => l with
        {
            Heads = j["heads"].Positive(), KeyValueHeads = j["key_value_heads"].Positive(), FeedForwardWidth = j["feed_forward"].Positive(),
        })];
    }

    /// <summary>Lists the layers' widths unless they are all alike, those with experts and those without each for themselves.</summary>
    /// <param name="like">What the config's other keys say of a layer, where that may not be this stack's first.</param>
    public static void WriteLayers(JsonObject config, TransformerSpec spec, string listKey = LayerList, LayerSpec? like = null)
    {
        IEnumerable<LayerSpec> firsts = spec.Layers.GroupBy(l => l.Experts is null).Select(g => g.First());
        bool uneven = spec.Layers.Any(l => firsts.All(f => (f.Experts is null) != (l.Experts is null) || Widths(f) != Widths(l)))
            || spec.Layers.Select(l => (l.Heads, l.KeyValueHeads)).Distinct().Count() > 1
            || like is not null && spec.Layers.Any(l => Widths(l) != Widths(like));
        if (!uneven)
            return;
        Cleave(config)[listKey] = new JsonArray([.. spec.Layers.Select(l => (JsonNode)new JsonObject
        {
            ["heads"] = l.Heads,
            ["key_value_heads"] = l.KeyValueHeads,
            ["feed_forward"] = l.FeedForwardWidth,
        })]);
    }

    /// <summary>For families without <c>head_dim</c>: D, where it is not C / H because heads have been pruned.</summary>
    public static int HeadSize(JsonCursor config, int width, int heads) =>
        config.Find("cleave")?.Find("head_size")?.Positive() ?? (width % heads == 0 ? width / heads : throw config.Error($"{heads} heads do not divide a width of {width}"));

    public static void WriteHeadSize(JsonObject config, TransformerSpec spec)
    {
        LayerSpec first = First(spec);
        if (first.Heads * first.HeadSize != spec.Width)
            Cleave(config)["head_size"] = first.HeadSize;
    }

    public static LayerSpec First(TransformerSpec spec) => spec.Layers.Count > 0 ? spec.Layers[0] : new LayerSpec(1, 1, spec.Width, spec.Width);

    /// <summary>Whether each layer has a window: <c>layer_types</c>, or the family's rule where it is missing.</summary>
    public static Func<int, bool> Sliding(JsonCursor config, Func<int, bool> rule)
    {
        if (config.Find("layer_types") is not { } types)
            return rule;
        bool[] sliding = [.. types.Items().Select(t => t.Text() switch
        {
            SlidingAttention => true,
            FullAttention => false,
            _ => throw t.Error($"only '{FullAttention}' and '{SlidingAttention}' are supported; use a model with these"),
        })];
        return i => i < sliding.Length ? sliding[i] : throw types.Error($"lists {sliding.Length} layers, fewer than there are");
    }

    public static JsonArray LayerTypes(TransformerSpec spec) => [.. spec.Layers.Select(l => (JsonNode)(l.Window > 0 ? SlidingAttention : FullAttention))];

    /// <summary>A float32 as the shortest decimal that means it.</summary>
    public static double Shortest(float value) => (double)(decimal)value;

    public static JsonObject Cleave(JsonObject config) => config["cleave"] as JsonObject ?? (JsonObject)(config["cleave"] = new JsonObject());

    public static TransformerSpec Checked(JsonCursor config, TransformerSpec spec) => spec.Problem() is { } problem ? throw config.Error(problem) : spec;

    private static (int, int, int) Widths(LayerSpec l) => (l.Heads, l.KeyValueHeads, l.FeedForwardWidth);
}
