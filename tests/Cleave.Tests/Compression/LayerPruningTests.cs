using Cleave.Compression.Pruning;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;

namespace Cleave.Tests.Compression;

/// <summary>A model that loses layers keeps everything else: what is saved can be read, and computes the same.</summary>
public sealed class LayerPruningTests : IDisposable
{
    private static readonly int[] Text = [.. Enumerable.Range(0, 512).Select(i => (i * i + 3 * i) % 40)];
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-layers").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("bert")]
    [InlineData("bert-classify")]
    [InlineData("roberta")]
    [InlineData("roberta-classify")]
    [InlineData("distilbert")]
    public void A_model_of_one_stack(string family)
    {
        Transformer pruned = Prune(FamilyCases.Load(family), LayerCriterion.Influence), read = SavedAndRead(pruned);
        TokenBatch batch = FamilyCases.Batch(FamilyCases.Sequences(family));
        Assert.Equal(Outputs(pruned, batch), Outputs(read, batch));
    }

    [Theory]
    [InlineData("mt5")]
    [InlineData("v1.0")]
    public void A_decoder_keeps_the_encoder_that_it_looks_at(string name)
    {
        Transformer pruned = Prune(T5Cases.Load(name), LayerCriterion.Position), read = SavedAndRead(pruned);
        int[][] sources = T5Cases.Sources(name), answers = [.. T5Cases.Answers(name).Select(a => T5Cases.Read(pruned, a))];
        Assert.Equal(T5Cases.Load(name).Encoder!.Layers.Count, read.Encoder!.Layers.Count);
        Assert.Equal(T5Cases.Logits(pruned, sources, answers), T5Cases.Logits(read, sources, answers));
    }

    [Theory]
    [InlineData("bert", LayerCriterion.Loss, 0, "--by influence")]
    [InlineData("bert", LayerCriterion.Position, 1, "is an encoder")]
    public void What_would_be_measured_or_healed_by_next_tokens_is_refused_for_an_encoder(string family, LayerCriterion by, int heal, string message)
    {
        var job = new PruningJob(new PruningRequest(PruningMethod.Layers) { Keep = 1, By = by, Heal = heal }, null, CancellationToken.None);
        var model = new LanguageModel(FamilyCases.Load(family), TinyModel.Tokenizer, []);
        Assert.Contains(message, Assert.Throws<CleaveException>(() => job.Run(model, Text)).Message, StringComparison.Ordinal);
    }

    private static Transformer Prune(Transformer model, LayerCriterion by)
    {
        int before = model.Layers.Count;
        var job = new PruningJob(new PruningRequest(PruningMethod.Layers) { Keep = 1, By = by }, null, CancellationToken.None);
        Transformer pruned = job.Run(new LanguageModel(model, TinyModel.Tokenizer, []), Text).Model.Transformer;
        Assert.True(pruned.Layers.Count == 1 && before > 1);
        return pruned;
    }

    private Transformer SavedAndRead(Transformer model)
    {
        ModelFolder.Save(_folder, model, WeightType.F32);
        return ModelFolder.LoadTransformer(_folder);
    }

    // All that a head could read, and what the vocabulary's says where there is one.
    private static float[] Outputs(Transformer model, TokenBatch batch)
    {
        using var tape = new Tape(records: false);
        Tensor hidden = model.Forward(tape, batch), pooled = model.Pool(tape, hidden, batch);
        float[] logits = model.Spec.VocabularyHead == VocabularyHead.None ? [] : model.Logits(tape, hidden).Data.ToArray();
        return [.. hidden.Data, .. pooled.Data, .. logits];
    }
}
