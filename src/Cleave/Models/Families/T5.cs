using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>
/// T5 in its versions 1.0 and 1.1, Flan-T5 among them (Raffel et al., 2020), and mT5 (Xue et al., 2021): an encoder and a decoder with a
/// bias of positions, unscaled scores, norms before the blocks and no biases. Version 1.0 has a plain network with relu and one
/// token table for all, whose output is scaled by 1/√C; version 1.1 a gated one and a projection of its own.
/// <c>T5ForConditionalGeneration</c>, or the encoder alone as <c>T5EncoderModel</c>.
/// </summary>
internal static class T5
{
    public static readonly Family Family = Of("t5");
    public static readonly Family Multilingual = Of("mt5");

    /// <summary>
    /// Tokens of a text, and of an answer. Nothing in the model ends there: distances beyond its buckets are all alike. It is
    /// 32 times the length of pre-training, so that the work of one request has a bound.
    /// </summary>
    public const int MostTokens = 16_384;

    private const string EncoderModel = "EncoderModel", WholeModel = "ForConditionalGeneration", DecoderLayers = "decoder_layers", Context = "context_length";

    // The first of equal meaning is written; 'gated-gelu' means the tanh form of gelu.
    private static readonly (string Name, Activation Activation, bool Gated)[] Networks =
    [
        ("relu", Activation.Relu, false), ("gated-gelu", Activation.GeluTanh, true), ("gated-silu", Activation.Silu, true), ("gated-relu", Activation.Relu, true),
        ("gelu", Activation.Gelu, false), ("gelu_new", Activation.GeluTanh, false), ("silu", Activation.Silu, false), ("gated-gelu_new", Activation.GeluTanh, true),
    ];

    private static Family Of(string type) => new(type, config => Read(config, type), Write, Place, "");

    private static TransformerSpec Read(JsonCursor config, string type)
    {
        ConfigKeys.RefuseOthers(config, "is_encoder_decoder");
        int heads = config["num_heads"].Positive(), width = config["d_model"].Positive();
        var layer = new LayerSpec(heads, heads, config["d_kv"].Positive(), config["d_ff"].Positive());
        (_, Activation activation, bool gated) = Network(config, type == "t5" ? "relu" : "gated-gelu");
        var encoder = new TransformerSpec
        {
            Family = type,
            VocabularySize = config["vocab_size"].Positive(),
            Width = width,
            ContextLength = config.Find("cleave")?.Find(Context)?.Positive() ?? MostTokens,
            Layers = ConfigKeys.Layers(config, "num_layers", _ => layer),
            Bidirectional = true,
            NormEpsilon = (float)config.Number("layer_norm_epsilon", 1e-6),
            Position = PositionKind.RelativeBias,
            RelativeBuckets = config.Find("relative_attention_num_buckets")?.Positive() ?? 32,
            RelativeDistance = config.Find("relative_attention_max_distance")?.Positive() ?? 128,
            Activation = activation,
            Gated = gated,
            QueryScale = 1,
            VocabularyHead = VocabularyHead.None,
        };
        if (config.Find("architectures")?.Items().FirstOrDefault()?.Text().EndsWith(EncoderModel, StringComparison.Ordinal) == true)
            return ConfigKeys.Checked(config, encoder);
        (bool tied, bool scaled) = Output(config, type);
        return ConfigKeys.Checked(config, encoder with
        {
            Layers = ConfigKeys.Layers(config, config.Find("num_decoder_layers") is null ? "num_layers" : "num_decoder_layers", _ => layer, DecoderLayers),
            Bidirectional = false,
            Encoder = encoder,
            VocabularyHead = VocabularyHead.Projection,
            DecoderStart = (config.Find("decoder_start_token_id") ?? config.Find("pad_token_id"))?.Int(0) ?? 0,
            TiedEmbeddings = tied,
            OutputScale = scaled ? Scale(width) : 1,
        });
    }

    /// <summary>
    /// Published models tie their output and scale it, or do neither. Older configs say so under <c>tie_word_embeddings</c>. Newer
    /// ones write true there in either case, and what is meant under <c>scale_decoder_outputs</c>; those of mT5 do not say it.
    /// </summary>
    private static (bool Tied, bool Scaled) Output(JsonCursor config, string type)
    {
        bool? scaled = config.Find("scale_decoder_outputs")?.Flag();
        bool tied = config.Flag("tie_word_embeddings", type == "t5") && (type == "t5" || scaled is not null);
        return (tied && scaled != false, scaled ?? tied);
    }

