using Cleave.Compression;
using Cleave.Compression.Calibration;
using Cleave.Compression.Conversion;
using Cleave.Compression.Quantization;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Numerics.Quantized;
using Cleave.Splitting.Recipes;

namespace Cleave.Splitting.Studies;

/// <summary>Rounds a trained student's matrices and writes it as its recipe stores it.</summary>
internal static class StudentStorage
{
    /// <summary>Rounds in memory: what is written is what has been rounded here.</summary>
    /// <param name="text">The task's texts; asked for where the rounding looks at them.</param>
    /// <exception cref="CleaveException">A weight cannot be stored so, or there is too little text.</exception>
    public static LanguageModel Round(LanguageModel model, TransformerRecipe recipe, Func<CalibrationText> text, CancellationToken cancellation)
    {
        if (recipe.Weights.Mix is null)
        {
            if (recipe.Weights.Type == WeightType.Q8)
                RoundToNearest.Quantize(model.Transformer);
            return model;
        }
        (Rounding rounding, ChannelChange change) = QuantizationMethod.Find(recipe.Rounding);
        Transformer padded = WidthPadding.FeedForward(model.Transformer, QuantizedMatrix.BlockSize);
        var quantizer = new ModelQuantizer(padded, rounding, change, (name, inputs) => recipe.Weights.FormatOf(name, padded.Spec, inputs));
        quantizer.Run(rounding == Rounding.Nearest && change == ChannelChange.None ? null : text(), null, cancellation);
        return model with { Transformer = padded };
    }

    /// <summary>Writes a rounded model into a folder.</summary>
    /// <param name="name">The model's, in files that have one.</param>
    /// <exception cref="CleaveException">The model has no form in the files of its types.</exception>
    public static void Write(string folder, string name, LanguageModel model, WeightChoice weights, CancellationToken cancellation)
    {
        if (weights.Mix is not { } mix)
        {
            ModelFolder.Save(folder, model, weights.Type);
            return;
        }
        ModelFolder.SaveBesideBlocks(folder, model);
        // The candidate is read back and measured as it is: no replay is needed to know it.
        ModelConverter.ToGguf(model with { Heads = [] }, name, Path.Combine(folder, BlockFileNames.Weights), new ConversionOptions { Mix = mix, KeepBlocks = true, Check = false }, null, cancellation);
    }
}
