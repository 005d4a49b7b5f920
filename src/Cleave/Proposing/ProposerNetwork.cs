using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Proposing;

/// <summary>Where a batch of studies lies in its rows: in each study the known trials stand before the asked ones.</summary>
/// <param name="Offsets">Study s is rows Offsets[s] … Offsets[s + 1] − 1.</param>
/// <param name="KnownOffsets">The same of the known rows alone.</param>
/// <param name="Known">The places of the known rows.</param>
/// <param name="Asked">The places of the asked rows.</param>
public readonly record struct StudyRows(ReadOnlyMemory<int> Offsets, ReadOnlyMemory<int> KnownOffsets, ReadOnlyMemory<int> Known, ReadOnlyMemory<int> Asked);

/// <summary>
/// A transformer over trials in Llama's blocks, without positions: every trial looks at the known ones, so their order does not matter and asked
/// trials do not see each other (Müller et al., "Transformers Can Do Bayesian Inference", 2022). Its answer to an asked trial is a distribution over
/// intervals of values, said as what is to be added to the logits of a <see cref="ProcessAverage"/>.
/// </summary>
public sealed class ProposerNetwork
{
    private const float Epsilon = 1e-5f;

    private readonly List<(string Name, Tensor Tensor)> _parameters = [];
    private readonly DenseLinear _input, _head;
    private readonly Norm _finalNorm;
    private readonly Layer[] _layers;

    /// <param name="shape">A checked one.</param>
    /// <param name="fill">Gives a weight (rows, columns) its values: by its name, with the deviation that a new one has.</param>
    private ProposerNetwork(ProposerShape shape, Action<string, float, Tensor> fill)
    {
        Shape = shape;
        Rows = new TrialRows(shape);
        int width = shape.Width;
        float inner = 1 / MathF.Sqrt(width), last = inner / MathF.Sqrt(2 * shape.Layers);
        _input = new DenseLinear(New("model.input.weight", width, Rows.Columns, 0.15f));
        _layers = [.. Enumerable.Range(0, shape.Layers).Select(l => new Layer(shape.Heads,
            NewNorm(WeightNames.AttentionNorm(l)),
            Matrix(WeightNames.Query(l), width, width, inner), Matrix(WeightNames.Key(l), width, width, inner),
            Matrix(WeightNames.Value(l), width, width, inner), Matrix(WeightNames.AttentionOutput(l), width, width, last),
            NewNorm(WeightNames.FeedForwardNorm(l)),
            new FeedForward(Activation.Silu, Matrix(WeightNames.Gate(l), shape.FeedForward, width, inner), Matrix(WeightNames.Up(l), shape.FeedForward, width, inner),
                Matrix(WeightNames.Down(l), width, shape.FeedForward, last))))];
        _finalNorm = NewNorm(WeightNames.FinalNorm);
        _head = new DenseLinear(New("head.weight", shape.Bins, width, 0), New("head.bias", 1, shape.Bins, 0));

        DenseLinear Matrix(string name, int rows, int columns, float deviation) => new(New(name, rows, columns, deviation));
        Norm NewNorm(string name) => new(NormKind.Rms, Epsilon, New(name, 1, width, float.NaN), null);
        Tensor New(string name, int rows, int columns, float deviation)
        {
            Tensor tensor = Tensor.Parameter(rows, columns);
            fill(name, deviation, tensor);
            _parameters.Add((name, tensor));
            return tensor;
        }
    }

    public ProposerShape Shape { get; }

    /// <summary>How its rows are written.</summary>
    public TrialRows Rows { get; }

    public IReadOnlyList<(string Name, Tensor Tensor)> Parameters => _parameters;

    /// <summary>How many numbers a network of the shape learns.</summary>
    public static long Weights(ProposerShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        long width = shape.Width;
        return width * new TrialRows(shape).Columns + shape.Layers * (4 * width * width + 3 * width * shape.FeedForward + 2 * width) + width + (width + 1) * shape.Bins;
    }

