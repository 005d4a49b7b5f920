using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;

namespace Cleave.Tests.Models;

public sealed class ModelFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-model").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(WeightType.F32, 0)]
    [InlineData(WeightType.BF16, 0.05)]
    [InlineData(WeightType.Q8, 0)]
    public void A_saved_model_gives_the_same_logits_and_saves_the_same_bytes(WeightType type, double tolerance)
    {
        LanguageModel model = TinyModel.Create() with { Heads = [TaskHead.Create("mood", HeadKind.Classify, ["bad", "good"], 32, new Rng(4))] };
        if (type == WeightType.Q8)
            RoundToNearest.Quantize(model.Transformer);
        ModelFolder.Save(Path.Combine(_folder, "a"), model, type);
        LanguageModel loaded = ModelFolder.Load(Path.Combine(_folder, "a"));
        float[] before = Logits(model), after = Logits(loaded);
        for (int i = 0; i < before.Length; i++)
            Assert.True(Math.Abs(before[i] - after[i]) <= tolerance);
        Assert.Equal(["bad", "good"], loaded.Head("mood")!.Labels);
        ModelFolder.Save(Path.Combine(_folder, "b"), loaded, type);
        foreach (string file in (string[])[ModelFolder.Config, ModelFolder.Weights, ModelFolder.TokenizerFile])
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "a", file)), File.ReadAllBytes(Path.Combine(_folder, "b", file)));
    }

    [Fact]
    public void A_model_to_run_keeps_sixteen_bits_and_computes_what_the_widened_one_does()
    {
        LanguageModel model = TinyModel.Create();
        ModelFolder.Save(Path.Combine(_folder, "a"), model, WeightType.BF16);
        LanguageModel wide = ModelFolder.Load(Path.Combine(_folder, "a")), frozen = ModelFolder.LoadFrozen(Path.Combine(_folder, "a"));
        Assert.All(frozen.Transformer.Weights().Where(w => w.Weight is Linear), w => Assert.IsType<HalfLinear>(w.Weight));
        Assert.All(Logits(wide).Zip(Logits(frozen)), p => Assert.Equal(p.First, p.Second, 1e-6f)); // sums of few rows have another order
        ModelFolder.Save(Path.Combine(_folder, "b"), frozen, WeightType.BF16);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "a", ModelFolder.Weights)), File.ReadAllBytes(Path.Combine(_folder, "b", ModelFolder.Weights)));
    }

    [Fact]
    public void A_weight_of_sixteen_bits_that_is_not_finite_is_refused_when_the_model_is_to_run()
    {
        LanguageModel model = TinyModel.Create();
        ((DenseLinear)model.Transformer.Layers[0].FeedForward!.Up).Weight.Data[5] = float.PositiveInfinity;
        ModelFolder.Save(_folder, model, WeightType.BF16);
        Assert.Contains("not finite", Assert.Throws<ModelFileException>(() => ModelFolder.LoadFrozen(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pruned_model_with_layers_of_different_widths_round_trips()
    {
        Transformer model = TinyModel.Create(layers: 4).Transformer;
        Importance importance = Importance.Measure(model, [[1, 2, 3, 4, 5, 6], [7, 8, 9]], causal: true);
        Transformer pruned = StructuredPruner.Prune(model, importance, new PruningPlan(2, 1, 32));
        Assert.Equal(2, pruned.Layers.Count);
        Assert.True(pruned.Spec.Parameters < model.Spec.Parameters);
        LanguageModel whole = TinyModel.Create() with { Transformer = pruned };
        ModelFolder.Save(_folder, whole, WeightType.F32);
        Assert.Equal(Logits(whole), Logits(ModelFolder.Load(_folder)));
    }

    [Fact]
    public void Pruning_nothing_changes_nothing()
    {
        Transformer model = TinyModel.Create().Transformer;
        Importance importance = Importance.Measure(model, [[1, 2, 3, 4, 5, 6]], causal: true);
        Transformer same = StructuredPruner.Prune(model, importance, new PruningPlan(3, 2, 64));
        Assert.Equal(Logits(TinyModel.Create() with { Transformer = model }), Logits(TinyModel.Create() with { Transformer = same }));
    }

    [Fact]
    public void A_vocabulary_smaller_than_the_tokenizers_is_refused()
    {
        ModelFolder.Save(_folder, TinyModel.Create(), WeightType.F32);
        string config = Path.Combine(_folder, ModelFolder.Config);
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"vocab_size\": 320", "\"vocab_size\": 319", StringComparison.Ordinal));
        Assert.Contains("different models", Assert.Throws<ModelFileException>(() => ModelFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_that_is_not_finite_or_of_another_shape_is_refused()
    {
        LanguageModel model = TinyModel.Create();
        model.Transformer.FinalNorm!.Weight.Data[3] = float.NaN;
        ModelFolder.Save(_folder, model, WeightType.F32);
        Assert.Contains("not finite", Assert.Throws<ModelFileException>(() => ModelFolder.Load(_folder)).Message, StringComparison.Ordinal);
        string config = Path.Combine(_folder, ModelFolder.Config);
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"intermediate_size\": 64", "\"intermediate_size\": 65", StringComparison.Ordinal));
        Assert.Contains("asks for (65, 32)", Assert.Throws<ModelFileException>(() => ModelFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    private static float[] Logits(LanguageModel model)
    {
        using var tape = new Tape(records: false);
        return model.Transformer.Output.Forward(tape, model.Transformer.Forward(tape, new TokenBatch().Add([3, 1, 4, 1, 5, 9]))).Data.ToArray();
    }
}
