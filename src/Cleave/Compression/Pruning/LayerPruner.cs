using Cleave.Compression.Calibration;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Training;

namespace Cleave.Compression.Pruning;

/// <summary>What decides which layers go.</summary>
public enum LayerCriterion
{
    /// <summary>One after the other, the layer without which the loss is least.</summary>
    Loss,

    /// <summary>Those that change what passes them least (Men et al., 2024, ShortGPT).</summary>
    Influence,

    /// <summary>The last ones, whatever they do: what the others are to be compared with.</summary>
    Position,

    /// <summary>Those between the first and the last that lie as far from each other as can be; those two stay.</summary>
    Spaced,
}

/// <summary>Chooses the layers that a model keeps.</summary>
public static class LayerPruner
{
    /// <summary>Whether a criterion looks at a text.</summary>
    public static bool NeedsText(LayerCriterion criterion) => criterion is LayerCriterion.Loss or LayerCriterion.Influence;

    /// <param name="text">Null where the criterion needs none.</param>
    /// <returns>The kept layers' indices, ascending.</returns>
    public static int[] Choose(Transformer model, int kept, LayerCriterion criterion, CalibrationText? text, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (NeedsText(criterion))
            ArgumentNullException.ThrowIfNull(text);
        int layers = model.Layers.Count;
        if (kept < 1 || kept > layers)
            throw new ArgumentOutOfRangeException(nameof(kept), $"cannot keep {kept} of {layers} layers");
        return criterion switch
        {
            LayerCriterion.Position => [.. Enumerable.Range(0, kept)],
            LayerCriterion.Spaced => [.. Enumerable.Range(0, kept).Select(i => kept == 1 ? 0 : (int)Math.Round((double)i * (layers - 1) / (kept - 1)))],
            LayerCriterion.Influence => StructuredPruner.Best(Importance.Measure(model, text!.Windows, causal: true).Layers, kept),
            _ => ByPerplexity(model, kept, text!, progress, cancel),
        };
    }

    /// <summary>Takes layers out one after the other, always the one without which the loss is least.</summary>
    /// <param name="loss">Of a model with some of the layers.</param>
    /// <returns>The kept layers' indices, ascending.</returns>
    /// <exception cref="CleaveException">The loss is not finite, whatever layer goes.</exception>
    public static int[] ByLoss(Transformer model, int kept, Func<Transformer, double> loss, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        List<int> left = [.. Enumerable.Range(0, model.Layers.Count)];
        int done = 0, total = Enumerable.Range(kept + 1, model.Layers.Count - kept).Sum();
        while (left.Count > kept)
        {
            int worst = -1;
            double least = double.PositiveInfinity;
            foreach (int layer in left)
            {
                cancel.ThrowIfCancellationRequested();
                double without = loss(model.WithLayers([.. left.Where(l => l != layer)]));
                if (without < least)
                    (least, worst) = (without, layer);
                progress?.Report(new ProgressReport("choose layers", ++done, total, "tries", $"least loss {least:0.000}"));
            }
            left.Remove(worst >= 0 ? worst : throw new CleaveException("the loss is not finite without any of the layers: the model's weights are damaged"));
        }
        return [.. left];
    }

    private static int[] ByPerplexity(Transformer model, int kept, CalibrationText text, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        model.RequireContinuation();
        using var tape = new Tape(records: false);
        return ByLoss(model, kept, m => Perplexity.MeanLoss(m, text.Tokens, text.Context, tape), progress, cancel);
    }
}
