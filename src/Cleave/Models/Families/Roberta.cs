using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>
/// RoBERTa (Liu et al., 2019) and XLM-RoBERTa (Conneau et al., 2020): BERT with one kind of token and positions that begin
/// behind the one of the padding. <c>RobertaForMaskedLM</c>, <c>XLMRobertaForMaskedLM</c>, and their classifiers.
/// </summary>
internal static class Roberta
{
    private const string Root = "roberta.";

    public static readonly Family Family = Of("roberta", "Roberta"), Multilingual = Of("xlm-roberta", "XLMRoberta");

    private static Family Of(string type, string architecture) => new(type, config => Read(config, type), spec => Write(spec, architecture), Place, Root)
    {
        Complete = (spec, has) => spec with
        {
            VocabularyHead = has("lm_head.dense.weight") ? VocabularyHead.Masked : VocabularyHead.None,
            Pooler = has("classifier.dense.weight") ? PoolerKind.ClassifierTanh : has(Root + "pooler.dense.weight") ? PoolerKind.Tanh : PoolerKind.None,
        },
        Heads = new PublishedHeads(architecture, "classifier.out_proj", PoolerKind.ClassifierTanh),
    };

    private static TransformerSpec Read(JsonCursor config, string type)
    {
        TransformerSpec spec = EncoderKeys.Bert.Read(config, type, config.Find("pad_token_id")?.Int(0, 1 << 20) + 1 ?? 2);
        if (spec.Activation != Activation.Gelu)
            throw config["hidden_act"].Error("only 'gelu' is supported in this family, whose head for the vocabulary has it whatever the layers have");
        return spec;
    }

    private static JsonObject Write(TransformerSpec spec, string architecture)
    {
        JsonObject config = EncoderKeys.Bert.Write(spec, architecture);
        config["pad_token_id"] = spec.PositionOffset - 1;
        return config;
    }

    private static StoredWeight Place(TransformerSpec spec, string name) => EncoderNames.Trunk(Root, name) ?? name switch
    {
        WeightNames.Output => new StoredWeight("lm_head.decoder.weight"),
        "lm_head.bias" => new StoredWeight(name) { OtherNames = ["lm_head.decoder.bias"] },
        _ when name.StartsWith("model.pooler.", StringComparison.Ordinal) =>
            new StoredWeight($"{(spec.Pooler == PoolerKind.ClassifierTanh ? "classifier" : Root + "pooler")}.dense.{EncoderNames.Last(name)}"),
        _ => new StoredWeight(name.Replace(".norm.", ".layer_norm.", StringComparison.Ordinal)),
    };
}
