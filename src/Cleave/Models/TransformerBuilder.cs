using Cleave.Models.Blocks;
using Cleave.Models.Positions;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>Puts the blocks of a spec together, taking each weight by its name in a fixed order.</summary>
internal sealed class TransformerBuilder(TransformerSpec spec, Func<string, int, int, Tensor> load, Func<string, int, int, Linear> loadLinear)
{
    private readonly Dictionary<double, RotaryTable> _rotary = [];

    /// <param name="shared">The token table where it is another model's; null to take it by its name.</param>
    public Transformer Build(Linear? shared = null)
    {
        int c = spec.Width;
        Linear embedding = shared ?? loadLinear(WeightNames.Embedding, spec.VocabularySize, c);
        Transformer? encoder = spec.Encoder is null ? null : Encoder(spec.Encoder).Build(embedding);
        Tensor? bias = spec.Position == PositionKind.RelativeBias ? load(WeightNames.RelativeBias, spec.RelativeBuckets, spec.Layers[0].Heads) : null;
        Tensor? positions = spec.Position == PositionKind.Learned ? load(WeightNames.Positions, spec.ContextLength + spec.PositionOffset, c) : null;
        Tensor? tokenTypes = spec.TokenTypes > 0 ? load(WeightNames.TokenTypes, spec.TokenTypes, c) : null;
        Norm? embeddingNorm = spec.EmbeddingNorm ? Norm(WeightNames.EmbeddingNorm, c) : null;
        Layer[] layers = [.. spec.Layers.Select(Layer)];
        Norm? finalNorm = spec.HasFinalNorm ? Norm(WeightNames.FinalNorm, c) : null;
        MaskedHead? masked = spec.VocabularyHead == VocabularyHead.Masked
            ? new MaskedHead(spec.Activation, Biased(WeightNames.MaskedDense, c, c), Norm(WeightNames.MaskedNorm, c)) : null;
        Linear? output = spec.HasOwnOutput ? loadLinear(WeightNames.Output, spec.VocabularySize, c) : null;
        Tensor? outputBias = masked is not null ? load(WeightNames.BiasOf(WeightNames.Output), 1, spec.VocabularySize) : null;
        return new Transformer(spec, embedding, positions, layers, finalNorm, output)
        {
            Encoder = encoder,
            RelativeBias = bias,
            TokenTypes = tokenTypes,
            EmbeddingNorm = embeddingNorm,
            MaskedHead = masked,
            OutputBias = outputBias,
            Pooler = spec.Pooler == PoolerKind.None ? null : new Pooler(spec.Pooler, Biased(WeightNames.Pooler, c, c)),
        };
    }

    private TransformerBuilder Encoder(TransformerSpec encoder) => new(encoder,
        (name, rows, columns) => load(WeightNames.EncoderPrefix + name, rows, columns),
        (name, rows, columns) => loadLinear(WeightNames.EncoderPrefix + name, rows, columns));

    private Layer Layer(LayerSpec s, int i)
    {
        bool before = spec.NormPlace is NormPlace.Before or NormPlace.Both, after = spec.NormPlace != NormPlace.Before;
        int c = spec.Width;
        Norm? attentionNorm = before ? Norm(WeightNames.AttentionNorm(i), c) : null;
        SelfAttention attention = Attention(s, i);
        Norm? attentionPostNorm = after ? Norm(WeightNames.AttentionPostNorm(i), c) : null;
        Norm? crossNorm = spec.Encoder is null ? null : Norm(WeightNames.CrossNorm(i), c);
        CrossAttention? cross = spec.Encoder is null ? null : Cross(s, i);
        Norm? feedForwardNorm = before ? Norm(WeightNames.FeedForwardNorm(i), c) : null;
        FeedForward? feedForward = s.Experts is null ? FeedForward(WeightNames.FeedForward(i), s.FeedForwardWidth) : null;
        Experts? experts = s.Experts is { } e ? Experts(e, s.FeedForwardWidth, i) : null;
        return new Layer(s, spec.ParallelResidual, attention, feedForward, experts)
        {
            NormsSum = spec.NormPlace == NormPlace.AfterSum,
            AttentionNorm = attentionNorm,
            AttentionPostNorm = attentionPostNorm,
            CrossNorm = crossNorm,
            Cross = cross,
            FeedForwardNorm = feedForwardNorm,
            FeedForwardPostNorm = after ? Norm(WeightNames.FeedForwardPostNorm(i), c) : null,
        };
    }

