using Cleave.Compression.Calibration;
using Cleave.Models;
using Cleave.Numerics;

namespace Cleave.Compression.Pruning;

/// <summary>
/// Narrows the residual stream to its principal components on a text (after Ashkboos et al., 2024, SliceGPT, with one basis for all
/// layers, so that no matrices between layers are needed and the result is an ordinary model).
/// </summary>
public static class WidthPruner
{
    /// <param name="model">Left as it is.</param>
    /// <param name="kept">Channels of the result.</param>
    /// <returns>The narrower model, and the share of the stream's energy that its components hold on the text.</returns>
    /// <exception cref="CleaveException">The model's norms do not allow it.</exception>
    public static (Transformer Model, double Energy) Prune(Transformer model, int kept, CalibrationText text, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        int c = model.Spec.Width;
        if (kept < 1 || kept > c)
            throw new ArgumentOutOfRangeException(nameof(kept), $"cannot keep {kept} of {c} channels");
        Transformer folded = ResidualBasis.Fold(model);
        var covariance = new double[c * c];
        // Behind norms without weights every token counts the same, in every layer.
        new LayerStream(folded, text).Run(products: true, layer =>
        {
            foreach ((string name, InputStatistics inputs) in layer.Inputs.Where(i => i.Value.Inputs == c && ReadsStream(i.Key)))
                DenseMath.AddScaled(covariance, 1, inputs.Hessian());
            return false;
        }, "measure", progress, cancel);
        (double[] values, double[] vectors) = SymmetricEigen.Of(covariance, c);
        float[] directions = [.. vectors.Take(kept * c).Select(v => (float)v)];
        return (ResidualBasis.Change(folded, directions, kept), values.Take(kept).Sum() / values.Sum());
    }

    // One of the matrices that share an input stands for all.
    private static bool ReadsStream(string name) => name == WeightNames.Output
        || LayerStream.InputOf(name) == name && (name.EndsWith(".q_proj.weight", StringComparison.Ordinal) || name.EndsWith(".mlp.gate_proj.weight", StringComparison.Ordinal));
}
