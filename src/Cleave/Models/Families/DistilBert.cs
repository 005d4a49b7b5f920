namespace Cleave.Models.Families;

/// <summary>
/// DistilBERT (Sanh et al., 2019): half of BERT's layers, without kinds of tokens and without a pooler; its classifiers have a
/// hidden layer of their own. <c>DistilBertForMaskedLM</c> and its classifiers.
/// </summary>
internal static class DistilBert
{
    private const string Root = "distilbert.";

    public static readonly Family Family = new("distilbert", config => EncoderKeys.DistilBert.Read(config, "distilbert"),
        spec => EncoderKeys.DistilBert.Write(spec, "DistilBert"), Place, Root)
    {
        Complete = (spec, has) => spec with
        {
            VocabularyHead = has("vocab_transform.weight") ? VocabularyHead.Masked : VocabularyHead.None,
            Pooler = has("pre_classifier.weight") ? PoolerKind.ClassifierRelu : PoolerKind.None,
        },
        Heads = new PublishedHeads("DistilBert", "classifier", PoolerKind.ClassifierRelu),
    };

    private static StoredWeight Place(TransformerSpec spec, string name)
    {
        string last = EncoderNames.Last(name);
        if (EncoderNames.Layer(name) is var (layer, part))
        {
            return new StoredWeight($"{Root}transformer.layer.{layer}.{part switch
            {
                "self_attn.q_proj" => "attention.q_lin",
                "self_attn.k_proj" => "attention.k_lin",
                "self_attn.v_proj" => "attention.v_lin",
                "self_attn.o_proj" => "attention.out_lin",
                "self_attn.post_norm" => "sa_layer_norm",
                "mlp.up_proj" => "ffn.lin1",
                "mlp.down_proj" => "ffn.lin2",
                _ => "output_layer_norm",
            }}.{last}");
        }
        return EncoderNames.Embeddings(Root, name) ?? new StoredWeight(name switch
        {
            WeightNames.Output => "vocab_projector.weight",
            "lm_head.bias" => "vocab_projector.bias",
            _ when name.StartsWith("model.pooler.", StringComparison.Ordinal) => $"pre_classifier.{last}",
            _ => $"{(name.Contains(".norm.", StringComparison.Ordinal) ? "vocab_layer_norm" : "vocab_transform")}.{last}",
        });
    }
}
