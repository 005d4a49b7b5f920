using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression;

/// <summary>A copy of a model in float32, to be changed while the original is kept to compare with.</summary>
public static class DenseCopy
{
    /// <param name="name">Of the model, for the message.</param>
    /// <exception cref="CleaveException">A matrix is quantized: what was lost there would be lost twice.</exception>
    public static Transformer Of(Transformer model, string name)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (Quantized(model) is { } format)
            throw new CleaveException($"{name}: is quantized already ({format}); use the model that it was made from");
        Dictionary<string, object> weights = model.Weights().ToDictionary(w => w.Name, w => w.Weight, StringComparer.Ordinal);
        return Transformer.Build(model.Spec, (weight, rows, columns) => Tensor.From(Values(weights[weight]), rows, columns));
    }

    /// <summary>The format of the first matrix that is quantized, or null.</summary>
    public static BlockFormat? Quantized(Transformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Weights().Select(w => w.Weight).OfType<QuantizedLinear>().FirstOrDefault()?.Weight.Format;
    }

    /// <summary>The numbers of a matrix or a vector, row by row.</summary>
    internal static float[] Values(object weight)
    {
        if (weight is Tensor tensor)
            return tensor.Data.ToArray();
        var linear = (Linear)weight;
        var values = new float[checked(linear.Outputs * linear.Inputs)];
        for (int r = 0; r < linear.Outputs; r++)
            linear.CopyRow(r, values.AsSpan(r * linear.Inputs, linear.Inputs));
        return values;
    }
}
