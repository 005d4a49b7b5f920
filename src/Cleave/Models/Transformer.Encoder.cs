using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <remarks>
/// An encoder–decoder (Raffel et al., 2020) is two transformers of the same layers that share a token table. The encoder reads the
/// source, every token seeing all of it; the decoder's layers have one attention more, to the encoder's states. Training runs
/// both on one tape: <see cref="Encode"/>, then <see cref="Forward"/> with its result. Decoding computes the keys and values
/// of that attention once for each source (<see cref="Begin"/>) and keeps them with the sequence's cache, so that a token costs
/// what it costs a decoder alone, and one look at the source. Positions are a bias of scores by distance: one table for each stack,
/// turned into a number for each head and distance once a pass, which the attention kernels add and whose gradient they sum.
/// </remarks>
public sealed partial class Transformer
{
    private RelativeBuckets? _buckets;

    /// <summary>What the decoder looks at, a transformer with the same token table; null for a model of one stack.</summary>
    public Transformer? Encoder { get; internal init; }

    /// <summary>The bias of positions, (buckets, H), or null.</summary>
    public Tensor? RelativeBias { get; internal init; }

    /// <summary>The stack that judges texts: the encoder where there is one, else the model.</summary>
    public Transformer Reader => Encoder ?? this;

    private int[] KeyValueHeads => [.. Layers.Select(l => l.Spec.KeyValueHeads)];

    private int HeadSize => Layers.Count > 0 ? Layers[0].Spec.HeadSize : 1;

    /// <summary>What the decoder is to look at: the encoder's states of every sequence of <paramref name="source"/>.</summary>
    /// <exception cref="CapacityException">A sequence is longer than the context.</exception>
    /// <exception cref="InvalidOperationException">There is no encoder.</exception>
    public EncodedSource Encode(Tape tape, TokenBatch source, IActivationObserver? observer = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (Encoder is null)
            throw new InvalidOperationException("this model has no encoder");
        return new EncodedSource(Encoder.Forward(tape, source, causal: false, observer: observer), source.Offsets);
    }

    /// <summary>The hidden states of texts alone, to compare models by: both stacks of an encoder–decoder read them.</summary>
    public Tensor ForwardText(Tape tape, TokenBatch batch) =>
        Encoder is null ? Forward(tape, batch) : Forward(tape, batch, source: Encode(tape, batch));

    /// <summary>
    /// Reads sources: one cache each, with the keys and values of the attention to it, from which decoding begins with
    /// <see cref="TransformerSpec.DecoderStart"/>. What the tape made on the way is taken back.
    /// </summary>
    /// <exception cref="CapacityException">A source is longer than the context.</exception>
    public KeyValuePages[] Begin(Tape tape, TokenBatch source)
    {
        ArgumentNullException.ThrowIfNull(tape);
        EncodedSource encoded = Encode(tape, source);
        ReadOnlySpan<int> offsets = encoded.Offsets.Span;
        KeyValuePages[] sources = [.. Enumerable.Range(0, source.Count).Select(_ => new KeyValuePages(KeyValueHeads, HeadSize, CacheFormat))];
        int mark = tape.Mark;
        for (int i = 0; i < Layers.Count; i++)
        {
            (Tensor k, Tensor v) = Layers[i].Cross!.KeysAndValues(tape, encoded.States);
            for (int s = 0; s < sources.Length; s++)
                sources[s].Append(i, SelfAttention.Rows(k, offsets, s), SelfAttention.Rows(v, offsets, s));
            tape.KeepOnly(encoded.States, mark);
        }
        for (int s = 0; s < sources.Length; s++)
            sources[s].Advance(offsets[s + 1] - offsets[s]);
        tape.Reset();
        return Array.ConvertAll(sources, s => new KeyValuePages(KeyValueHeads, HeadSize, CacheFormat) { Source = s });
    }

    /// <summary>Nothing, for a model that continues the text that it is given.</summary>
    /// <exception cref="CleaveException">It is an encoder–decoder.</exception>
    public void RequireOneStack()
    {
        if (Encoder is not null)
            throw new CleaveException($"this {Spec.Family} model is an encoder-decoder: it answers a text and does not continue one, so this cannot be done with it; use a decoder, or 'cleave generate'");
    }

    private void RequireSource(EncodedSource? source, IReadOnlyList<KeyValuePages>? caches)
    {
        if (Encoder is not null && source is null && caches is not [{ Source: not null }, ..])
            RequireOneStack();
    }

    private Tensor? PositionBias(Tape tape)
    {
        if (RelativeBias is null)
            return null;
        _buckets ??= new RelativeBuckets(Spec.RelativeBuckets, Spec.RelativeDistance, Spec.Bidirectional);
        return Op.RelativeBias(tape, RelativeBias, _buckets);
    }

    private void VisitEncoder(WeightVisitor visitor)
    {
        if (Encoder is null)
            return;
        Encoder.Embedding = Embedding;
        Encoder.VisitBehindEmbedding(new EncoderWeights(visitor));
    }
}
