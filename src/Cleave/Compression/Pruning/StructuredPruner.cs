using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Pruning;

/// <summary>How much of a model to keep.</summary>
/// <param name="Layers">Whole layers.</param>
/// <param name="Groups">Key-value groups a layer, each with the query heads that share it.</param>
/// <param name="FeedForward">Feed-forward neurons a layer.</param>
public sealed record PruningPlan(int Layers, int Groups, int FeedForward);

/// <summary>
/// Makes a physically smaller copy of a model: the most important layers, and in each the most important key-value
/// groups and feed-forward neurons. What is kept keeps its order and its weights.
/// </summary>
public static class StructuredPruner
{
    /// <exception cref="ArgumentException">The plan keeps nothing of something, or more than there is.</exception>
    public static Transformer Prune(Transformer model, Importance importance, PruningPlan plan)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(importance);
        ArgumentNullException.ThrowIfNull(plan);
        int[] layers = Best(importance.Layers, plan.Layers);
        var specs = new List<LayerSpec>();
        var tensors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (int source in layers)
            specs.Add(CopyLayer(model.Layers[source], importance, source, specs.Count, plan, tensors));
        TransformerSpec spec = model.Spec with { Layers = specs };
        tensors[WeightNames.Embedding] = All(model.Embedding);
        tensors[WeightNames.FinalNorm] = model.FinalNorm.Data.ToArray();
        if (model.UntiedOutput is { } output)
            tensors[WeightNames.Output] = All(output);
        return Transformer.Build(spec, (name, rows, columns) => Tensor.From(tensors[name], rows, columns));
    }

    private static LayerSpec CopyLayer(Layer layer, Importance importance, int source, int target, PruningPlan plan, Dictionary<string, float[]> tensors)
    {
        LayerSpec spec = layer.Spec;
        int[] groups = Best(importance.Groups[source], plan.Groups);
        int[] neurons = Best(importance.Neurons[source], plan.FeedForward);
        int headsPerGroup = spec.Heads / spec.KeyValueHeads, d = spec.HeadSize;
        int[] keyRows = Blocks(groups, d), queryRows = Blocks(groups, headsPerGroup * d);
        tensors[WeightNames.AttentionNorm(target)] = layer.AttentionNorm.Data.ToArray();
        tensors[WeightNames.FeedForwardNorm(target)] = layer.FeedForwardNorm.Data.ToArray();
        tensors[WeightNames.Query(target)] = Rows(layer.Attention.Query, queryRows);
        tensors[WeightNames.Key(target)] = Rows(layer.Attention.Key, keyRows);
        tensors[WeightNames.Value(target)] = Rows(layer.Attention.Value, keyRows);
        tensors[WeightNames.AttentionOutput(target)] = Columns(layer.Attention.Output, queryRows);
        tensors[WeightNames.Gate(target)] = Rows(layer.FeedForward.Gate, neurons);
        tensors[WeightNames.Up(target)] = Rows(layer.FeedForward.Up, neurons);
        tensors[WeightNames.Down(target)] = Columns(layer.FeedForward.Down, neurons);
        return new LayerSpec(groups.Length * headsPerGroup, groups.Length, d, neurons.Length);
    }

    /// <summary>Indices of the <paramref name="count"/> largest, in ascending order; ties go to the lower index.</summary>
    internal static int[] Best(double[] values, int count)
    {
        if (count < 1 || count > values.Length)
            throw new ArgumentException($"cannot keep {count} of {values.Length}", nameof(count));
        return [.. Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(count).Order()];
    }

    private static int[] Blocks(int[] groups, int width) => [.. groups.SelectMany(g => Enumerable.Range(g * width, width))];

    private static float[] All(Linear linear) => Rows(linear, [.. Enumerable.Range(0, linear.Outputs)]);

    private static float[] Rows(Linear linear, int[] rows)
    {
        var result = new float[rows.Length * linear.Inputs];
        for (int r = 0; r < rows.Length; r++)
            linear.CopyRow(rows[r], result.AsSpan(r * linear.Inputs, linear.Inputs));
        return result;
    }

    private static float[] Columns(Linear linear, int[] columns)
    {
        var result = new float[linear.Outputs * columns.Length];
        var row = new float[linear.Inputs];
        for (int r = 0; r < linear.Outputs; r++)
        {
            linear.CopyRow(r, row);
            for (int c = 0; c < columns.Length; c++)
                result[r * columns.Length + c] = row[columns[c]];
        }
        return result;
    }
}
