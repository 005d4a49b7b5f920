using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;

namespace Cleave.Compression.Pruning;

/// <summary>
/// What each part of a model is worth on some texts; the larger the more it is needed.
/// </summary>
/// <param name="Layers">By layer.</param>
/// <param name="Groups">By layer and key-value group.</param>
/// <param name="Neurons">By layer and feed-forward neuron; those of several experts one after the other.</param>
public sealed record Importance(double[] Layers, double[][] Groups, double[][] Neurons)
{
    private const int Together = 32;

    /// <summary>By layer and key-value group of the attention to an encoder; empty where there is none.</summary>
    public double[][] CrossGroups { get; init; } = [];

    /// <summary>Of the encoder, where there is one.</summary>
    public Importance? Encoder { get; init; }

    /// <summary>Measures on texts and what a model with an encoder answers to them, as its decoder reads it.</summary>
    public static Importance MeasureAnswers(Transformer model, IEnumerable<(int[] Source, int[] Answer)> pairs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pairs);
        Transformer encoder = model.Encoder ?? throw new ArgumentException("the model has no encoder", nameof(model));
        ImportanceObserver ofEncoder = new(encoder.Spec), ofDecoder = new(model.Spec);
        using var tape = new Tape(records: false);
        TokenBatch source = new(), answer = new();
        foreach ((int[], int[])[] chunk in pairs.Chunk(Together))
        {
            source.Clear();
            answer.Clear();
            foreach ((int[] asked, int[] answered) in chunk)
            {
                source.Add(asked);
                answer.Add(answered);
            }
            model.Forward(tape, answer, observer: ofDecoder, source: model.Encode(tape, source, ofEncoder));
            tape.Reset();
        }
        return Of(model, ofDecoder) with
        {
            CrossGroups = [.. model.Layers.Select((l, i) => OfGroups(l, l.Cross!.Output, ofDecoder.CrossHeadChannels(i)))],
            Encoder = Of(encoder, ofEncoder),
        };
    }

    /// <inheritdoc cref="Measure(Transformer, IEnumerable{ValueTuple{int[], int[]}}, bool)"/>
    public static Importance Measure(Transformer model, IEnumerable<int[]> texts, bool causal) =>
        Measure(model, texts.Select(ids => (ids, (int[]?)null)), causal);

    /// <summary>Measures on <paramref name="texts"/>, token sequences of the task, with the kinds of their tokens where these matter.</summary>
    public static Importance Measure(Transformer model, IEnumerable<(int[] Ids, int[]? Types)> texts, bool causal)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(texts);
        var observer = new ImportanceObserver(model.Spec);
        using var tape = new Tape(records: false);
        var batch = new TokenBatch();
        foreach ((int[] Ids, int[]? Types)[] chunk in texts.Chunk(Together))
        {
            batch.Clear();
            foreach ((int[] ids, int[]? types) in chunk)
                batch.Add(ids, types);
            model.Forward(tape, batch, causal, observer: observer);
            tape.Reset();
        }
        return Of(model, observer);
    }

    private static Importance Of(Transformer model, ImportanceObserver observer) => new(observer.LayerInfluence(),
        [.. model.Layers.Select((l, i) => OfGroups(l, l.Attention.Output, observer.HeadChannels(i)))],
        [.. model.Layers.Select((l, i) => OfNeurons(l, e => observer.Neurons(i, e)))]);

    private static double[] OfGroups(Layer layer, Linear output, double[] channels)
    {
        double[] weighed = Weigh(output, channels);
        int width = layer.Spec.HeadSize * (layer.Spec.Heads / layer.Spec.KeyValueHeads);
        return [.. weighed.Chunk(width).Select(c => Math.Sqrt(c.Sum(x => x * x)))];
    }

    private static double[] OfNeurons(Layer layer, Func<int, double[]> activations) =>
        [.. (layer.Experts?.Networks ?? [layer.FeedForward!]).SelectMany((network, e) => Weigh(network.Down, activations(e)))];

    /// <summary>Activation magnitude times the norm of the outgoing weights, by input of <paramref name="next"/>.</summary>
    private static double[] Weigh(Linear next, double[] activations)
    {
        var squares = new double[next.Inputs];
        var row = new float[next.Inputs];
        for (int o = 0; o < next.Outputs; o++)
        {
            next.CopyRow(o, row);
            for (int i = 0; i < row.Length; i++)
                squares[i] += (double)row[i] * row[i];
        }
        return [.. squares.Select((s, i) => Math.Sqrt(s) * activations[i])];
    }
}