    /// <summary>A new one.</summary>
    public static ProposerNetwork Create(ProposerShape shape, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(rng);
        shape.Check();
        return new ProposerNetwork(shape, (_, deviation, tensor) =>
        {
            foreach (ref float w in tensor.Data)
                w = float.IsNaN(deviation) ? 1 : (float)(rng.NextGaussian() * deviation); // a norm begins at 1
        });
    }

    /// <summary>One with weights from elsewhere.</summary>
    /// <param name="fill">Writes a weight of a name.</param>
    internal static ProposerNetwork Load(ProposerShape shape, Action<string, Tensor> fill) => new(shape, (name, _, tensor) => fill(name, tensor));

    /// <summary>Rows (N, columns) of whole studies and the logits to start from (asked rows, K) → logits (asked rows, K).</summary>
    public Tensor Forward(Tape tape, Tensor rows, Tensor start, in StudyRows places)
    {
        ArgumentNullException.ThrowIfNull(tape);
        Tensor x = _input.Forward(tape, rows);
        foreach (Layer layer in _layers)
        {
            Tensor h = layer.Normed(tape, x);
            (Tensor k, Tensor v) = layer.KeysAndValues(tape, Op.GatherRows(tape, h, places.Known));
            x = layer.Finish(tape, x, h, k, v, places.Offsets, places.KnownOffsets);
        }
        return Head(tape, Op.GatherRows(tape, x, places.Asked), start);
    }

    /// <summary>What asked trials look at of known ones (N, columns): each layer's keys and values, which the caller disposes of.</summary>
    internal (Tensor Keys, Tensor Values)[] Know(Tape tape, Tensor rows)
    {
        int[] offsets = [0, rows.Rows];
        var kept = new (Tensor, Tensor)[_layers.Length];
        Tensor x = _input.Forward(tape, rows);
        for (int l = 0; l < _layers.Length; l++)
        {
            Tensor h = _layers[l].Normed(tape, x);
            (Tensor k, Tensor v) = _layers[l].KeysAndValues(tape, h);
            kept[l] = (Tensor.From(k.Data, k.Rows, k.Columns, requiresGradient: false), Tensor.From(v.Data, v.Rows, v.Columns, requiresGradient: false));
            if (l + 1 < _layers.Length)
                x = _layers[l].Finish(tape, x, h, k, v, offsets, offsets);
        }
        return kept;
    }

    /// <summary>Asked rows (M, columns) and the logits to start from (M, K) → logits (M, K).</summary>
    internal Tensor Ask(Tape tape, Tensor rows, Tensor start, (Tensor Keys, Tensor Values)[] known)
    {
        int[] offsets = [0, rows.Rows], keyOffsets = [0, known[0].Keys.Rows];
        Tensor x = _input.Forward(tape, rows);
        for (int l = 0; l < _layers.Length; l++)
            x = _layers[l].Finish(tape, x, _layers[l].Normed(tape, x), known[l].Keys, known[l].Values, offsets, keyOffsets);
        return Head(tape, x, start);
    }

    private Tensor Head(Tape tape, Tensor x, Tensor start) => Op.Add(tape, _head.Forward(tape, _finalNorm.Forward(tape, x)), start);

    /// <summary>Attention to known trials and a feed-forward network, each behind a norm and beside what comes in.</summary>
    private sealed class Layer(int heads, Norm attentionNorm, Linear query, Linear key, Linear value, Linear output, Norm feedForwardNorm, FeedForward feedForward)
    {
        public Tensor Normed(Tape tape, Tensor x) => attentionNorm.Forward(tape, x);

        public (Tensor Keys, Tensor Values) KeysAndValues(Tape tape, Tensor known) => SharedInput.Forward(tape, known, key, value);

        /// <param name="h">x behind the norm.</param>
        public Tensor Finish(Tape tape, Tensor x, Tensor h, Tensor keys, Tensor values, ReadOnlyMemory<int> offsets, ReadOnlyMemory<int> keyOffsets)
        {
            Tensor seen = Op.CrossAttention(tape, query.Forward(tape, h), keys, values, offsets, keyOffsets, heads, heads);
            x = Op.Add(tape, x, output.Forward(tape, seen));
            return Op.Add(tape, x, feedForward.Forward(tape, feedForwardNorm.Forward(tape, x), default, 0));
        }
    }
}
