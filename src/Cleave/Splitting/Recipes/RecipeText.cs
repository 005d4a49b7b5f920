using System.Globalization;
using Cleave.Compression.Pruning;
using Cleave.Models;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.Recipes;

/// <summary>A recipe in sentences.</summary>
public static class RecipeText
{
    /// <summary>What a module was made of.</summary>
    public static string Of(Recipe recipe, TransformerSpec monolith)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(monolith);
        var sentences = new List<string>();
        if (recipe.Transformer is { } transformer)
            sentences.AddRange([Shape(transformer, monolith), Training(transformer), Storage(transformer)]);
        if (recipe.Ngrams is { } ngrams)
            sentences.AddRange(Ngrams(ngrams, recipe.Transformer is not null));
        return string.Join(' ', sentences);
    }

    private static string Shape(TransformerRecipe r, TransformerSpec monolith)
    {
        LayerSpec layer = monolith.Layers[0];
        string by = r.Layers == monolith.Layers.Count ? "" : r.LayersBy switch
        {
            LayerCriterion.Position => ", the first ones",
            LayerCriterion.Loss => ", those that the task's loss needs most",
            _ => ", those that change most what passes them",
        };
        string encoder = monolith.Encoder is { } e ? $" and {Some(r.EncoderLayers, e.Layers.Count, "layers")} of its encoder" : "";
        string width = r.Width is { } kept && kept < monolith.Width ? $" Its residual stream keeps {kept} of {monolith.Width} channels." : "";
        string vocabulary = r.UsedVocabulary ? " Tokens that the training texts do not use are gone." : "";
        return $"The monolith's transformer with {Some(r.Layers, monolith.Layers.Count, "layers")}{by}{encoder}; each with {Some(r.Groups, layer.KeyValueHeads, "key-value groups")} and "
            + $"{Some(r.FeedForward, layer.FeedForwardWidth, "feed-forward neurons")}.{width}{vocabulary}";
    }

    private static string Training(TransformerRecipe r)
    {
        FineTuneOptions o = r.Training;
        string what = o.Method switch
        {
            FineTuneMethod.Head => "Its head was",
            FineTuneMethod.Last => $"Its last {(o.LastLayers == 1 ? "layer was" : $"{o.LastLayers} layers were")}",
            FineTuneMethod.Lora or FineTuneMethod.Dora => $"An adapter ({(o.Method == FineTuneMethod.Lora ? "LoRA" : "DoRA")} of rank {o.Rank}, merged since) was",
            FineTuneMethod.Ia3 => "An adapter ((IA)³, merged since) was",
            _ => "Every weight was",
        };
        (bool Said, string Text)[] all =
        [
            (o.Loss == LossKind.Focal, $"the focal loss (γ {Number(o.Focus)})"), (o.BalanceClasses, "classes that count alike"),
            (o.LabelSmoothing > 0, $"label smoothing {Number(o.LabelSmoothing)}"), (o.AttentionDropout > 0, $"attention dropout {Number(o.AttentionDropout)}"),
            (o.ResidualDropout > 0, $"residual dropout {Number(o.ResidualDropout)}"), (o.LayerDrop > 0, $"layer drop {Number(o.LayerDrop)}"),
            (o.TokenDropout > 0, $"token dropout {Number(o.TokenDropout)}"), (o.Ema > 0, $"an average of the weights (decay {Number(o.Ema)})"),
        ];
        string[] extras = [.. all.Where(e => e.Said).Select(e => e.Text)];
        return $"{what} trained for {Count(r.Epochs, "epoch")} by {o.Optimizer.Name} at a learning rate of {Number(o.PeakLearningRate)} ({o.Schedule.Name})"
            + Taught(r.SoftWeight, r.Temperature) + (extras.Length > 0 ? $", with {string.Join(", ", extras)}" : "") + ".";
    }

    private static string Storage(TransformerRecipe r) => r.Weights.Mix is { } mix
        ? $"Its matrices are stored as {mix.Name} in a GGUF file, rounded {(r.Rounding == "rtn" ? "to nearest" : $"by {r.Rounding} on the task's texts")}."
        : r.Weights.Type == WeightType.Q8 ? "Its matrices are stored in 8 bits, rounded to nearest." : "Its matrices are stored in bfloat16.";

    private static IEnumerable<string> Ngrams(NgramRecipe r, bool beside)
    {
        yield return $"{(beside ? "Beside it stands" : "It is")} a classifier of n-grams: at most {r.Rows} rows of {r.Dim} in {r.Bits} bits{(r.Hidden > 0 ? $" before a hidden layer of {r.Hidden}" : "")}.";
        yield return $"It was trained for {Count(r.Epochs, "epoch")} at a learning rate of {Number(r.LearningRate)}, {r.Dropout.ToString("0%", CultureInfo.InvariantCulture)} of a text's n-grams left out"
            + Taught(r.SoftWeight, r.Temperature) + ".";
    }

    private static string Taught(float share, float temperature) =>
        share > 0 ? $", {share.ToString("0%", CultureInfo.InvariantCulture)} of the loss being the monolith's answers at temperature {Number(temperature)}" : ", without the monolith's answers";

    private static string Some(int kept, int of, string what) => kept == of ? $"all {of} {what}" : $"{kept} of {of} {what}";

    private static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    private static string Number(double value) => value.ToString("G3", CultureInfo.InvariantCulture);
}
