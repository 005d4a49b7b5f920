using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression;

/// <summary>Feed-forward networks widened with neurons of zeros, which change nothing, to the whole blocks that a format needs.</summary>
public static class WidthPadding
{
    /// <returns>The model itself where every width is a multiple already.</returns>
    public static Transformer FeedForward(Transformer model, int multiple)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(multiple, 1);
        if (model.Spec.Layers.All(l => l.FeedForwardWidth % multiple == 0))
            return model;
        LayerSpec[] layers = [.. model.Spec.Layers.Select(l => l with { FeedForwardWidth = (l.FeedForwardWidth + multiple - 1) / multiple * multiple })];
        Dictionary<string, object> weights = model.Weights().ToDictionary(w => w.Name, w => w.Weight, StringComparer.Ordinal);
        return Transformer.Build(model.Spec with { Layers = layers }, (name, rows, columns) =>
        {
            float[] values = DenseCopy.Values(weights[name]);
            (int ownRows, int ownColumns) = weights[name] is Linear linear ? (linear.Outputs, linear.Inputs) : (((Tensor)weights[name]).Rows, ((Tensor)weights[name]).Columns);
            Tensor padded = Tensor.Parameter(rows, columns);
            for (int r = 0; r < ownRows; r++)
                values.AsSpan(r * ownColumns, ownColumns).CopyTo(padded.Data[(r * columns)..]);
            return padded;
        });
    }
}
