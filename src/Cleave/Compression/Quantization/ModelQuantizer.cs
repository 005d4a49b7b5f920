using Cleave.Compression.Calibration;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;

namespace Cleave.Compression.Quantization;

/// <summary>How a matrix is rounded, given its format.</summary>
public enum Rounding
{
    /// <summary>Each block by itself, without calibration.</summary>
    Nearest,

    /// <summary>Each block by itself, an input's errors weighing as its mean square does: what llama.cpp's importance matrix says.</summary>
    Importance,

    /// <summary>Column after column, later ones making good the errors of earlier ones (Frantar et al., 2022).</summary>
    Gptq,
}

/// <summary>What is done to a layer's channels before its matrices are rounded.</summary>
public enum ChannelChange
{
    None,

    /// <summary>Channels with large activations get finer weights (Lin et al., 2023).</summary>
    Awq,

    /// <summary>Large activations are shared with the weights, for activations in 8 bits (Xiao et al., 2022).</summary>
    Smooth,
}

/// <summary>Turns the matrices of a float32 model into blocks, in place, layer by layer.</summary>
/// <param name="format">By a matrix's name and inputs: the format, or null to leave it.</param>
public sealed class ModelQuantizer(Transformer model, Rounding rounding, ChannelChange change, Func<string, int, BlockFormat?> format)
{
    /// <param name="text">What inputs are measured on; rounding to nearest without a change of channels does without.</param>
    public void Run(CalibrationText? text, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        if (rounding == Rounding.Nearest && change == ChannelChange.None)
        {
            model.ReplaceLinears((name, linear) => Round(name, linear, null, cancel));
            return;
        }
        new LayerStream(model, text ?? throw new ArgumentNullException(nameof(text))).Run(products: rounding == Rounding.Gptq || change == ChannelChange.Awq, layer =>
        {
            if (layer.Layer == model.Layers.Count)
                RoundEnds(layer, cancel);
            else
                RoundLayer(layer, cancel);
            return true;
        }, "quantize", progress, cancel);
    }

    private void RoundLayer(LayerStatistics statistics, CancellationToken cancel)
    {
        Layer layer = model.Layers[statistics.Layer];
        var factors = new Dictionary<string, double[]>(StringComparer.Ordinal); // of a matrix's inputs
        foreach (ChannelGroup group in change == ChannelChange.None ? [] : ChannelGroup.Of(layer, statistics.Layer))
        {
            if (change == ChannelChange.Smooth && !group.FromNorm)
                continue;
            InputStatistics inputs = statistics.Inputs[group.Readers[0].Name];
            double[] moved = change == ChannelChange.Smooth ? ChannelScales.Smooth(group, inputs) : ChannelScales.Awq(group, inputs, name => format(name, inputs.Inputs));
            group.Move(moved);
            foreach ((string name, DenseLinear linear) in group.Readers)
                factors[name] = [.. Enumerable.Range(0, linear.Inputs).Select(i => moved[group.Channel(i)])];
        }
        layer.ReplaceLinears(statistics.Layer, (name, linear) =>
            Round(name, linear, new Measured(statistics.Inputs[name], factors.GetValueOrDefault(name)), cancel));
    }

    // The tables at both ends: a table that is only looked up in has no inputs to measure.
    private void RoundEnds(LayerStatistics statistics, CancellationToken cancel)
    {
        string output = statistics.Inputs.Keys.Single();
        model.ReplaceLinears((name, linear) => name.StartsWith(WeightNames.Layers, StringComparison.Ordinal) ? linear
            : Round(name, linear, name == output ? new Measured(statistics.Inputs[name], null) : null, cancel));
    }

    private Linear Round(string name, Linear linear, Measured? inputs, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (format(name, linear.Inputs) is not { } blocks)
            return linear;
        DenseLinear dense = linear as DenseLinear ?? throw new CleaveException($"{name} is quantized already; quantize the model that it was made from");
        if (dense.Inputs % BlockFormats.Elements(blocks) != 0)
            throw new CleaveException($"{name}: {dense.Inputs} inputs are no whole blocks of {BlockFormats.Elements(blocks)}, which {blocks} needs; choose another --type, or --pad to widen feed-forward networks with zeros");
        bool seen = inputs is { Statistics.Tokens: > 0 } && rounding != Rounding.Nearest;
        // A table that is also looked up in must stay near to itself, so its errors are not passed on.
        bool passesOn = rounding == Rounding.Gptq && name != WeightNames.Embedding;
        try
        {
            QuantizedMatrix matrix = seen && passesOn
                ? Gptq.Quantize(blocks, dense.Weight.Data, dense.Outputs, dense.Inputs, inputs!.Hessian(), weighted: true, cancel)
                : QuantizedMatrix.Quantize(blocks, dense.Weight.Data, dense.Outputs, dense.Inputs, seen ? inputs!.Importance() : []);
            return new QuantizedLinear(matrix, dense.Bias);
        }
        catch (ArgumentException e)
        {
            throw new CleaveException($"{name}: cannot be stored as {blocks}: {e.Message}", e);
        }
    }

    /// <summary>A matrix's inputs, and what they have been divided by since they were measured.</summary>
    private sealed record Measured(InputStatistics Statistics, double[]? Factors)
    {
        public float[] Importance() => [.. Statistics.MeanSquares().Select((s, i) => (float)(Factors is null ? s : s / (Factors[i] * Factors[i])))];

        public double[] Hessian()
        {
            double[] hessian = Statistics.Hessian();
            int n = Statistics.Inputs;
            for (int i = 0; i < hessian.Length && Factors is not null; i++)
                hessian[i] /= Factors[i / n] * Factors[i % n];
            return hessian;
        }
    }
}
