using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>Qwen 1.5 and 2 with sparse experts, one of them shared by all tokens. <c>Qwen2MoeForCausalLM</c>.</summary>
internal static class Qwen2Moe
{
    public static readonly Family Family = new("qwen2_moe", Read, Write, LlamaLike.Place)
    {
        Gguf = new("qwen2moe", (_, spec) => spec with { Layers = [.. spec.Layers.Select(l => l.Experts is { } e ? l with { Experts = e with { Normalized = false } } : l)] })
        {
            SquareAttention = true,
            Experts = true,
            Biases = Biases.QueryKeyValue,
            NeededBiases = Biases.QueryKeyValue,
            OutputMatrix = true,
        },
    };

    private static TransformerSpec Read(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config, "rope_scaling", "head_dim", "sliding_window", "num_experts", "shared_expert_intermediate_size", "layer_types");
        Func<int, LayerSpec, LayerSpec> experts = Experts(config, 60, 4, 1408, 5632);
        return ConfigKeys.Checked(config, LlamaLike.Read(config, Family.ModelType, layer: experts) with
        {
            Biases = config.Flag("qkv_bias", true) ? Biases.QueryKeyValue : Biases.None,
        });
    }

    /// <summary>Experts in every <c>decoder_sparse_step</c>-th layer that <c>mlp_only_layers</c> does not list.</summary>
    public static Func<int, LayerSpec, LayerSpec> Experts(JsonCursor config, int count, int perToken, int width, int shared)
    {
        int f = config.Find("moe_intermediate_size")?.Positive() ?? width, step = config.Find("decoder_sparse_step")?.Positive() ?? 1;
        var experts = new ExpertSpec(config.Int("num_experts", count), config.Int("num_experts_per_tok", perToken),
            config.Flag("norm_topk_prob", false), config.Int("shared_expert_intermediate_size", shared));
        int[] dense = [.. config.Find("mlp_only_layers")?.Items().Select(i => i.Int(0)) ?? []];
        return (i, l) => (i + 1) % step != 0 || dense.Contains(i) ? l : l with { FeedForwardWidth = f, Experts = experts };
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        JsonObject config = LlamaLike.Write(spec, "Qwen2MoeForCausalLM");
        WriteExperts(config, spec);
        config["qkv_bias"] = spec.Biases.HasFlag(Biases.QueryKeyValue);
        config["shared_expert_intermediate_size"] = spec.Layers.Select(l => l.Experts?.SharedWidth ?? 0).DefaultIfEmpty().Max();
        config["use_sliding_window"] = false;
        return config;
    }

    public static void WriteExperts(JsonObject config, TransformerSpec spec)
    {
        LayerSpec sparse = spec.Layers.FirstOrDefault(l => l.Experts is not null) ?? ConfigKeys.First(spec);
        config["moe_intermediate_size"] = sparse.FeedForwardWidth;
        config["num_experts"] = sparse.Experts?.Count ?? 0;
        config["num_experts_per_tok"] = sparse.Experts?.PerToken ?? 0;
        config["norm_topk_prob"] = sparse.Experts?.Normalized ?? false;
        config["decoder_sparse_step"] = 1;
        config["mlp_only_layers"] = new JsonArray([.. Enumerable.Range(0, spec.Layers.Count).Where(i => spec.Layers[i].Experts is null).Select(i => (JsonNode)i)]);
    }
}
