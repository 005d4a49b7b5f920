using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>
/// A decoder built from a <see cref="TransformerSpec"/>: embedding, layers, final norm, and the projection back to
/// the vocabulary. Training, compression and serving all run this class.
/// </summary>
public sealed class Transformer
{
    private const int ReadAtOnce = 512; // tokens: enough to use every weight often
    private readonly RotaryTable _rotary;

    internal Transformer(TransformerSpec spec, Linear embedding, IReadOnlyList<Layer> layers, Tensor finalNorm, Linear? output)
    {
        Spec = spec;
        Embedding = embedding;
        Layers = layers;
        FinalNorm = finalNorm;
        UntiedOutput = output;
        _rotary = new RotaryTable(spec.Layers.Count > 0 ? spec.Layers[0].HeadSize : 2, spec.RotaryBase, spec.ContextLength);
    }

    public TransformerSpec Spec { get; }

    /// <summary>How training keeps what its backward pass needs; inference takes no notice.</summary>
    public TrainingMemory TrainingMemory { get; set; }

    /// <summary>How caches keep keys and values.</summary>
    public KeyValueFormat CacheFormat { get; set; }

    /// <summary>The token table, (V, C).</summary>
    public Linear Embedding { get; private set; }

    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>(1, C).</summary>
    public Tensor FinalNorm { get; }

    /// <summary>The projection to the vocabulary where it is not the token table.</summary>
    public Linear? UntiedOutput { get; private set; }

    /// <summary>The projection to the vocabulary, (V, C).</summary>
    public Linear Output => UntiedOutput ?? Embedding;

