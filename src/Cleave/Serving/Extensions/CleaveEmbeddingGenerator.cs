using Cleave.Models;
using Microsoft.Extensions.AI;

namespace Cleave.Serving.Extensions;

/// <summary>
/// Embeddings of texts by a language model: the mean of the last hidden states over the text's tokens, divided by its
/// length so that a dot product is the cosine (Reimers and Gurevych, 2019). Texts beyond the context are refused.
/// </summary>
public sealed class CleaveEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly TextEmbedder _embedder;
    private readonly EmbeddingGeneratorMetadata _metadata;

    /// <param name="name">What the model is called.</param>
    public CleaveEmbeddingGenerator(LanguageModel model, string name)
    {
        _embedder = new TextEmbedder(model);
        _metadata = new EmbeddingGeneratorMetadata("cleave", null, name, _embedder.Dimensions);
    }

    /// <exception cref="RequestException">A text is longer than the context, or another size is asked for.</exception>
    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (options?.Dimensions is { } asked && asked != _embedder.Dimensions)
            throw new RequestException($"embeddings of {asked} numbers are asked for, but the model's have {_embedder.Dimensions}", "Dimensions");
        return Task.Run(() =>
        {
            var made = new GeneratedEmbeddings<Embedding<float>>();
            long tokens = 0;
            foreach (string value in values)
            {
                cancellationToken.ThrowIfCancellationRequested();
                (float[] vector, int count) = _embedder.Embed(value);
                made.Add(new Embedding<float>(vector) { ModelId = _metadata.DefaultModelId });
                tokens += count;
            }
            made.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
            return made;
        }, cancellationToken);
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    public void Dispose() => _embedder.Dispose();
}
