using Cleave.Compression.Calibration;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;

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
        (Transformer narrow, _, double energy) = Narrow(model, kept, text, progress, cancel);
        return (narrow, energy);
    }

    /// <summary>
    /// As above for a model whose heads read the stream: they follow it, and the projection to the vocabulary, which they do without, is the table of
    /// tokens in the result.
    /// </summary>
    public static LanguageModel PruneForHeads(LanguageModel model, int kept, CalibrationText text, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        (Transformer narrow, float[] directions, _) = Narrow(model.Transformer, kept, text, null, cancel);
        Dictionary<string, object> weights = narrow.Weights().ToDictionary(w => w.Name, w => w.Weight, StringComparer.Ordinal);
        Transformer tied = Transformer.Build(narrow.Spec with { TiedEmbeddings = true }, (name, rows, columns) => Tensor.From(DenseCopy.Values(weights[name]), rows, columns));
        float[] norm = model.Transformer.FinalNorm!.Weight.Data.ToArray();
        return model with { Transformer = tied, Heads = [.. model.Heads.Select(h => Follow(h, norm, directions, kept))] };
    }

    private static TaskHead Follow(TaskHead head, float[] norm, float[] directions, int kept)
    {
        int c = norm.Length, rows = head.Projection.Outputs;
        float[] matrix = head.Projection.Weight.Data.ToArray();
        for (int i = 0; i < matrix.Length; i++)
            matrix[i] *= norm[i % c];
        return new TaskHead(head.Task, head.Kind, head.Labels, Tensor.From(ResidualBasis.Right(matrix, directions, kept, c), rows, kept),
            Tensor.From(head.Projection.Bias!.Data, 1, rows))
        { Causal = head.Causal, Pooling = head.Pooling };
    }

    private static (Transformer Model, float[] Directions, double Energy) Narrow(Transformer model, int kept, CalibrationText text, IProgress<ProgressReport>? progress, CancellationToken cancel)
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
        return (ResidualBasis.Change(folded, directions, kept), directions, values.Take(kept).Sum() / values.Sum());
    }

    // One of the matrices that share an input stands for all.
    private static bool ReadsStream(string name) => name == WeightNames.Output
        || LayerStream.InputOf(name) == name && (name.EndsWith(".q_proj.weight", StringComparison.Ordinal) || name.EndsWith(".mlp.gate_proj.weight", StringComparison.Ordinal));
}
