using Cleave.Compression.Calibration;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;

namespace Cleave.Compression.Pruning;

/// <summary>How single weights are chosen for removal.</summary>
public enum WeightCriterion
{
    /// <summary>The smallest weights of each matrix (Han et al., 2015).</summary>
    Magnitude,

    /// <summary>The smallest |w| · ‖x‖ of each row (Sun et al., 2023).</summary>
    Wanda,

    /// <summary>The least error in the outputs, which the other weights make good (Frantar and Alistarh, 2023).</summary>
    SparseGpt,
}

/// <summary>Sets single weights of the layers' matrices to zero; embeddings, norms, routers and biases stay.</summary>
/// <remarks>The shapes stay as they are, and a format without sparse blocks stores the zeros: see <see cref="Zeros"/>.</remarks>
public static class WeightPruner
{
    /// <summary>Prunes a model of float32 matrices in place.</summary>
    /// <param name="text">What the inputs are measured on; magnitude does without.</param>
    /// <exception cref="CleaveException">A row would be empty, is not made of whole groups, or a matrix is not float32.</exception>
    public static void Prune(Transformer model, WeightCriterion criterion, SparsityPattern pattern, CalibrationText? text, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pattern);
        foreach ((string name, Linear linear) in Matrices(model))
            pattern.Check(name, linear.Inputs);
        if (criterion == WeightCriterion.Magnitude)
        {
            foreach ((string _, DenseLinear linear) in Matrices(model))
                ScoredMask.Apply(linear.Weight.Data, linear.Inputs, [], pattern, byRow: false);
            return;
        }
        ILookup<string, DenseLinear> byName = Matrices(model).ToLookup(m => m.Name, m => m.Linear);
        new LayerStream(model, text ?? throw new ArgumentNullException(nameof(text))).Run(criterion == WeightCriterion.SparseGpt, layer =>
        {
            foreach ((string name, InputStatistics inputs) in layer.Inputs.Where(i => byName.Contains(i.Key)))
                Prune(byName[name].First(), inputs, criterion, pattern, cancel);
            return true;
        }, "prune", progress, cancel);
    }

    /// <summary>The share of zeros among the weights that are pruned.</summary>
    public static double Zeros(Transformer model)
    {
        long zeros = 0, all = 0;
        foreach ((string _, DenseLinear linear) in Matrices(model))
        {
            zeros += linear.Weight.Data.Count(0f);
            all += linear.Weight.Length;
        }
        return all == 0 ? 0 : (double)zeros / all;
    }

    /// <summary>The matrices of the layers of both stacks, where there are two.</summary>
    internal static IEnumerable<(string Name, DenseLinear Linear)> Matrices(Transformer model)
    {
        foreach ((string name, object weight) in model.Weights())
        {
            // A router's small matrix decides where tokens go: it is none of these.
            if (!OfLayer(name) || weight is not Linear linear || !name.EndsWith("_proj.weight", StringComparison.Ordinal))
                continue;
            yield return (name, linear as DenseLinear ?? throw new CleaveException($"{name} is quantized already; prune the model that it was made from"));
        }
    }

    private static bool OfLayer(string name) => name.StartsWith(WeightNames.Layers, StringComparison.Ordinal)
        || name.StartsWith(WeightNames.EncoderPrefix + WeightNames.Layers, StringComparison.Ordinal);

    private static void Prune(DenseLinear linear, InputStatistics inputs, WeightCriterion criterion, SparsityPattern pattern, CancellationToken cancel)
    {
        if (inputs.Tokens == 0) // an expert that no token was sent to
            ScoredMask.Apply(linear.Weight.Data, linear.Inputs, [], pattern, byRow: true);
        else if (criterion == WeightCriterion.Wanda)
            ScoredMask.Apply(linear.Weight.Data, linear.Inputs, [.. inputs.MeanSquares().Select(Math.Sqrt)], pattern, byRow: true);
        else
            SparseGpt.Prune(linear.Weight.Data, linear.Outputs, linear.Inputs, inputs.Hessian(), pattern, cancel);
    }
}
