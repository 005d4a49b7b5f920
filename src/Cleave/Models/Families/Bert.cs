namespace Cleave.Models.Families;

/// <summary>
/// BERT (Devlin et al., 2019): an encoder with learned positions, embeddings of the first and second text, norms of the sums,
/// and a masked language model. <c>BertModel</c>, <c>BertForMaskedLM</c> and its classifiers.
/// </summary>
internal static class Bert
{
    private const string Root = "bert.", Masked = "cls.predictions.";

    public static readonly Family Family = new("bert", config => EncoderKeys.Bert.Read(config, "bert"), spec => EncoderKeys.Bert.Write(spec, "Bert"), Place, Root)
    {
        Complete = (spec, has) => spec with
        {
            VocabularyHead = has(Masked + "transform.dense.weight") ? VocabularyHead.Masked : VocabularyHead.None,
            Pooler = has(Root + "pooler.dense.weight") ? PoolerKind.Tanh : PoolerKind.None,
        },
        Heads = new PublishedHeads("Bert", "classifier", PoolerKind.Tanh),
    };

    private static StoredWeight Place(TransformerSpec spec, string name) => EncoderNames.Trunk(Root, name) ?? EncoderNames.WithOldNorms(new StoredWeight(name switch
    {
        WeightNames.Output => Masked + "decoder.weight",
        "lm_head.bias" => Masked + "bias",
        _ when name.StartsWith("model.pooler.", StringComparison.Ordinal) => $"{Root}pooler.dense.{EncoderNames.Last(name)}",
        _ => $"{Masked}transform.{(name.Contains(".norm.", StringComparison.Ordinal) ? "LayerNorm" : "dense")}.{EncoderNames.Last(name)}",
    })
    { OtherNames = name == "lm_head.bias" ? [Masked + "decoder.bias"] : [] });
}
