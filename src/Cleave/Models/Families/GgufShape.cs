using System.Globalization;
using Cleave.Formats.Gguf;

namespace Cleave.Models.Families;

/// <summary>The shape of a model in the keys that GGUF files of all families have, and what a family adds to them.</summary>
public static class GgufShape
{
    private const int MostContext = 1 << 22, MostLayers = 10_000;
    private const string Windows = "attention.sliding_window", Pattern = Windows + "_pattern";

    // Keys that change results, with the value that changes nothing.
    private static readonly (string Key, double Neutral)[] Decisive =
    [
        ("attention.scale", 0), ("attention.clamp_kqv", 0), ("attention.max_alibi_bias", 0), ("attention.output_scale", 0),
        ("logit_scale", 1), ("residual_scale", 1), ("embedding_scale", 1), ("expert_weights_scale", 1), ("expert_gating_func", 1),
        ("expert_shared_count", 0), ("leading_dense_block_count", 0), ("rope.scaling.yarn_log_multiplier", 0), ("rope.scaling.alpha", 0),
        ("rope.scaling.yarn_beta_fast", 32), ("rope.scaling.yarn_beta_slow", 1), ("rope.scaling.yarn_ext_factor", 1),
        ("rope.scaling.yarn_attn_factor", 1), ("nextn_predict_layers", 0), ("embedding_length_per_layer_input", 0),
    ];

    /// <exception cref="ModelFileException">A key is missing, of the wrong type, or asks for what is not supported.</exception>
    public static TransformerSpec Read(GgufKeys keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        (GgufFamily family, string modelType) = GgufFamily.Of(keys.Metadata);
        foreach ((string key, double neutral) in Decisive)
        {
            if (keys.Contains(key) && (keys.Find(key) is string or Array || keys.Number(key, 0) is var value && value != neutral && value != 0))
                throw keys.Error(key, "changes results in a way that is not supported; use a model without it");
        }
        if (!keys.Flag("attention.causal", true))
            throw keys.Error("attention.causal", "is false, which is not supported in a decoder");
        int layers = keys.Positive("block_count"), width = keys.Positive("embedding_length"), context = keys.Positive("context_length");
        if (layers > MostLayers)
            throw keys.Error("block_count", $"is {layers}; at most {MostLayers} layers are supported");
        // The positions' table is made at once: a damaged number must not take the machine's memory.
        if (context > MostContext)
            throw keys.Error("context_length", $"is beyond {MostContext}, which is not supported");
        var spec = new TransformerSpec
        {
            Family = modelType,
            VocabularySize = keys.RowsOf("token_embd.weight"),
            Width = width,
            ContextLength = context,
            Layers = Layers(keys, family, layers, width),
            RotaryBase = keys.Number("rope.freq_base", 10_000),
            Biases = BiasesOf(keys),
            TiedEmbeddings = family.OutputMatrix == false || !keys.HasTensor("output.weight"),
        };
        spec = GgufRotary.Read(keys, family, family.Read(keys, spec));
        spec = spec with { NormEpsilon = (float)keys.Number(Epsilon(spec), 1e-5) };
        return spec.Problem() is { } problem ? throw new ModelFileException(keys.Path, problem) : spec;
    }

    /// <summary>The keys that say the model's shape, as llama.cpp's converter writes them.</summary>
    public static IEnumerable<GgufKey> Write(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        GgufFamily family = GgufFamily.Of(spec);
        return Common(spec, family).Concat(GgufRotary.Write(spec, family)).Concat(family.Write(spec)).Select(k => k with { Name = $"{family.Architecture}.{k.Name}" });
    }

