using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>
/// A decoder or an encoder built from a <see cref="TransformerSpec"/>: embedding, layers, final norm, and the projection back
/// to the vocabulary. Training, compression and serving all run this class.
/// </summary>
public sealed partial class Transformer
{
    // Of a prompt at once: enough tokens to use every weight often, few enough that a layer's activations take no more than this.
    private const int MostAtOnce = 512, LeastAtOnce = 64;
    private const long ActivationBytes = 4 << 20;

    private const string Decoder = "starter"; // ships with the program

    private readonly int _atOnce;

    internal Transformer(TransformerSpec spec, Linear embedding, Tensor? positions, IReadOnlyList<Layer> layers, Norm? finalNorm, Linear? output)
    {
        Spec = spec;
        Embedding = embedding;
        Positions = positions;
        Layers = layers;
        FinalNorm = finalNorm;
        UntiedOutput = output;
        long widest = spec.Layers.Select(l => 3L * l.FeedForwardWidth + 2L * l.Heads * l.HeadSize).DefaultIfEmpty().Max() + 4L * spec.Width;
        _atOnce = (int)Math.Clamp(ActivationBytes / (sizeof(float) * widest), LeastAtOnce, MostAtOnce);
    }

    public TransformerSpec Spec { get; }

    /// <summary>How training keeps what its backward pass needs; inference takes no notice.</summary>
    public TrainingMemory TrainingMemory
    {
        get;
        set
        {
            field = value;
            Encoder?.TrainingMemory = value;
        }
    }

    /// <summary>What training leaves out at random, or null; inference takes no notice.</summary>
    /// <exception cref="CleaveException">The model has no place where something of it is left out.</exception>
    public TrainingNoise? TrainingNoise
    {
        get;
        set
        {
            value?.RequirePlaces(this);
            field = value;
        }
    }

    /// <summary>How caches keep keys and values.</summary>
    public KeyValueFormat CacheFormat { get; set; }

    /// <summary>The token table, (V, C).</summary>
    public Linear Embedding { get; private set; }

    /// <summary>The table of learned positions, (offset + context, C), or null.</summary>
    public Tensor? Positions { get; }

    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>The embeddings of the kinds of tokens, (kinds, C), or null.</summary>
    public Tensor? TokenTypes { get; internal init; }

    /// <summary>Of the sum of the embeddings, or null.</summary>
    public Norm? EmbeddingNorm { get; internal init; }

    /// <summary>Behind the last layer; null where the layers' own norms stand there.</summary>
    public Norm? FinalNorm { get; }

    /// <summary>What a masked language model has before its projection to the vocabulary, or null.</summary>
    public MaskedHead? MaskedHead { get; internal init; }

    /// <summary>The bias of the projection to the vocabulary, (1, V), or null.</summary>
    public Tensor? OutputBias { get; internal init; }

    /// <summary>What texts are classified by, or null.</summary>
    public Pooler? Pooler { get; internal init; }

    /// <summary>The projection to the vocabulary where it is not the token table.</summary>
    public Linear? UntiedOutput { get; private set; }

    /// <summary>The projection to the vocabulary, (V, C), without its bias.</summary>
    public Linear Output => UntiedOutput ?? Embedding;

