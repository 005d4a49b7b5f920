using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Serving.Engine;
using Cleave.Training.Adapters;

namespace Cleave.Serving;

/// <summary>A text as one vector of length 1: the mean of a model's last hidden states, those of control tokens included. One text at a time; safe for use from several threads.</summary>
public sealed class TextEmbedder : IDisposable
{
    private readonly LanguageModel _model;
    private readonly Tape _tape = new(records: false);
    private readonly TokenBatch _batch = new();
    private readonly ComputeTurns _turns;
    private readonly ComputeShare _share;

    private readonly AdapterBank? _adapters;

    /// <param name="turns">Shared by all that compute with the model; null for nobody else.</param>
    public TextEmbedder(LanguageModel model, ComputeTurns? turns = null, ComputeShare? share = null, AdapterBank? adapters = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _turns, _share, _adapters) = (model, turns ?? new ComputeTurns(), share ?? new ComputeShare("embeddings"), adapters);
    }

    /// <summary>Numbers of a vector: the model's width.</summary>
    public int Dimensions => _model.Transformer.Spec.Width;

    /// <returns>The vector, and the tokens that were read, the control tokens included.</returns>
    /// <exception cref="RequestException">The text is empty, or longer than the context.</exception>
    public (float[] Vector, int Tokens) Embed(string text, CancellationToken cancellation = default) => Embed(text, AdapterBank.None, cancellation);

    /// <summary>The same of the states that an adapter makes.</summary>
    /// <param name="adapter">Its number.</param>
    internal (float[] Vector, int Tokens) Embed(string text, int adapter, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(text);
        int[] ids = _model.Transformer.Reader.Spec.Bidirectional
            ? _model.Tokenizer.AddControlTokens(_model.Tokenizer.EncodeWithOffsets(text)).Ids
            : [.. LanguageModelHost.Start(_model), .. _model.Tokenizer.Encode(text)];
        if (ids.Length == 0)
            throw new RequestException("the text to embed is empty", "input");
        if (ids.Length > _model.Transformer.Spec.ContextLength)
            throw new RequestException($"the text has {ids.Length} tokens, but the model reads at most {_model.Transformer.Spec.ContextLength}; cut it", "input", "context_length_exceeded");
        var mean = new float[Dimensions];
        cancellation.ThrowIfCancellationRequested();
        _turns.Take(_share);
        try
        {
            _batch.Clear();
            _batch.Add(ids);
            Tensor hidden = _adapters?.Forward(_tape, _batch, [adapter]) ?? _model.Transformer.Reader.Forward(_tape, _batch);
            for (int row = 0; row < ids.Length; row++)
            {
                ReadOnlySpan<float> state = hidden.Data.Slice(row * Dimensions, Dimensions);
                for (int i = 0; i < mean.Length; i++)
                    mean[i] += state[i];
            }
        }
        finally
        {
            _tape.Reset();
            _turns.Leave();
        }
        double length = 0;
        foreach (float value in mean)
            length += (double)value * value;
        double scale = length > 0 ? 1 / Math.Sqrt(length) : 0;
        for (int i = 0; i < mean.Length; i++)
            mean[i] = (float)(mean[i] * scale);
        return (mean, ids.Length);
    }

    public void Dispose() => _tape.Dispose();
}