    private static IEnumerable<GgufKey> Common(TransformerSpec spec, GgufFamily family)
    {
        int headSize = spec.Layers.Count > 0 ? spec.Layers[0].HeadSize : spec.Width;
        yield return new GgufKey("block_count", spec.Layers.Count);
        yield return new GgufKey("context_length", GgufRotary.DeclaredContext(spec));
        yield return new GgufKey("embedding_length", spec.Width);
        yield return Each("feed_forward_length", [.. spec.Layers.Select(l => l.FeedForwardWidth)]);
        yield return Each("attention.head_count", [.. spec.Layers.Select(l => l.Heads)]);
        yield return Each("attention.head_count_kv", [.. spec.Layers.Select(l => l.KeyValueHeads)]);
        yield return new GgufKey("attention.key_length", headSize);
        yield return new GgufKey("attention.value_length", headSize);
        yield return new GgufKey(Epsilon(spec), spec.NormEpsilon);
        if (spec.Position == PositionKind.Rotary)
        {
            yield return new GgufKey("rope.dimension_count", spec.RotarySize ?? headSize);
            yield return new GgufKey("rope.freq_base", (float)spec.RotaryBase);
        }
        yield return new GgufKey("vocab_size", spec.VocabularySize);
        if (ConfigKeys.First(spec).Experts is { } experts)
        {
            yield return new GgufKey("expert_count", experts.Count);
            yield return new GgufKey("expert_used_count", experts.PerToken);
            yield return new GgufKey("expert_feed_forward_length", spec.Layers[0].FeedForwardWidth);
            if (experts.SharedWidth > 0)
                yield return new GgufKey("expert_shared_feed_forward_length", experts.SharedWidth);
        }
        if (family.WindowPeriod is { } usual && spec.Layers.Select(l => l.Window).FirstOrDefault(w => w > 0) is var window and > 0)
        {
            yield return new GgufKey(Windows, window);
            int count = spec.Layers.Count, period = Enumerable.Range(0, count + 2).Prepend(usual).FirstOrDefault(p => spec.Layers.Index().All(l => l.Item.Window > 0 == HasWindow(l.Index, p)), usual);
            if (usual != 0)
                yield return new GgufKey(Pattern, period);
        }

        static GgufKey Each(string name, int[] values) => values.Distinct().Count() == 1 ? new GgufKey(name, values[0]) : GgufKey.List(name, values);
    }

    private static LayerSpec[] Layers(GgufKeys keys, GgufFamily family, int layers, int width)
    {
        int[] heads = keys.PositiveEach("attention.head_count", layers);
        int[] kvHeads = keys.Contains("attention.head_count_kv") ? keys.PositiveEach("attention.head_count_kv", layers) : heads;
        int headSize = keys.Positive("attention.key_length", Math.Max(1, width / heads[0]));
        if (keys.Positive("attention.value_length", headSize) != headSize)
            throw keys.Error("attention.value_length", "differs from the keys' length, which is not supported");
        int count = keys.Count("expert_count");
        ExpertSpec? experts = count > 0
            ? new ExpertSpec(count, keys.Positive("expert_used_count"), Normalized: true, keys.Count("expert_shared_feed_forward_length")) : null;
        if (experts is not null && !family.Experts)
            throw keys.Error("expert_count", $"is {count.ToString(CultureInfo.InvariantCulture)}; experts are not supported in this family");
        int[] feedForward = experts is not null && keys.Count("expert_feed_forward_length") is var expertWidth and > 0
            ? [.. Enumerable.Repeat(expertWidth, layers)] : keys.PositiveEach("feed_forward_length", layers);
        Func<int, int> window = WindowOf(keys, family, layers);
        return [.. Enumerable.Range(0, layers).Select(i => new LayerSpec(heads[i], kvHeads[i], headSize, feedForward[i]) { Experts = experts, Window = window(i) })];
    }

    private static Func<int, int> WindowOf(GgufKeys keys, GgufFamily family, int layers)
    {
        int window = keys.Contains(Windows) ? keys.Count(Windows) : family.DefaultWindow;
        if (window > 0 && family.WindowPeriod is null)
            throw keys.Error(Windows, "is not supported in this family; use a model without it");
        switch (keys.Find(Pattern))
        {
            case null: return i => HasWindow(i, family.WindowPeriod ?? 0) ? window : 0;
            case long and >= 0 and <= MostLayers and var period: return i => HasWindow(i, (int)period) ? window : 0;
            case bool[] each when each.Length == layers: return i => each[i] ? window : 0;
            case long[] each when each.Length == layers: return i => each[i] != 0 ? window : 0;
            default: throw keys.Error(Pattern, $"is neither a period nor a list of {layers} flags");
        }
    }

    private static bool HasWindow(int layer, int period) => period == 0 || layer % period < period - 1;

    private static Biases BiasesOf(GgufKeys keys)
    {
        bool attention = keys.HasTensor("blk.0.attn_q.bias") || keys.HasTensor("blk.0.attn_qkv.bias");
        return (attention ? Biases.QueryKeyValue : 0) | (keys.HasTensor("blk.0.attn_output.bias") ? Biases.AttentionOutput : 0)
            | (keys.HasTensor("blk.0.ffn_up.bias") ? Biases.FeedForward : 0);
    }

    private static string Epsilon(TransformerSpec spec) => spec.Norm == NormKind.Layer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon";
}