    /// <summary>A model with random weights: normal(0, 0.02), projections into the residual stream scaled by 1/√(2L) (Radford et al., 2019).</summary>
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
        int c = spec.Width;
        Linear embedding = loadLinear(WeightNames.Embedding, spec.VocabularySize, c);
        var layers = new Layer[spec.Layers.Count];
        for (int i = 0; i < layers.Length; i++)
        {
            LayerSpec s = spec.Layers[i];
            int qw = s.Heads * s.HeadSize, kw = s.KeyValueHeads * s.HeadSize;
            Tensor attentionNorm = load(WeightNames.AttentionNorm(i), 1, c);
            var attention = new SelfAttention(s, loadLinear(WeightNames.Query(i), qw, c), loadLinear(WeightNames.Key(i), kw, c),
                loadLinear(WeightNames.Value(i), kw, c), loadLinear(WeightNames.AttentionOutput(i), c, qw));
            Tensor feedForwardNorm = load(WeightNames.FeedForwardNorm(i), 1, c);
            var feedForward = new FeedForward(loadLinear(WeightNames.Gate(i), s.FeedForwardWidth, c),
                loadLinear(WeightNames.Up(i), s.FeedForwardWidth, c), loadLinear(WeightNames.Down(i), c, s.FeedForwardWidth));
            layers[i] = new Layer(s, attentionNorm, attention, feedForwardNorm, feedForward);
        }
        Tensor finalNorm = load(WeightNames.FinalNorm, 1, c);
        Linear? output = spec.TiedEmbeddings ? null : loadLinear(WeightNames.Output, spec.VocabularySize, c);
        return new Transformer(spec, embedding, layers, finalNorm, output);
    }

    /// <summary>
    /// Tokens to hidden states after the final norm: (N, C). With caches, the batch holds each sequence's new tokens,
    /// and the caches take their keys and values.
    /// </summary>
    /// <exception cref="CapacityException">A position is beyond the context.</exception>
    public Tensor Forward(Tape tape, TokenBatch batch, bool causal = true, IReadOnlyList<KeyValuePages>? caches = null, IActivationObserver? observer = null)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(batch);
        CheckPositions(batch);
        var context = new ForwardContext(batch, _rotary, causal, caches, observer);
        int mark = tape.Mark;
        Tensor x = Embed(tape, batch.Ids);
        for (int i = 0; i < Layers.Count; i++)
        {
            int before = tape.Mark - 1; // the layer's input
            x = TrainingMemory.Recompute && observer is null && tape.Records
                ? tape.Recompute(new LayerSegment(Layers[i], context, i, Spec.NormEpsilon), x)
                : Layers[i].Forward(tape, x, context, i, Spec.NormEpsilon);
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
        return Op.RmsNorm(tape, x, FinalNorm, Spec.NormEpsilon);
    }

    /// <summary>
    /// The logits after each sequence's last token, (B, V). The batch holds each sequence's new tokens, and the caches take
    /// their keys and values.
    /// </summary>
    /// <exception cref="CapacityException">A position is beyond the context.</exception>
    public Tensor NextLogits(Tape tape, TokenBatch batch, IReadOnlyList<KeyValuePages> caches) =>
        Output.Forward(tape, Op.GatherRows(tape, Forward(tape, batch, caches: caches), batch.LastRows));

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
        for (; ids.Length > ReadAtOnce; ids = ids[ReadAtOnce..])
        {
            batch.Clear();
            Forward(tape, batch.Add(ids[..ReadAtOnce], caches[0].Length), caches: caches);
            tape.Reset();
        }
        batch.Clear();
        return NextLogits(tape, batch.Add(ids, caches[0].Length), caches);
    }

    /// <summary>A cache for one sequence's keys and values: what lets the next token be computed from the last one alone.</summary>
    public KeyValuePages NewCache() => new([.. Layers.Select(l => l.Spec.KeyValueHeads)], Layers.Count > 0 ? Layers[0].Spec.HeadSize : 1, CacheFormat);

    /// <summary>Every weight that is a float32 tensor, by its Hugging Face name, in file order.</summary>
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

    /// <summary>Every weight, a <see cref="Tensor"/> or a <see cref="Linear"/>, by its Hugging Face name, in file order.</summary>
    public IEnumerable<(string Name, object Weight)> Weights()
    {
        yield return (WeightNames.Embedding, Embedding);
        for (int i = 0; i < Layers.Count; i++)
        {
            Layer l = Layers[i];
            yield return (WeightNames.AttentionNorm(i), l.AttentionNorm);
            yield return (WeightNames.Query(i), l.Attention.Query);
            yield return (WeightNames.Key(i), l.Attention.Key);
            yield return (WeightNames.Value(i), l.Attention.Value);
            yield return (WeightNames.AttentionOutput(i), l.Attention.Output);
            yield return (WeightNames.FeedForwardNorm(i), l.FeedForwardNorm);
            yield return (WeightNames.Gate(i), l.FeedForward.Gate);
            yield return (WeightNames.Up(i), l.FeedForward.Up);
            yield return (WeightNames.Down(i), l.FeedForward.Down);
        }
        yield return (WeightNames.FinalNorm, FinalNorm);
        if (UntiedOutput is not null)
            yield return (WeightNames.Output, UntiedOutput);
    }

    /// <summary>
    /// Installs other weights behind the same shapes: <paramref name="choose"/> gets each matrix with its name and
    /// returns it or a replacement.
    /// </summary>
    public void ReplaceLinears(Func<string, Linear, Linear> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        Embedding = Replace(WeightNames.Embedding, Embedding);
        for (int i = 0; i < Layers.Count; i++)
        {
            SelfAttention a = Layers[i].Attention;
            a.Query = Replace(WeightNames.Query(i), a.Query);
            a.Key = Replace(WeightNames.Key(i), a.Key);
            a.Value = Replace(WeightNames.Value(i), a.Value);
            a.Output = Replace(WeightNames.AttentionOutput(i), a.Output);
            FeedForward f = Layers[i].FeedForward;
            f.Gate = Replace(WeightNames.Gate(i), f.Gate);
            f.Up = Replace(WeightNames.Up(i), f.Up);
            f.Down = Replace(WeightNames.Down(i), f.Down);
        }
        if (UntiedOutput is not null)
            UntiedOutput = Replace(WeightNames.Output, UntiedOutput);

        Linear Replace(string name, Linear linear)
        {
            Linear replacement = choose(name, linear);
            if (replacement.Inputs != linear.Inputs || replacement.Outputs != linear.Outputs)
                throw new ArgumentException($"{name}: a replacement of ({replacement.Outputs}, {replacement.Inputs}) for ({linear.Outputs}, {linear.Inputs})");
            return replacement;
        }
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

    private readonly record struct LayerSegment(Layer Layer, ForwardContext Context, int Index, float Epsilon) : ISegment
    {
        public Tensor Run(Tape tape, Tensor x) => Layer.Forward(tape, x, Context, Index, Epsilon);
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
