using Cleave.Models.Positions;
using Cleave.Numerics.Kernels;

namespace Cleave.Models;

/// <summary>
/// The shape of a decoder or an encoder: closed choices that every family is composed of, and a list of layers, each with its own widths,
/// so that a pruned model is an ordinary model.
/// Letters: C <see cref="Width"/>, H heads, G key-value heads, D head size, F feed-forward width, V vocabulary, E experts.
/// </summary>
public sealed record TransformerSpec
{
    /// <summary>The family in whose form the model is stored: <c>model_type</c> of its config.json.</summary>
    public string Family { get; init; } = "llama";

    public required int VocabularySize { get; init; }

    /// <summary>C, the width of the residual stream.</summary>
    public required int Width { get; init; }

    /// <summary>The longest sequence, in tokens.</summary>
    public required int ContextLength { get; init; }

    public required IReadOnlyList<LayerSpec> Layers { get; init; }

    /// <summary>True: every token sees its whole sequence, before and behind it. Such a model reads texts and cannot continue one.</summary>
    public bool Bidirectional { get; init; }

    /// <summary>
    /// The encoder that every layer looks at besides its own sequence, or null for a model of one stack. It has this model's
    /// vocabulary and width, and its token table is this model's.
    /// </summary>
    public TransformerSpec? Encoder { get; init; }

    /// <summary>The token that a decoder with an encoder begins with.</summary>
    public int DecoderStart { get; init; }

    public NormKind Norm { get; init; }

    public NormPlace NormPlace { get; init; }

    /// <summary>ε of all norms.</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>True: x + attention(norm(x)) + feedForward(norm(x)), both from the layer's input.</summary>
    public bool ParallelResidual { get; init; }

    public PositionKind Position { get; init; }

    /// <summary>The row of the table of learned positions that is position 0; those before it are never read.</summary>
    public int PositionOffset { get; init; }

    /// <summary>Kinds of tokens with an embedding each, such as those of a pair's first and second text; 0 for none.</summary>
    public int TokenTypes { get; init; }

    /// <summary>Whether the sum of the embeddings is normed before the first layer.</summary>
    public bool EmbeddingNorm { get; init; }

    /// <summary>θ of the rotary position embedding.</summary>
    public double RotaryBase { get; init; } = 10_000;

    /// <summary>θ of layers with a window, which are then not scaled; null for the same as the others.</summary>
    public double? LocalRotaryBase { get; init; }

    /// <summary>How many elements of a head are turned, from its first; null for all.</summary>
    public int? RotarySize { get; init; }

    /// <summary>Frequencies changed for contexts longer than those of pre-training; null for plain ones.</summary>
    public RotaryScaling? RotaryScaling { get; init; }

    /// <summary>Buckets of distances of <see cref="PositionKind.RelativeBias"/>.</summary>
    public int RelativeBuckets { get; init; } = 32;

    /// <summary>From this distance on, all share a bucket.</summary>
    public int RelativeDistance { get; init; } = 128;

    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>True: down(f(gate(x)) ⊙ up(x)); false: down(f(up(x))).</summary>
    public bool Gated { get; init; } = true;

    public Biases Biases { get; init; }

    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>What q·k is multiplied with; 0 for 1/√D.</summary>
    public float QueryScale { get; init; }

    /// <summary>c in c·tanh(score / c); 0 for none.</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>c in c·tanh(logit / c); 0 for none.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>What the tokens' embeddings are multiplied with.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>What hidden states are multiplied with before the projection to the vocabulary.</summary>
    public float OutputScale { get; init; } = 1;

    /// <summary>True: the output projection is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; } = true;

    public VocabularyHead VocabularyHead { get; init; }

    public PoolerKind Pooler { get; init; }

    /// <summary>Whether there is a norm behind the last layer.</summary>
    public bool HasFinalNorm => NormPlace != NormPlace.AfterSum;

    /// <summary>Whether there is a projection to the vocabulary besides the embedding table.</summary>
    public bool HasOwnOutput => !TiedEmbeddings && VocabularyHead != VocabularyHead.None;

    /// <summary>A model whose layers are all alike.</summary>
    public static TransformerSpec Uniform(int vocabulary, int width, int layers, int heads, int kvHeads, int feedForward, int context) => new()
    {
        VocabularySize = vocabulary,
        Width = width,
        ContextLength = context,
        Layers = [.. Enumerable.Repeat(new LayerSpec(heads, kvHeads, width / heads, feedForward), layers)],
    };

    /// <summary>Matrices of a feed-forward network.</summary>
    public int FeedForwardMatrices => Gated ? 3 : 2;

