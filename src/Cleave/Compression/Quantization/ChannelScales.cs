using Cleave.Compression.Calibration;
using Cleave.Models.Blocks;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;

namespace Cleave.Compression.Quantization;

/// <summary>Factors of channels that make a group's matrices, or what goes into them, easier to round.</summary>
internal static class ChannelScales
{
    private const int Steps = 20;

    /// <summary>
    /// Lin et al., 2023, AWQ: s = mean|x|^α, with the α of 0, 0.05 … 1 whose rounded weights leave the least error in the outputs on
    /// the calibration text. α = 0 changes nothing.
    /// </summary>
    /// <param name="format">Of a reader, by its name; null where it is not rounded.</param>
    public static double[] Awq(ChannelGroup group, InputStatistics inputs, Func<string, BlockFormat?> format)
    {
        double[] sizes = group.ByChannel(inputs.MeanSizes()), hessian = inputs.Hessian(), best = [];
        float[] products = Array.ConvertAll(hessian, h => (float)h), diagonal = [.. Enumerable.Range(0, inputs.Inputs).Select(i => products[i * inputs.Inputs + i])];
        double least = double.PositiveInfinity;
        for (int step = 0; step <= Steps; step++)
        {
            double[] factors = [.. sizes.Select(s => Math.Pow(Math.Max(s, 1e-4), (double)step / Steps))];
            double middle = Math.Sqrt(factors.Max() * factors.Min());
            factors = [.. factors.Select(f => f / middle)];
            double error = group.Readers.Sum(r => format(r.Name) is { } f ? Error(group, r.Linear, f, factors, products, diagonal) : 0);
            if (error < least)
                (least, best) = (error, factors);
        }
        return best;
    }

    /// <summary>Xiao et al., 2022, SmoothQuant: s = max|x|^½ / max|w|^½, which halves the way between the ranges of both in logarithms.</summary>
    public static double[] Smooth(ChannelGroup group, InputStatistics inputs)
    {
        var weights = new double[group.Channels];
        foreach ((string _, DenseLinear linear) in group.Readers)
        {
            for (int i = 0; i < linear.Weight.Length; i++)
            {
                ref double largest = ref weights[group.Channel(i % linear.Inputs)];
                largest = Math.Max(largest, Math.Abs(linear.Weight.Data[i]));
            }
        }
        double[] activations = group.ByChannel([.. inputs.Largest.ToArray().Select(l => (double)l)]);
        return [.. activations.Select((a, i) => Math.Sqrt(Math.Max(a, 1e-5) / Math.Max(weights[i], 1e-5)))];
    }

    // Σ δᵀHδ over the rows, δ what rounding changes of the weights as they act on the inputs.
    private static double Error(ChannelGroup group, DenseLinear linear, BlockFormat format, double[] factors, float[] products, float[] diagonal)
    {
        int n = linear.Inputs, rows = linear.Outputs;
        double[] inverse = [.. factors.Select(f => 1 / f)];
        float[] scaled = linear.Weight.Data.ToArray(), importance = diagonal.ToArray(), rounded = new float[scaled.Length];
        group.MultiplyColumns(scaled, factors);
        for (int i = 0; i < n; i++)
            importance[i] *= (float)(inverse[group.Channel(i)] * inverse[group.Channel(i)]);
        using (var matrix = QuantizedMatrix.Quantize(format, scaled, rows, n, importance))
            matrix.Dequantize(rounded);
        group.MultiplyColumns(rounded, inverse);
        ReadOnlySpan<float> exact = linear.Weight.Data;
        for (int i = 0; i < rounded.Length; i++)
            rounded[i] -= exact[i];
        var product = new float[rounded.Length];
        MatMul.Multiply(rounded, n, false, products, n, false, product, n, rows, n, n);
        double sum = 0;
        for (int r = 0; r < rows; r++)
            sum += VectorMath.Dot(rounded.AsSpan(r * n, n), product.AsSpan(r * n, n));
        return sum;
    }
}
