using Cleave.Formats.Safetensors;

namespace Cleave.Models.Bag;

/// <summary>
/// A hashed n-gram bag as it is served: features → pooled embedding → (hidden layer) → logits, all weights in
/// whole numbers of 8 or 4 bits. Immutable, safe for use from many threads; a prediction allocates nothing
/// once a thread's buffers have grown.
/// </summary>
public sealed partial class BagClassifier
{
    [ThreadStatic]
    private static Scratch? _scratch;

    private readonly QuantizedTable _table;
    private readonly QuantizedTable? _hidden;
    private readonly float[] _hiddenBias;
    private readonly QuantizedTable _output;
    private readonly float[] _outputBias;

    /// <param name="table">(known buckets, dim)</param>
    /// <param name="hidden">(dim, hidden) or null for none</param>
    /// <param name="output">(hidden or dim, classes)</param>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    internal BagClassifier(NgramFeaturizer featurizer, QuantizedTable table, QuantizedTable? hidden, float[] hiddenBias,
        QuantizedTable output, float[] outputBias, IReadOnlyList<string> labels)
    {
        int width = hidden?.Columns ?? table.Columns;
        if (table.Rows != featurizer.Vocabulary.Count || (hidden is not null && hidden.Rows != table.Columns)
            || hiddenBias.Length != (hidden?.Columns ?? 0) || output.Rows != width || output.Columns != labels.Count
            || outputBias.Length != labels.Count)
        {
            throw new ArgumentException("the parts of the bag do not fit together");
        }
        if (labels.Count < 2 || labels.Distinct(StringComparer.Ordinal).Count() != labels.Count)
            throw new ArgumentException($"{labels.Count} labels: at least two are needed, each with its own name", nameof(labels));
        (Featurizer, Labels) = (featurizer, labels);
        (_table, _hidden, _hiddenBias, _output, _outputBias) = (table, hidden, hiddenBias, output, outputBias);
    }

    public NgramFeaturizer Featurizer { get; }

    public IReadOnlyList<string> Labels { get; }

    public int Dim => _table.Columns;

    /// <summary>Width of the hidden layer, 0 where there is none.</summary>
    public int Hidden => _hidden?.Columns ?? 0;

    /// <summary>Bits of an embedding value: 8 or 4.</summary>
    public int Bits => _table.Bits;

    /// <summary>Bytes of all tensors together: what a saved module weighs, but for its two headers.</summary>
    public long WeightBytes => Tensors().Sum(t => t.Shape.Aggregate(1L, (n, d) => n * d) * t.DType.Bytes());

    /// <summary>Rounds a trained bag's weights: the table to the given bits, the head to 8.</summary>
    /// <param name="labels">A name for each class.</param>
    public static BagClassifier From(BagModel model, IReadOnlyList<string> labels, int bits = 8)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(labels);
        BagHead head = model.Head;
        QuantizedTable table = QuantizedTable.From(model.Embedding.Table, model.Embedding.Rows, model.Embedding.Dim, bits);
        QuantizedTable? hidden = head.Hidden == 0 ? null
            : QuantizedTable.From(Transpose(head.HiddenWeight, head.Hidden, head.Dim), head.Dim, head.Hidden, 8);
        QuantizedTable output = QuantizedTable.From(Transpose(head.OutputWeight, head.Classes, head.Width), head.Width, head.Classes, 8);
        return new BagClassifier(model.Featurizer, table, hidden, [.. head.HiddenBias], output, [.. head.OutputBias], [.. labels]);
    }

    /// <summary>The logits of a text.</summary>
    /// <param name="logits">(classes), overwritten.</param>
    public void Predict(ReadOnlySpan<char> text, Span<float> logits)
    {
        if (logits.Length != Labels.Count)
            throw new ArgumentException($"room for {logits.Length} logits, {Labels.Count} classes", nameof(logits));
        Scratch scratch = _scratch ??= new Scratch();
        scratch.Ensure(Math.Max(_table.PaddedColumns, Math.Max(_hidden?.PaddedColumns ?? 0, _output.PaddedColumns)));
        Featurizer.Featurize(text, scratch.Features);
        _table.Pool(scratch.Features.Rows, scratch.Features.Weights, scratch.A);
        if (_hidden is not null)
        {
            Layer(_hidden, _hiddenBias, scratch, scratch.A, scratch.B);
            foreach (ref float h in scratch.B.AsSpan(0, _hidden.Columns))
                h = Math.Max(0, h);
            Layer(_output, _outputBias, scratch, scratch.B, scratch.A);
        }
        else
        {
            Layer(_output, _outputBias, scratch, scratch.A, scratch.B);
        }
        (_hidden is not null ? scratch.A : scratch.B).AsSpan(0, logits.Length).CopyTo(logits);
    }

    /// <summary>y = Wᵀ·x + b; inputs of zero, half of them after a rectifier, cost nothing.</summary>
    private static void Layer(QuantizedTable w, float[] bias, Scratch scratch, ReadOnlySpan<float> x, Span<float> y)
    {
        int active = 0;
        for (int i = 0; i < w.Rows; i++)
        {
            scratch.Rows[active] = i;
            scratch.Weights[active] = x[i];
            active += x[i] != 0 ? 1 : 0;
        }
        w.Pool(scratch.Rows.AsSpan(0, active), scratch.Weights.AsSpan(0, active), y);
        for (int i = 0; i < bias.Length; i++)
            y[i] += bias[i];
    }

    /// <summary>(rows, columns) → (columns, rows).</summary>
    private static float[] Transpose(ReadOnlySpan<float> matrix, int rows, int columns)
    {
        var result = new float[matrix.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
                result[(c * rows) + r] = matrix[(r * columns) + c];
        }
        return result;
    }

    private sealed class Scratch
    {
        public SparseFeatures Features { get; } = new();
        public float[] A = [], B = [], Weights = [];
        public int[] Rows = [];

        public void Ensure(int width)
        {
            if (A.Length >= width)
                return;
            (A, B, Weights, Rows) = (new float[width], new float[width], new float[width + 1], new int[width + 1]);
        }
    }
}
