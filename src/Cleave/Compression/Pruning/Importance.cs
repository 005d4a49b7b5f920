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
        foreach ((int[] Ids, int[]? Types)[] chunk in texts.Chunk(32))
        {
            batch.Clear();
            foreach ((int[] ids, int[]? types) in chunk)
                batch.Add(ids, types);
            model.Forward(tape, batch, causal, observer: observer);
            tape.Reset();
        }
        int layers = model.Layers.Count;
        return new Importance(observer.LayerInfluence(),
            [.. Enumerable.Range(0, layers).Select(i => OfGroups(model.Layers[i], observer.HeadChannels(i)))],
            [.. Enumerable.Range(0, layers).Select(i => OfNeurons(model.Layers[i], e => observer.Neurons(i, e)))]);
    }

    private static double[] OfGroups(Layer layer, double[] channels)
    {
        double[] weighed = Weigh(layer.Attention.Output, channels);
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