    private SelfAttention Attention(LayerSpec s, int i)
    {
        int qw = s.Heads * s.HeadSize, kw = s.KeyValueHeads * s.HeadSize;
        var rule = new ScoreRule(spec.QueryScale, spec.AttentionSoftCap, s.Window);
        Linear query = Linear(WeightNames.Query(i), qw, spec.Width, Biases.QueryKeyValue);
        Linear key = Linear(WeightNames.Key(i), kw, spec.Width, Biases.QueryKeyValue);
        Linear value = Linear(WeightNames.Value(i), kw, spec.Width, Biases.QueryKeyValue);
        bool whole = spec.QueryKeyNorm == QueryKeyNorm.Whole, normed = spec.QueryKeyNorm != QueryKeyNorm.None;
        Norm? queryNorm = normed ? Norm(WeightNames.QueryNorm(i), whole ? qw : s.HeadSize) : null;
        Norm? keyNorm = normed ? Norm(WeightNames.KeyNorm(i), whole ? kw : s.HeadSize) : null;
        Linear output = Linear(WeightNames.AttentionOutput(i), spec.Width, qw, Biases.AttentionOutput);
        return new SelfAttention(s, rule, Rotary(s), query, key, value, output) { QueryNorm = queryNorm, KeyNorm = keyNorm };
    }

    private CrossAttention Cross(LayerSpec s, int i)
    {
        int qw = s.Heads * s.HeadSize, kw = s.KeyValueHeads * s.HeadSize;
        Linear query = loadLinear(WeightNames.CrossQuery(i), qw, spec.Width), key = loadLinear(WeightNames.CrossKey(i), kw, spec.Width);
        Linear value = loadLinear(WeightNames.CrossValue(i), kw, spec.Width);
        return new CrossAttention(s, new ScoreRule(spec.QueryScale, spec.AttentionSoftCap), query, key, value, loadLinear(WeightNames.CrossOutput(i), spec.Width, qw));
    }

    private Experts Experts(ExpertSpec e, int width, int i)
    {
        var router = new DenseLinear(load(WeightNames.Router(i), e.Count, spec.Width));
        FeedForward[] networks = [.. Enumerable.Range(0, e.Count).Select(n => FeedForward(WeightNames.Expert(i, n), width))];
        if (e.SharedWidth == 0)
            return new Experts(e, router, networks, null, null);
        FeedForward shared = FeedForward(WeightNames.SharedExpert(i), e.SharedWidth);
        return new Experts(e, router, networks, shared, new DenseLinear(load(WeightNames.SharedExpertGate(i), 1, spec.Width)));
    }

    private FeedForward FeedForward(string name, int width)
    {
        Linear? gate = spec.Gated ? Linear(name + WeightNames.GatePart, width, spec.Width, Biases.FeedForward) : null;
        Linear up = Linear(name + WeightNames.UpPart, width, spec.Width, Biases.FeedForward);
        return new FeedForward(spec.Activation, gate, up, Linear(name + WeightNames.DownPart, spec.Width, width, Biases.FeedForward));
    }

    private Linear Linear(string name, int rows, int columns, Biases bias) =>
        spec.Biases.HasFlag(bias) ? Biased(name, rows, columns) : loadLinear(name, rows, columns);

    private Linear Biased(string name, int rows, int columns) =>
        loadLinear(name, rows, columns).WithBias(load(WeightNames.BiasOf(name), 1, rows));

    private Norm Norm(string name, int columns) => new(spec.Norm, spec.NormEpsilon, load(name, 1, columns),
        spec.Norm == NormKind.Layer ? load(WeightNames.BiasOf(name), 1, columns) : null);

    // Layers with the same frequencies share a table.
    private RotaryTable? Rotary(LayerSpec s)
    {
        if (spec.Position != PositionKind.Rotary)
            return null;
        bool local = s.Window > 0 && spec.LocalRotaryBase is not null;
        double theta = local ? spec.LocalRotaryBase!.Value : spec.RotaryBase;
        double key = local ? -theta : theta;
        if (!_rotary.TryGetValue(key, out RotaryTable? table))
            _rotary[key] = table = RotaryScaling.Table(local ? null : spec.RotaryScaling, spec.RotarySize ?? s.HeadSize, theta, spec.ContextLength);
        return table;
    }
}
