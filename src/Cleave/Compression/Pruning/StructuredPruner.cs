using System.Globalization;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Pruning;

/// <summary>How much of a model to keep.</summary>
/// <param name="Layers">Whole layers.</param>
/// <param name="Groups">Key-value groups a layer, each with the query heads that share it.</param>
/// <param name="FeedForward">Feed-forward neurons a layer, or of each of its experts; a shared expert is kept whole.</param>
public sealed record PruningPlan(int Layers, int Groups, int FeedForward)
{
    /// <summary>Whole layers of the encoder, where there is one besides; it keeps as many groups and neurons a layer.</summary>
    public int EncoderLayers { get; init; }
}

/// <summary>
/// Makes a physically smaller copy of a model: the most important layers, and in each the most important key-value
/// groups and feed-forward neurons. What is kept keeps its order and its weights. Layers that share a bias of positions keep the
/// same groups, because its numbers are the heads'.
/// </summary>
public static class StructuredPruner
{
    /// <exception cref="ArgumentException">The plan keeps nothing of something, or more than there is.</exception>
    public static Transformer Prune(Transformer model, Importance importance, PruningPlan plan)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(importance);
        ArgumentNullException.ThrowIfNull(plan);
        var tensors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        TransformerSpec spec = CopyStack(model, importance, plan, tensors);
        if (model.Encoder is { } encoder)
        {
            var ofEncoder = new Dictionary<string, float[]>(StringComparer.Ordinal);
            spec = spec with { Encoder = CopyStack(encoder, importance.Encoder!, plan with { Layers = plan.EncoderLayers }, ofEncoder, table: false) };
            foreach ((string name, float[] values) in ofEncoder) // without the token table, which is the decoder's
                tensors[WeightNames.EncoderPrefix + name] = values;
        }
        return Transformer.Build(spec, (name, rows, columns) => Tensor.From(tensors[name], rows, columns));
    }

    private static TransformerSpec CopyStack(Transformer model, Importance importance, PruningPlan plan, Dictionary<string, float[]> tensors, bool table = true)
    {
        int[] layers = Best(importance.Layers, plan.Layers);
        int[]? groups = model.RelativeBias is null ? null
            : Best([.. Enumerable.Range(0, importance.Groups[0].Length).Select(g => layers.Sum(l => importance.Groups[l][g]))], plan.Groups);
        var specs = new List<LayerSpec>();
        foreach (int source in layers)
            specs.Add(CopyLayer(model.Layers[source], importance, source, specs.Count, plan, groups, tensors));
        foreach ((string name, object weight) in model.Weights())
        {
            if (name == WeightNames.RelativeBias)
                tensors[name] = Columns((Tensor)weight, Blocks(groups!, specs[0].Heads / specs[0].KeyValueHeads));
            else if ((table || name != WeightNames.Embedding) && !name.StartsWith(WeightNames.Layers, StringComparison.Ordinal) && !name.StartsWith(WeightNames.EncoderPrefix, StringComparison.Ordinal))
                tensors[name] = weight is Linear linear ? Rows(linear, null) : ((Tensor)weight).Data.ToArray();
        }
        return model.Spec with { Layers = specs };
    }

    private static LayerSpec CopyLayer(Layer layer, Importance importance, int source, int target, PruningPlan plan, int[]? shared, Dictionary<string, float[]> tensors)
    {
        LayerSpec spec = layer.Spec;
        int[] groups = shared ?? Best(importance.Groups[source], plan.Groups);
        int[] cross = layer.Cross is null ? [] : Best(importance.CrossGroups[source], plan.Groups);
        int headsPerGroup = spec.Heads / spec.KeyValueHeads, d = spec.HeadSize;
        int[] keys = Blocks(groups, d), queries = Blocks(groups, headsPerGroup * d);
        int[][] neurons = [.. importance.Neurons[source].Chunk(spec.FeedForwardWidth).Select(n => Best(n, plan.FeedForward))];
        foreach ((string name, object weight) in layer.Weights(source))
        {
            string part = name[WeightNames.Layer(source).Length..];
            tensors[WeightNames.Layer(target) + part] = part.Split('.')[1..] switch
            {
                ["self_attn", "q_proj", ..] => Outputs(weight, queries),
                ["self_attn", "k_proj" or "v_proj", ..] => Outputs(weight, keys),
                ["self_attn", "o_proj", "weight"] => Inputs(weight, queries),
                ["cross_attn", "q_proj", ..] => Outputs(weight, Blocks(cross, headsPerGroup * d)),
                ["cross_attn", "k_proj" or "v_proj", ..] => Outputs(weight, Blocks(cross, d)),
                ["cross_attn", "o_proj", "weight"] => Inputs(weight, Blocks(cross, headsPerGroup * d)),
                ["self_attn", "q_norm", _] when weight is Tensor { Columns: var c } && c > d => Outputs(weight, queries),
                ["self_attn", "k_norm", _] when weight is Tensor { Columns: var c } && c > d => Outputs(weight, keys),
                ["mlp", "gate_proj" or "up_proj", _] => Outputs(weight, neurons[0]),
                ["mlp", "down_proj", "weight"] => Inputs(weight, neurons[0]),
                ["mlp", "experts", var e, "gate_proj" or "up_proj", _] => Outputs(weight, neurons[int.Parse(e, CultureInfo.InvariantCulture)]),
                ["mlp", "experts", var e, "down_proj", "weight"] => Inputs(weight, neurons[int.Parse(e, CultureInfo.InvariantCulture)]),
                _ => Outputs(weight, null),
            };
        }
        return spec with { Heads = groups.Length * headsPerGroup, KeyValueHeads = groups.Length, FeedForwardWidth = plan.FeedForward };
    }

    // Rows of a matrix, or elements of a bias or norm; null for all.
    private static float[] Outputs(object weight, int[]? kept) => weight switch
    {
        Linear linear => Rows(linear, kept),
        Tensor tensor when kept is null => tensor.Data.ToArray(),
        _ => [.. kept!.Select(i => ((Tensor)weight).Data[i])],
    };

    private static float[] Inputs(object weight, int[] kept) => Columns((Linear)weight, kept);

    /// <summary>Indices of the <paramref name="count"/> largest, in ascending order; ties go to the lower index.</summary>
    internal static int[] Best(double[] values, int count)
    {
        if (count < 1 || count > values.Length)
            throw new ArgumentException($"cannot keep {count} of {values.Length}", nameof(count));
        return [.. Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(count).Order()];
    }

    private static int[] Blocks(int[] groups, int width) => [.. groups.SelectMany(g => Enumerable.Range(g * width, width))];

    private static float[] Rows(Linear linear, int[]? kept)
    {
        int[] rows = kept ?? [.. Enumerable.Range(0, linear.Outputs)];
        var result = new float[rows.Length * linear.Inputs];
        for (int r = 0; r < rows.Length; r++)
            linear.CopyRow(rows[r], result.AsSpan(r * linear.Inputs, linear.Inputs));
        return result;
    }

    private static float[] Columns(Tensor tensor, int[] columns) =>
        [.. Enumerable.Range(0, tensor.Rows).SelectMany(r => columns.Select(c => (r * tensor.Columns) + c)).Select(i => tensor.Data[i])];

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
