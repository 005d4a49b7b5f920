using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Splitting.Recipes;
using Cleave.Training.Bag;

namespace Cleave.Splitting.Studies;

/// <summary>What a recipe's module will cost an item, in nanoseconds by <see cref="CostModel"/>: known before the module is made, from shapes and texts alone.</summary>
/// <param name="trunk">What the task needs of the monolith.</param>
/// <param name="headOutputs">Classes or tags; 0 where the vocabulary is predicted.</param>
internal sealed class RecipePrice(TaskContext task, TransformerSpec trunk, int headOutputs)
{
    private readonly Lazy<double[]> _known = new(() =>
    {
        var usual = new BagTrainingOptions();
        return NgramFeaturizer.KnownPerText(usual.Ngrams, [.. task.Data.Train.Select(e => e.Text)], usual.MinDocuments);
    });
    private readonly Lazy<int> _used = new(() => task.Train.SelectMany(i => i.Ids.Concat(i.Targets.Where(t => t >= 0 && !task.HasHead))).Distinct().Count());

    public double Of(Recipe recipe)
    {
        double ns = 0;
        if (recipe.Ngrams is { } n)
        {
            double features = _known.Value is { Length: > 0 } known ? known[Math.Min(n.Rows, known.Length) - 1] : 0;
            ns += CostModel.Bag(new BagCost(features, n.Rows, n.Dim, n.Hidden, task.Data.Labels.Count, n.Bits));
        }
        if (recipe.Transformer is { } t)
        {
            TransformerSpec shape = StudentShape.Of(trunk, t.Layers, t.EncoderLayers, t.Groups, t.FeedForward);
            if (t.UsedVocabulary)
                shape = shape with { VocabularySize = Math.Min(_used.Value, shape.VocabularySize) };
            if (t.Width is { } width)
                shape = shape with { Width = Math.Min(width, shape.Width) };
            ns += CostModel.Transformer(shape, t.Weights, task.MeanTokens - task.MeanGenerated, task.MeanGenerated, headOutputs, task.Kind);
        }
        return ns;
    }
}
