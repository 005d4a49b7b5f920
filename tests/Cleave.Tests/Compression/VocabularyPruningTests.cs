using Cleave.Compression.Pruning;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Tests.Models;

namespace Cleave.Tests.Compression;

/// <summary>A model that loses tokens says of the others what it said before.</summary>
public class VocabularyPruningTests
{
    [Theory]
    [InlineData("bert")]
    [InlineData("distilbert")]
    public void A_masked_language_model_keeps_the_scores_of_its_tokens(string family)
    {
        using var folder = new EncoderFolder(family);
        LanguageModel model = folder.Load();
        int[] ids = folder.Sequences[1];
        LanguageModel smaller = VocabularyPruner.Prune(model, ids, out int[] kept);
        Assert.InRange(kept.Length, ids.Distinct().Count(), model.Transformer.Spec.VocabularySize - 1);
        float[][] before = Logits(model, ids), after = Logits(smaller, [.. ids.Select(id => Array.IndexOf(kept, id))]);
        for (int t = 0; t < ids.Length; t++)
            FamilyCases.Close(kept.Select(id => (double)before[t][id]), after[t], 1e-5, $"token {t}");
    }

    private static float[][] Logits(LanguageModel model, int[] ids)
    {
        using var tape = new Tape(records: false);
        TokenBatch batch = FamilyCases.Batch(ids);
        return [.. model.Transformer.Logits(tape, model.Transformer.Forward(tape, batch)).Data.ToArray().Chunk(model.Transformer.Spec.VocabularySize)];
    }
}