    /// <summary>A model with random weights: normal(0, 0.02), projections into the residual stream scaled by 1/√(2L) (Radford et al., 2019), biases 0.</summary>
    public static Transformer Create(TransformerSpec spec, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Problem() is { } problem)
            throw new ArgumentException(problem, nameof(spec));
        double residual = 0.02 / Math.Sqrt(2.0 * Math.Max(1, spec.Layers.Count));
        return Build(spec, (name, rows, columns) =>
        {
            Tensor t = Tensor.Parameter(rows, columns);
            if (rows == 1 && name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                t.Data.Fill(1);
                return t;
            }
            if (name.EndsWith(".bias", StringComparison.Ordinal))
                return t;
            bool intoResidual = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
            foreach (ref float w in t.Data)
                w = (float)(rng.NextGaussian() * (intoResidual ? residual : 0.02));
            return t;
        });
    }

    /// <summary>A model whose weights come from <paramref name="load"/> (name, rows, columns), called in a fixed order.</summary>
    public static Transformer Build(TransformerSpec spec, Func<string, int, int, Tensor> load) =>
        Build(spec, load, (name, rows, columns) => new DenseLinear(load(name, rows, columns)));

    /// <summary>As above, with the matrices made by <paramref name="loadLinear"/>.</summary>
    public static Transformer Build(TransformerSpec spec, Func<string, int, int, Tensor> load, Func<string, int, int, Linear> loadLinear)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return new TransformerBuilder(spec, load, loadLinear).Build();
    }

    /// <summary>
    /// Tokens to hidden states after the final norm: (N, C). With caches, the batch holds each sequence's new tokens,
    /// and the caches take their keys and values.
    /// </summary>
    /// <param name="causal">False: every token sees its whole sequence, as it always does where the spec is bidirectional.</param>
    /// <param name="source">What a decoder with an encoder looks at, sequence by sequence; not needed where the caches keep it.</param>
    /// <exception cref="CapacityException">A position is beyond the context.</exception>
    /// <exception cref="CleaveException">There is an encoder, and nothing to look at.</exception>
    public Tensor Forward(Tape tape, TokenBatch batch, bool causal = true, IReadOnlyList<KeyValuePages>? caches = null, IActivationObserver? observer = null,
        EncodedSource? source = null)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(batch);
        CheckPositions(batch);
        RequireSource(source, caches);
        if (caches is not null)
            RequireContinuation();
        TrainingNoise? noise = TrainingNoise is { Active: true } active ? active : null;
        var context = new ForwardContext(batch, causal && !Spec.Bidirectional, caches, observer, noise) { Source = source, Bias = PositionBias(tape) };
        int mark = tape.Mark;
        Tensor x = Embed(tape, batch);
        for (int i = 0; i < Layers.Count; i++)
        {
            tape.Milestone(Layers[i]);
            if (noise is not null && noise.Skips(i))
                continue;
            int before = tape.Mark - 1; // the layer's input
            x = TrainingMemory.Recompute && observer is null && tape.Records
                ? tape.Recompute(new LayerSegment(Layers[i], context, i), x)
                : Layers[i].Forward(tape, x, context, i);
            tape.KeepOnly(x, mark);
            if (TrainingMemory.BFloat16)
                tape.KeepInBFloat16(before, x);
        }
        if (caches is not null)
        {
            ReadOnlySpan<int> offsets = batch.Offsets.Span;
            for (int s = 0; s < caches.Count; s++)
                caches[s].Advance(offsets[s + 1] - offsets[s]);
        }
        return FinalNorm?.Forward(tape, x) ?? x;
    }

    /// <summary>Hidden states (N, C) to logits (N, V).</summary>
    /// <exception cref="CleaveException">The model has no head for the vocabulary.</exception>
    public Tensor Logits(Tape tape, Tensor hidden)
    {
        Tensor logits = WithOutputBias().Forward(tape, BeforeOutput(tape, hidden));
        return Spec.LogitSoftCap > 0 ? Op.SoftCap(tape, logits, Spec.LogitSoftCap) : logits;
    }

    /// <summary>
    /// The mean negative log-likelihood of each row's target (below 0: skipped), recorded as a loss, without holding all
    /// logits: <see cref="Op.LinearCrossEntropy"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">A teacher, and the projection to the vocabulary is not float32.</exception>
    /// <exception cref="CleaveException">The model has no head for the vocabulary.</exception>
    public double Loss(Tape tape, Tensor hidden, ReadOnlySpan<int> targets, float smoothing = 0, float weight = 1, ISoftTargets? teacher = null) =>
        Output is DenseLinear { Weight: var projection }
            ? Op.LinearCrossEntropy(tape, BeforeOutput(tape, hidden), projection, targets, smoothing, weight, teacher, Spec.LogitSoftCap, OutputBias)
            : teacher is null ? Op.CrossEntropy(tape, Logits(tape, hidden), targets, smoothing, weight) // through a frozen or adapted projection
            : throw new InvalidOperationException("soft targets need a projection to the vocabulary in float32");

    /// <summary>What a classifier sees of each sequence: its first hidden state, through the pooler where there is one. hidden (N, C) → (B, C).</summary>
    public Tensor Pool(Tape tape, Tensor hidden, TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Tensor first = Op.GatherRows(tape, hidden, batch.FirstRows);
        return Pooler?.Forward(tape, first) ?? first;
    }

    /// <summary>Refuses a model that has no next token to say.</summary>
    /// <exception cref="CleaveException">The model is an encoder.</exception>
    public void RequireContinuation()
    {
        if (Spec.Bidirectional)
            throw new CleaveException($"this {Spec.Family} model is an encoder: it reads whole texts and has no next token; use a decoder for this, such as '{Decoder}', or teach it to classify or extract with 'cleave split'");
    }

    /// <summary>The same weights without the parts that only the vocabulary's scores and the pooler need.</summary>
    public Transformer WithoutHeads() =>
        With(Spec with { VocabularyHead = VocabularyHead.None, Pooler = PoolerKind.None }, Layers);

    /// <summary>
    /// The logits after each sequence's last token, (B, V). The batch holds each sequence's new tokens, and the caches take
    /// their keys and values.
    /// </summary>
    /// <exception cref="CapacityException">A position is beyond the context.</exception>
    public Tensor NextLogits(Tape tape, TokenBatch batch, IReadOnlyList<KeyValuePages> caches) =>
        Logits(tape, Op.GatherRows(tape, Forward(tape, batch, caches: caches), batch.LastRows));

    /// <summary>
    /// The logits after one sequence's tokens, (1, V), read a stretch at a time, so that memory does not grow with a
    /// prompt's length.
    /// </summary>
    /// <param name="batch">Working space.</param>
    /// <param name="caches">The sequence's, alone.</param>
    /// <exception cref="CapacityException">A position is beyond the context.</exception>
    public Tensor Read(Tape tape, TokenBatch batch, ReadOnlySpan<int> ids, IReadOnlyList<KeyValuePages> caches)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(caches);
        for (; ids.Length > _atOnce; ids = ids[_atOnce..])
        {
            batch.Clear();
            Forward(tape, batch.Add(ids[.._atOnce], caches[0].Length), caches: caches);
            tape.Reset();
        }
        batch.Clear();
        return NextLogits(tape, batch.Add(ids, caches[0].Length), caches);
    }

    /// <summary>A cache for one sequence's keys and values: what lets the next token be computed from the last one alone.</summary>
    /// <exception cref="CleaveException">The model reads whole texts, or has an encoder: see <see cref="Begin"/>.</exception>
    public KeyValuePages NewCache()
    {
        RequireContinuation();
        RequireOneStack();
        return new(KeyValueHeads, HeadSize, CacheFormat);
    }

    /// <summary>Every weight that is a float32 tensor, by its name, in file order.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Parameters()
    {
        foreach ((string name, object weight) in Weights())
        {
            if (weight is Tensor tensor)
                yield return (name, tensor);
            else if (weight is DenseLinear dense)
                yield return (name, dense.Weight);
        }
    }

    /// <summary>Every weight, a <see cref="Tensor"/> or a <see cref="Linear"/> (whose bias comes behind it), by its name, in file order.</summary>
    public IEnumerable<(string Name, object Weight)> Weights()
    {
        var list = new WeightList();
        Visit(list);
        return list.Items;
    }

    /// <summary>Bytes of all weights as they are held in memory.</summary>
    public long WeightBytes => Weights().Sum(w => w.Weight is Linear linear ? linear.Bytes : sizeof(float) * (long)((Tensor)w.Weight).Length);

    /// <summary>
    /// Installs other weights behind the same shapes: <paramref name="choose"/> gets each matrix with its name and
    /// returns it or a replacement.
    /// </summary>
    public void ReplaceLinears(Func<string, Linear, Linear> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        Visit(new WeightReplacement(choose));
    }

    /// <summary>The same model with some of its layers, in the order given; they share their weights.</summary>
    public Transformer WithLayers(IReadOnlyList<int> kept)
    {
        ArgumentNullException.ThrowIfNull(kept);
        return With(Spec with { Layers = [.. kept.Select(i => Layers[i].Spec)] }, [.. kept.Select(i => Layers[i])]);
    }

    /// <summary>The same model with these layers, and without the heads that <paramref name="spec"/> does not have.</summary>
    private Transformer With(TransformerSpec spec, IReadOnlyList<Layer> layers) => new(spec, Embedding, Positions, layers, FinalNorm, spec.HasOwnOutput ? UntiedOutput : null)
    {
        Encoder = Encoder,
        RelativeBias = RelativeBias,
        TokenTypes = TokenTypes,
        EmbeddingNorm = EmbeddingNorm,
        MaskedHead = spec.VocabularyHead == VocabularyHead.Masked ? MaskedHead : null,
        OutputBias = spec.VocabularyHead == VocabularyHead.None ? null : OutputBias,
        Pooler = spec.Pooler == PoolerKind.None ? null : Pooler,
        TrainingMemory = TrainingMemory,
        TrainingNoise = TrainingNoise,
        CacheFormat = CacheFormat,
    };

    private void Visit(WeightVisitor visitor)
    {
        Embedding = visitor.Linear(WeightNames.Embedding, Embedding);
        VisitBehindEmbedding(visitor);
    }

    private void VisitBehindEmbedding(WeightVisitor visitor)
    {
        VisitEncoder(visitor);
        if (RelativeBias is not null)
            visitor.Tensor(WeightNames.RelativeBias, RelativeBias);
        if (Positions is not null)
            visitor.Tensor(WeightNames.Positions, Positions);
        if (TokenTypes is not null)
            visitor.Tensor(WeightNames.TokenTypes, TokenTypes);
        EmbeddingNorm?.Visit(visitor, WeightNames.EmbeddingNorm);
        for (int i = 0; i < Layers.Count; i++)
            Layers[i].Visit(visitor, i);
        FinalNorm?.Visit(visitor, WeightNames.FinalNorm);
        MaskedHead?.Visit(visitor);
        if (UntiedOutput is not null)
            UntiedOutput = visitor.Linear(WeightNames.Output, UntiedOutput);
        if (OutputBias is not null)
            visitor.Tensor(WeightNames.BiasOf(WeightNames.Output), OutputBias);
        Pooler?.Visit(visitor);
    }

    private Linear WithOutputBias() => OutputBias is null ? Output : Output.WithBias(OutputBias);

    private Tensor BeforeOutput(Tape tape, Tensor hidden)
    {
        if (Spec.VocabularyHead == VocabularyHead.None)
            throw new CleaveException($"this {Spec.Family} model has no head for the vocabulary, so tokens have no scores; use a checkpoint with a language-model head, such as …ForMaskedLM");
        Tensor x = MaskedHead?.Forward(tape, hidden) ?? hidden;
        return Spec.OutputScale == 1 ? x : Op.Scale(tape, x, Spec.OutputScale);
    }

    /// <summary>What goes into the first layer, (N, C).</summary>
    internal Tensor Embed(Tape tape, TokenBatch batch)
    {
        Tensor x = Embed(tape, batch.Ids);
        if (Spec.EmbeddingScale != 1)
            x = Op.Scale(tape, x, Spec.EmbeddingScale);
        if (TokenTypes is not null)
            x = Op.Add(tape, x, Op.Embedding(tape, batch.Types, TokenTypes));
        if (Positions is not null)
            x = Op.Add(tape, x, Op.Embedding(tape, batch.Positions, Positions, Spec.PositionOffset));
        return EmbeddingNorm?.Forward(tape, x) ?? x;
    }

    private Tensor Embed(Tape tape, ReadOnlyMemory<int> ids)
    {
        if (Embedding is DenseLinear dense)
            return Op.Embedding(tape, ids, dense.Weight);
        Tensor x = tape.New(ids.Length, Spec.Width);
        ReadOnlySpan<int> rows = ids.Span;
        for (int n = 0; n < rows.Length; n++)
        {
            if ((uint)rows[n] >= (uint)Spec.VocabularySize)
                throw new ArgumentOutOfRangeException(nameof(ids), $"token id {rows[n]} is outside of the vocabulary of {Spec.VocabularySize}");
            Embedding.CopyRow(rows[n], x.Data.Slice(n * Spec.Width, Spec.Width));
        }
        return x;
    }

    private readonly record struct LayerSegment(Layer Layer, ForwardContext Context, int Index) : ISegment
    {
        public Tensor Run(Tape tape, Tensor x) => Layer.Forward(tape, x, Context, Index);
    }

    private void CheckPositions(TokenBatch batch)
    {
        ReadOnlySpan<int> offsets = batch.Offsets.Span, positions = batch.Positions.Span;
        for (int s = 0; s < batch.Count; s++)
        {
            int last = positions[offsets[s + 1] - 1];
            if (last >= Spec.ContextLength)
                throw new CapacityException($"a sequence of {last + 1} tokens is longer than the model's context of {Spec.ContextLength}; shorten the text");
        }
    }
}
