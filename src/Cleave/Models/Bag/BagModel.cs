namespace Cleave.Models.Bag;

/// <summary>A bag in float32, as it is trained: featurizer, embedding table, head. Not safe for use from two threads.</summary>
public sealed class BagModel
{
    private readonly SparseFeatures _features = new();
    private readonly float[] _pooled, _hidden;

    public BagModel(NgramFeaturizer featurizer, NgramEmbedding embedding, BagHead head)
    {
        ArgumentNullException.ThrowIfNull(featurizer);
        ArgumentNullException.ThrowIfNull(embedding);
        ArgumentNullException.ThrowIfNull(head);
        if (embedding.Rows != featurizer.Vocabulary.Count || embedding.Dim != head.Dim)
        {
            throw new ArgumentException($"a table of {embedding.Rows}×{embedding.Dim} for {featurizer.Vocabulary.Count} known "
                + $"buckets and a head of width {head.Dim}");
        }
        (Featurizer, Embedding, Head) = (featurizer, embedding, head);
        _pooled = new float[embedding.Dim];
        _hidden = new float[head.Hidden];
    }

    public NgramFeaturizer Featurizer { get; }

    public NgramEmbedding Embedding { get; }

    public BagHead Head { get; }

    /// <param name="logits">(classes), overwritten.</param>
    public void Predict(ReadOnlySpan<char> text, Span<float> logits)
    {
        Featurizer.Featurize(text, _features);
        Predict(_features.Rows, _features.Weights, logits);
    }

    /// <inheritdoc cref="Predict(ReadOnlySpan{char}, Span{float})"/>
    public void Predict(ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, Span<float> logits)
    {
        Embedding.Forward(rows, weights, _pooled);
        Head.Forward(_pooled, _hidden, logits);
    }
}
