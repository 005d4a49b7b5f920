using Cleave.Models;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Pruning;

/// <summary>
/// Collects how much each layer, key-value group and feed-forward neuron does on a task's own texts.
/// Layers: block influence, 1 − cos(input, output) averaged over tokens (Men et al., 2024, ShortGPT). Groups and
/// neurons: mean activation magnitude, to be weighed with the outgoing weights (Sun et al., 2023, Wanda).
/// </summary>
public sealed class ImportanceObserver : IActivationObserver
{
    private readonly double[] _influence;
    private readonly double[][] _heads;
    private readonly double[][] _crossHeads;
    private readonly double[][][] _neurons; // by layer and expert
    private readonly long[][] _seen; // tokens, by layer and expert
    private readonly long[] _tokens;

    public ImportanceObserver(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _influence = new double[spec.Layers.Count];
        _tokens = new long[spec.Layers.Count];
        _heads = [.. spec.Layers.Select(l => new double[l.Heads * l.HeadSize])];
        _crossHeads = spec.Encoder is null ? [] : [.. spec.Layers.Select(l => new double[l.Heads * l.HeadSize])];
        _neurons = [.. spec.Layers.Select(l => Enumerable.Range(0, l.Experts?.Count ?? 1).Select(_ => new double[l.FeedForwardWidth]).ToArray())];
        _seen = [.. _neurons.Select(n => new long[n.Length])];
    }

    /// <summary>Block influence of each layer, 0 for a layer that changes nothing.</summary>
    public double[] LayerInfluence() => [.. _influence.Select((sum, i) => sum / Math.Max(1, _tokens[i]))];

    /// <summary>Root mean square of each channel of a layer's concatenated heads, (H·D).</summary>
    public double[] HeadChannels(int layer) => Rms(_heads[layer], _tokens[layer]);

    /// <summary>The same of the attention to an encoder.</summary>
    public double[] CrossHeadChannels(int layer) => Rms(_crossHeads[layer], _tokens[layer]);

    /// <summary>Root mean square of each feed-forward neuron of a layer, or of one of its experts on the tokens sent to it, (F).</summary>
    public double[] Neurons(int layer, int expert = 0) => Rms(_neurons[layer][expert], _seen[layer][expert]);

    public void AttentionHeads(int layer, Tensor heads) => AddSquares(_heads[layer], heads);

    public void CrossAttentionHeads(int layer, Tensor heads) => AddSquares(_crossHeads[layer], heads);

    public void FeedForwardNeurons(int layer, int expert, Tensor neurons)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        if (expert >= _neurons[layer].Length)
            return; // a network that every token uses is kept whole
        AddSquares(_neurons[layer][expert], neurons);
        _seen[layer][expert] += neurons.Rows;
    }

    public void Layer(int layer, Tensor input, Tensor output)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        int c = input.Columns;
        for (int r = 0; r < input.Rows; r++)
        {
            ReadOnlySpan<float> a = input.Data.Slice(r * c, c), b = output.Data.Slice(r * c, c);
            double lengths = Math.Sqrt(VectorMath.SumOfSquares(a) * VectorMath.SumOfSquares(b));
            _influence[layer] += lengths > 0 ? 1 - VectorMath.Dot(a, b) / lengths : 0;
        }
        _tokens[layer] += input.Rows;
    }

    private static void AddSquares(double[] sums, Tensor activations)
    {
        for (int r = 0; r < activations.Rows; r++)
        {
            ReadOnlySpan<float> row = activations.Data.Slice(r * sums.Length, sums.Length);
            for (int i = 0; i < sums.Length; i++)
                sums[i] += (double)row[i] * row[i];
        }
    }

    private static double[] Rms(double[] squares, long tokens) => [.. squares.Select(s => Math.Sqrt(s / Math.Max(1, tokens)))];
}
