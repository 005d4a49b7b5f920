using System.Text.Json.Nodes;
using Cleave.Json;

namespace Cleave.Models.Families;

/// <summary>The config keys of BERT and its descendants: what each calls the widths.</summary>
/// <param name="IsDistilled">Whether there are no kinds of tokens, and no key for the norms' ε.</param>
internal sealed record EncoderKeys(string Width, string Heads, string Network, string Layers, string Activation, bool IsDistilled)
{
    private const string TypesKey = "type_vocab_size", EpsilonKey = "layer_norm_eps", PositionsKey = "max_position_embeddings";
    private const double UsualEpsilon = 1e-12;

    public static EncoderKeys Bert { get; } = new("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers", "hidden_act", IsDistilled: false);

    public static EncoderKeys DistilBert { get; } = new("dim", "n_heads", "hidden_dim", "n_layers", "activation", IsDistilled: true);

    /// <summary>The shape; <see cref="Family.Complete"/> adds the heads.</summary>
    /// <param name="offset">Positions that are never read, before the first.</param>
    public TransformerSpec Read(JsonCursor config, string family, int offset = 0)
    {
        Refuse(config);
        int width = config[Width].Positive(), heads = config[Heads].Positive(), positions = config[PositionsKey].Positive();
        if (offset >= positions)
            throw config[PositionsKey].Error($"is {positions}, but positions begin at {offset}: the model could read nothing");
        var layer = new LayerSpec(heads, heads, ConfigKeys.HeadSize(config, width, heads), config[Network].Positive());
        return ConfigKeys.Checked(config, new TransformerSpec
        {
            Family = family,
            VocabularySize = config["vocab_size"].Positive(),
            Width = width,
            ContextLength = positions - offset,
            PositionOffset = offset,
            Layers = ConfigKeys.Layers(config, Layers, _ => layer),
            Bidirectional = true,
            Norm = NormKind.Layer,
            NormPlace = NormPlace.AfterSum,
            NormEpsilon = (float)(IsDistilled ? UsualEpsilon : config.Number(EpsilonKey, UsualEpsilon)),
            Position = PositionKind.Learned,
            TokenTypes = IsDistilled ? 0 : config.Int(TypesKey, 2),
            EmbeddingNorm = true,
            Activation = ConfigKeys.Activation(config, Activation, "gelu"),
            Gated = false,
            Biases = Biases.All,
            TiedEmbeddings = config.Flag("tie_word_embeddings", true),
        });
    }

    /// <summary>The config of <see cref="Read"/>.</summary>
    /// <param name="architecture">What the names of the family's classes begin with.</param>
    public JsonObject Write(TransformerSpec spec, string architecture)
    {
        LayerSpec first = ConfigKeys.First(spec);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture + (spec.VocabularyHead == VocabularyHead.Masked ? "ForMaskedLM" : "Model")),
            ["model_type"] = spec.Family,
            ["vocab_size"] = spec.VocabularySize,
            [Width] = spec.Width,
            [Layers] = spec.Layers.Count,
            [Heads] = first.Heads,
            [Network] = first.FeedForwardWidth,
            [PositionsKey] = spec.ContextLength + spec.PositionOffset,
            [Activation] = ConfigKeys.Name(spec.Activation),
            ["tie_word_embeddings"] = spec.TiedEmbeddings,
        };
        if (!IsDistilled)
        {
            config[TypesKey] = spec.TokenTypes;
            config[EpsilonKey] = ConfigKeys.Shortest(spec.NormEpsilon);
        }
        ConfigKeys.WriteHeadSize(config, spec);
        ConfigKeys.WriteLayers(config, spec);
        return config;
    }

    // What would change results.
    private static void Refuse(JsonCursor config)
    {
        ConfigKeys.RefuseOthers(config);
        if (config.Flag("is_decoder", false))
            throw config["is_decoder"].Error("is true, which is not supported in this family: it is read as an encoder; use a model without it");
        if (config.Text("position_embedding_type", "absolute") is var kind and not "absolute")
            throw config["position_embedding_type"].Error($"is '{kind}'; only 'absolute' is supported, so use a model with it");
    }
}
