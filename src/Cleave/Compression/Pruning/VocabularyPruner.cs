using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;
using Cleave.Tokenizers;

namespace Cleave.Compression.Pruning;

/// <summary>Leaves a model the tokens that a text uses: its tokenizer cuts that text as before, and the tables shrink to match.</summary>
public static class VocabularyPruner
{
    /// <param name="model">Of float32 matrices; left as it is.</param>
    /// <param name="used">The text's tokens.</param>
    public static LanguageModel Prune(LanguageModel model, IEnumerable<int> used) => Prune(model, used, out _);

    /// <inheritdoc cref="Prune(LanguageModel, IEnumerable{int})"/>
    /// <param name="kept">For each token, the one that it was before.</param>
    public static LanguageModel Prune(LanguageModel model, IEnumerable<int> used, out int[] kept)
    {
        ArgumentNullException.ThrowIfNull(model);
        Transformer source = model.Transformer;
        (Tokenizer tokenizer, int[] old) = VocabularySubset.Keep(model.Tokenizer, model.DecoderStart is { } start ? used.Append(start) : used);
        kept = old;
        Dictionary<string, object> weights = source.Weights().ToDictionary(w => w.Name, w => w.Weight, StringComparer.Ordinal);
        Transformer smaller = Transformer.Build(Smaller(source.Spec, old), (name, rows, columns) =>
        {
            if (name == WeightNames.BiasOf(WeightNames.Output)) // a masked language model's
            {
                float[] bias = DenseCopy.Values(weights[name]);
                return Tensor.From([.. old.Select(id => bias[id])], rows, columns);
            }
            if (name is not (WeightNames.Embedding or WeightNames.Output))
                return Tensor.From(DenseCopy.Values(weights[name]), rows, columns);
            Tensor table = Tensor.Parameter(rows, columns);
            for (int r = 0; r < rows; r++)
                ((Linear)weights[name]).CopyRow(old[r], table.Data.Slice(r * columns, columns));
            return table;
        });
        return model with { Transformer = smaller, Tokenizer = tokenizer };
    }

    // A decoder begins with a token of its own, and its encoder reads by the same table.
    private static TransformerSpec Smaller(TransformerSpec spec, int[] kept) => spec.Encoder is not { } encoder ? spec with { VocabularySize = kept.Length }
        : spec with { VocabularySize = kept.Length, Encoder = encoder with { VocabularySize = kept.Length }, DecoderStart = Array.IndexOf(kept, spec.DecoderStart) };
}