    /// <summary>Weights of the trunk and the language-model head.</summary>
    public long Parameters
    {
        get
        {
            long norm = Norm == NormKind.Layer ? 2L * Width : Width, dense = (long)Width * Width + Width;
            long total = (long)VocabularySize * Width * (HasOwnOutput ? 2 : 1) + (HasFinalNorm ? norm : 0) + (EmbeddingNorm ? norm : 0) + (long)TokenTypes * Width;
            if (Position == PositionKind.Learned)
                total += (long)(ContextLength + PositionOffset) * Width;
            if (Position == PositionKind.RelativeBias && Layers.Count > 0)
                total += (long)RelativeBuckets * Layers[0].Heads;
            if (VocabularyHead == VocabularyHead.Masked)
                total += dense + norm + VocabularySize;
            if (Pooler != PoolerKind.None)
                total += dense;
            foreach (LayerSpec l in Layers)
                total += l.Weights(Width, FeedForwardMatrices, active: false) + norm * (NormPlace == NormPlace.Both ? 4 : 2) + Small(l);
            if (Encoder is not null)
                total += Encoder.Parameters - (long)VocabularySize * Width + Layers.Sum(l => l.AttentionWeights(Width) + norm);
            return total;
        }
    }

    // Biases, and the norms of queries and keys.
    private long Small(LayerSpec l)
    {
        int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize;
        long small = QueryKeyNorm switch { QueryKeyNorm.Head => 2 * l.HeadSize, QueryKeyNorm.Whole => q + kv, _ => 0 };
        if (Biases.HasFlag(Biases.QueryKeyValue))
            small += q + 2 * kv;
        if (Biases.HasFlag(Biases.AttentionOutput))
            small += Width;
        if (Biases.HasFlag(Biases.FeedForward))
            small += (Gated ? 2L : 1) * l.FeedForwardWidth + Width;
        return small;
    }

    /// <summary>The first thing that makes this spec impossible, or null.</summary>
    public string? Problem()
    {
        if (VocabularySize < 1 || Width < 1 || ContextLength < 1)
            return "vocabulary, width and context must be positive";
        if (!(NormEpsilon > 0) || !(RotaryBase > 1) || LocalRotaryBase is { } local && !(local > 1))
            return "the norm's epsilon must be positive and the rotary base above 1";
        if (!(QueryScale >= 0) || !(AttentionSoftCap >= 0) || !(LogitSoftCap >= 0) || !float.IsFinite(EmbeddingScale) || !(OutputScale > 0) || !float.IsFinite(OutputScale))
            return "scales and caps must not be negative";
        if (PositionOffset < 0 || TokenTypes < 0)
            return "positions and kinds of tokens must not be negative";
        if (ParallelResidual && NormPlace == NormPlace.AfterSum)
            return "attention and feed-forward side by side have no sum to norm between them";
        foreach (LayerSpec layer in Layers)
        {
            if (ProblemOf(layer) is { } problem)
                return problem;
        }
        if (Position == PositionKind.RelativeBias && ProblemOfBias() is { } bias)
            return bias;
        if (Encoder is not null && ProblemOfEncoder(Encoder) is { } encoder)
            return encoder;
        return Parameters > 1L << 40 ? "more than 2^40 weights" : null;
    }

    private string? ProblemOfBias()
    {
        if (Layers.Count == 0 || Layers.Any(l => l.Heads != Layers[0].Heads))
            return "layers that share a bias of positions need the same number of heads";
        return Numerics.Kernels.RelativeBuckets.Problem(RelativeBuckets, RelativeDistance, Bidirectional);
    }

    private string? ProblemOfEncoder(TransformerSpec encoder)
    {
        if (encoder.VocabularySize != VocabularySize || encoder.Width != Width)
            return "an encoder and its decoder need the same vocabulary and width";
        if (!encoder.Bidirectional || encoder.Encoder is not null)
            return "an encoder reads whole texts and has no encoder of its own";
        if (NormPlace != NormPlace.Before || ParallelResidual || Biases != Biases.None)
            return "a decoder with an encoder has norms before its blocks and no biases";
        if ((uint)DecoderStart >= (uint)VocabularySize)
            return $"the decoder's first token, {DecoderStart}, is outside of the vocabulary of {VocabularySize}";
        return encoder.Problem() is { } problem ? $"encoder: {problem}" : null;
    }

    private string? ProblemOf(LayerSpec layer)
    {
        if (layer.Heads < 1 || layer.KeyValueHeads < 1 || layer.Heads % layer.KeyValueHeads != 0)
            return $"{layer.Heads} heads cannot share {layer.KeyValueHeads} key-value heads";
        if (layer.HeadSize < 2 || layer.HeadSize % 2 != 0 || layer.HeadSize != Layers[0].HeadSize)
            return $"head size {layer.HeadSize} must be even and the same in every layer";
        if (RotarySize is { } turned && (turned < 2 || turned % 2 != 0 || turned > layer.HeadSize))
            return $"{turned} elements of a head of {layer.HeadSize} cannot be turned: an even number of them can";
        if (layer.FeedForwardWidth < 1)
            return "a feed-forward width must be positive";
        if (layer.Window < 0)
            return "a window must not be negative";
        if (layer.Experts is { } e && (e.Count < 1 || e.PerToken < 1 || e.PerToken > e.Count || e.SharedWidth < 0))
            return $"a token cannot be sent to {e.PerToken} of {e.Count} experts";
        if (layer.Experts is not null && Biases.HasFlag(Biases.FeedForward))
            return "experts with biases are not supported";
        return null;
    }
}