    private static float Scale(int width) => (float)(1 / Math.Sqrt(width));

    private static (string Name, Activation Activation, bool Gated) Network(JsonCursor config, string otherwise)
    {
        string name = config.Text("feed_forward_proj", otherwise);
        int index = Array.FindIndex(Networks, n => n.Name == name);
        return index >= 0 ? Networks[index]
            : throw config["feed_forward_proj"].Error($"'{name}' is not supported; use a model with {string.Join(", ", Networks.Select(n => n.Name))}");
    }

    private static JsonObject Write(TransformerSpec spec)
    {
        TransformerSpec encoder = spec.Encoder ?? spec;
        bool scaled = spec.OutputScale != 1;
        if (scaled && spec.OutputScale != Scale(spec.Width) || spec.TiedEmbeddings && !scaled && spec.Encoder is not null)
            throw new ArgumentException("a T5's config cannot say such a projection to the vocabulary", nameof(spec));
        LayerSpec first = ConfigKeys.First(encoder);
        string network = Networks.FirstOrDefault(n => n.Activation == spec.Activation && n.Gated == spec.Gated).Name
            ?? throw new ArgumentException($"a T5's config cannot say a gated network with {spec.Activation}", nameof(spec));
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray((spec.Family == "t5" ? "T5" : "MT5") + (spec.Encoder is null ? EncoderModel : WholeModel)),
            ["model_type"] = spec.Family,
            ["vocab_size"] = spec.VocabularySize,
            ["d_model"] = spec.Width,
            ["d_kv"] = first.HeadSize,
            ["d_ff"] = first.FeedForwardWidth,
            ["num_layers"] = encoder.Layers.Count,
            ["num_heads"] = first.Heads,
            ["relative_attention_num_buckets"] = encoder.RelativeBuckets,
            ["relative_attention_max_distance"] = encoder.RelativeDistance,
            ["layer_norm_epsilon"] = ConfigKeys.Shortest(spec.NormEpsilon),
            ["feed_forward_proj"] = network,
            ["is_encoder_decoder"] = spec.Encoder is not null,
        };
        LayerSpec said = first with { KeyValueHeads = first.Heads };
        ConfigKeys.WriteLayers(config, encoder, like: said);
        if (spec.ContextLength != MostTokens)
            ConfigKeys.Cleave(config)[Context] = spec.ContextLength;
        if (spec.Encoder is null)
            return config;
        config["num_decoder_layers"] = spec.Layers.Count;
        config["decoder_start_token_id"] = spec.DecoderStart;
        config["tie_word_embeddings"] = spec.TiedEmbeddings;
        config["scale_decoder_outputs"] = scaled;
        ConfigKeys.WriteLayers(config, spec, DecoderLayers, said);
        return config;
    }

    private static StoredWeight Place(TransformerSpec spec, string name)
    {
        if (name == WeightNames.Embedding)
            return new StoredWeight("shared.weight") { OtherNames = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"] };
        bool ofEncoder = name.StartsWith(WeightNames.EncoderPrefix, StringComparison.Ordinal);
        string own = ofEncoder ? name[WeightNames.EncoderPrefix.Length..] : name, stack = ofEncoder || spec.Encoder is null ? "encoder" : "decoder";
        if (own == WeightNames.FinalNorm)
            return new StoredWeight($"{stack}.final_layer_norm.weight");
        if (own == WeightNames.RelativeBias)
            return new StoredWeight($"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
        if (!own.StartsWith(WeightNames.Layers, StringComparison.Ordinal))
            return new StoredWeight(own);
        string[] parts = own[WeightNames.Layers.Length..].Split('.');
        int network = stack == "encoder" ? 1 : 2;
        string part = (parts[1], parts[2]) switch
        {
            ("self_attn", var p) => $"0.SelfAttention.{p[0]}",
            ("cross_attn", var p) => $"1.EncDecAttention.{p[0]}",
            ("mlp", "gate_proj") => $"{network}.DenseReluDense.wi_0",
            ("mlp", "up_proj") => $"{network}.DenseReluDense.{(spec.Gated ? "wi_1" : "wi")}",
            ("mlp", _) => $"{network}.DenseReluDense.wo",
            ("input_layernorm", _) => "0.layer_norm",
            ("cross_attn_layernorm", _) => "1.layer_norm",
            _ => $"{network}.layer_norm",
        };
        return new StoredWeight($"{stack}.block.{parts[0]}.layer.{part}.{parts[^1]}");
    }
}
