using System.Text.Json;
using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Data.Balancing;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training;
using Cleave.Training.Adapters;
using Cleave.Training.FineTuning;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Tests.Training.FineTuning;

public sealed class FineTunerTests : IDisposable
{
    private static readonly FineTuneOptions Quick = new() { Epochs = 3, BatchTokens = 96, Optimizer = new OptimizerOptions { LearningRate = 3e-3 }, ValidateEvery = 5 };
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-tune").FullName;
    private static readonly string[] DecoderModules = [.. Enumerable.Range(0, 2).SelectMany(i => new[]
    {
        $"decoder.block.{i}.layer.0.SelfAttention.q", $"decoder.block.{i}.layer.0.SelfAttention.k", $"decoder.block.{i}.layer.0.SelfAttention.v", $"decoder.block.{i}.layer.0.SelfAttention.o",
        $"decoder.block.{i}.layer.1.EncDecAttention.k", $"decoder.block.{i}.layer.1.EncDecAttention.v", $"decoder.block.{i}.layer.2.DenseReluDense.wi_0", $"decoder.block.{i}.layer.2.DenseReluDense.wo",
    })];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Variants => ["plain", "plateau", "ema", "swa", "early", "lora", "dora", "ia3", "muon", "noise", "accumulate", "recompute", "quantized", "words", "mixup", "weights"];

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_run_that_was_interrupted_ends_with_the_same_bits(string variant)
    {
        FineTuneOptions options = Options(variant);
        LanguageModel whole = Model(variant), parts = Model(variant);
        FineTuneResult expected = Tuner(options, whole, "whole").Run(whole);
        for (int interruption = 0; interruption < 2; interruption++)
        {
            using var cancel = new CancellationTokenSource();
            var stop = new StopAfter(cancel, interruption == 0 ? 7 : 6);
            LanguageModel half = Model(variant);
            Assert.ThrowsAny<OperationCanceledException>(() => Tuner(options, half, "parts").Run(half, stop, cancel.Token));
        }
        FineTuneResult result = Tuner(options, parts, "parts").Run(parts);
        Assert.Equal(expected.Updates, result.Updates);
        Assert.Equal(expected.Curve, result.Curve);
        Assert.Equal(expected.BestUpdate, result.BestUpdate);
        Assert.Equal(Values(expected), Values(result));
    }

    [Theory]
    [InlineData(FineTuneMethod.Full)]
    [InlineData(FineTuneMethod.Head)]
    [InlineData(FineTuneMethod.Last)]
    [InlineData(FineTuneMethod.Lora)]
    [InlineData(FineTuneMethod.Dora)]
    [InlineData(FineTuneMethod.Ia3)]
    public void A_method_changes_what_it_says_and_learns(FineTuneMethod method)
    {
        LanguageModel model = Model("plain");
        var before = model.Transformer.Parameters().ToDictionary(p => p.Name, p => p.Tensor.Data.ToArray());
        FineTuneOptions options = Quick with { Method = method, LastLayers = 1, Epochs = 12, Optimizer = new OptimizerOptions() };
        FineTuneResult result = Tuner(options, model, "m").Run(model);
        Assert.True(result.Curve[^1].ValidationLoss < 0.55 * Math.Log(2) || method == FineTuneMethod.Head && result.Curve[^1].ValidationLoss < result.Curve[0].ValidationLoss, $"{result.Curve[0]} to {result.Curve[^1]}");
        foreach ((string name, Tensor tensor) in model.Transformer.Parameters())
        {
            bool changed = !tensor.Data.SequenceEqual(before[name]);
            bool expected = method == FineTuneMethod.Full || method == FineTuneMethod.Last && (name.Contains("layers.1.", StringComparison.Ordinal) || name == WeightNames.FinalNorm);
            Assert.True(changed == expected, $"{method}: {name} {(changed ? "changed" : "stayed")}");
        }
        Assert.Equal(options.UsesAdapter, result.Weights.Adapter is not null);
        Assert.NotNull(result.Model.Head("mood"));
    }

    /// <summary>The encoder judges texts: what a method trains of a classifier is the encoder's.</summary>
    [Theory]
    [InlineData(FineTuneMethod.Last)]
    [InlineData(FineTuneMethod.Lora)]
    [InlineData(FineTuneMethod.Dora)]
    [InlineData(FineTuneMethod.Ia3)]
    public void A_method_trains_the_stack_that_the_head_reads(FineTuneMethod method)
    {
        LanguageModel model = T5Cases.Create(encoderLayers: 3);
        var before = model.Transformer.Parameters().ToDictionary(p => p.Name, p => p.Tensor.Data.ToArray());
        FineTuneResult result = Tuner(Quick with { Method = method, LastLayers = 1, Epochs = 1, Optimizer = new OptimizerOptions { LayerDecay = 0.9 } }, model, "t5").Run(model);
        foreach ((string name, Tensor tensor) in model.Transformer.Parameters())
        {
            bool expected = method == FineTuneMethod.Last && (name.StartsWith("encoder.model.layers.2.", StringComparison.Ordinal) || name == "encoder.model.norm.weight");
            Assert.Equal((name, expected), (name, !tensor.Data.SequenceEqual(before[name])));
        }
        if (method == FineTuneMethod.Last)
            return;
        Assert.All(result.Weights.Adapter!.Parameters, p => Assert.StartsWith("adapter.encoder.model.layers.", p.Name, StringComparison.Ordinal));
        Assert.All(Enumerable.Range(0, 3), i => Assert.Contains(result.Weights.Adapter!.Parameters, p => p.Name.Contains($"layers.{i}.", StringComparison.Ordinal) && p.Tensor.Data.ToArray().Any(x => x is not (0 or 1))));
        // What is written names the encoder's matrices and none of the decoder's; what is read computes the same.
        AdapterFolder.Save(At("adapter"), result.Weights.Adapter, "t5");
        LanguageModel other = T5Cases.Create(encoderLayers: 3);
        AdapterFolder.Load(At("adapter"), other.Transformer);
        int[][] source = [[1, 2, 3, 4, 5, 6]];
        Assert.Equal(T5Cases.Logits(model.Transformer, source, [[0, 8, 9]]), T5Cases.Logits(other.Transformer, source, [[0, 8, 9]]));
        Assert.NotEqual(T5Cases.Logits(T5Cases.Create(encoderLayers: 3).Transformer, source, [[0, 8, 9]]), T5Cases.Logits(other.Transformer, source, [[0, 8, 9]]));
        Assert.All(JsonDocument.Parse(File.ReadAllText(At("adapter/adapter_config.json"))).RootElement.GetProperty("target_modules").EnumerateArray(),
            t => Assert.DoesNotContain(DecoderModules, m => ("." + m).EndsWith("." + t.GetString(), StringComparison.Ordinal)));
    }

    [Fact]
    public void Both_stacks_of_a_model_that_answers_are_adapted()
    {
        Transformer model = T5Cases.Create().Transformer;
        var weights = TrainableWeights.Of(model, null, new FineTuneOptions { Method = FineTuneMethod.Lora, Targets = ["q_proj"] }, 1);
        Assert.Contains(weights.Parameters, p => p.Name == "adapter.encoder.model.layers.1.self_attn.q_proj.weight.lora_B.weight");
        Assert.Contains(weights.Parameters, p => p.Name == "adapter.model.layers.1.cross_attn.q_proj.weight.lora_B.weight");
        weights.Adapter!.Detach();
        var last = TrainableWeights.Of(T5Cases.Create().Transformer, null, new FineTuneOptions { Method = FineTuneMethod.Last, LastLayers = 1 }, 1);
        Assert.All(last.Parameters, p => Assert.True(p.Name.StartsWith("model.layers.1.", StringComparison.Ordinal) || p.Name == "model.norm.weight", p.Name));
    }

    /// <summary>A micro-batch with few rows to learn from counts less than one with many.</summary>
    [Theory]
    [InlineData("classes", "")]
    [InlineData("classes", "bad=4")]
    [InlineData("answers", "")]
    public void Small_batches_of_one_update_are_together_the_large_one(string kind, string weights)
    {
        LanguageModel small = Model("plain"), large = Model("plain");
        FineTuneData data = kind == "classes" ? FineTuneData.Encode(Data(), small, 64, false) : FineTuneData.Encode(Answers(), small, 64, false);
        var options = new FineTuneOptions
        {
            Epochs = 1,
            BatchTokens = 96,
            ClassWeights = weights,
            Optimizer = new OptimizerOptions { Name = "sgd", Momentum = 0, WeightDecay = 0, ClipNorm = 0, LearningRate = 1 },
            Schedule = new ScheduleOptions { Name = "constant", Warmup = 0 },
        };
        IReadOnlyList<IReadOnlyList<TaskItem>> batches = new TaskBatches(data.Train, options.BatchTokens, 1).Epoch(0);
        Assert.True(batches.Count >= 4 && batches.DistinctBy(b => b.Sum(i => i.Supervised)).Count() > 1);
        float[] before = [.. small.Transformer.Parameters().SelectMany(p => p.Tensor.Data.ToArray())];
        FineTuneResult parts = new FineTuner(options with { Accumulate = batches.Count }, data, At("parts"), 1).Run(small);
        FineTuneResult whole = new FineTuner(options with { BatchTokens = 1 << 20 }, data, At("whole"), 1).Run(large);
        Assert.Equal((1, 1), (parts.Updates, whole.Updates));
        Assert.Equal(whole.Curve[0].TrainLoss, parts.Curve[0].TrainLoss, 1e-5);
        float[] step = [.. Values(whole).Zip(before, (x, y) => x - y)], own = [.. Values(parts).Zip(before, (x, y) => x - y)];
        Assert.InRange(Math.Sqrt(step.Zip(own, (x, y) => Math.Pow((double)x - y, 2)).Sum() / step.Sum(x => (double)x * x)), 0, 1e-4);
    }

    private TaskDataset Answers()
    {
        File.WriteAllLines(At("answers.jsonl"), Enumerable.Range(0, 40).Select(i =>
            $$"""{"text": "where is order {{i * 7919}}", "target": "{{(i % 4 == 0 ? "thank you, your order has arrived, and your refund was very quick" : "no")}} {{i}}"}"""));
        return TaskDataset.Load(new TaskSource { Name = "reply", Kind = TaskKind.Generate, Train = [At("answers.jsonl")] }, 1);
    }

    [Fact]
    public void Activations_that_are_computed_again_leave_out_the_same()
    {
        FineTuneOptions options = Quick with { Method = FineTuneMethod.Lora, AdapterDropout = 0.2, ResidualDropout = 0.1, AttentionDropout = 0.1, LayerDrop = 0.2 };
        LanguageModel first = Model("plain"), second = Model("plain");
        FineTuneResult kept = Tuner(options, first, "kept").Run(first);
        FineTuneResult again = Tuner(options with { Memory = new TrainingMemory(Recompute: true, BFloat16: false) }, second, "again").Run(second);
        Assert.Equal(Values(kept), Values(again));
    }

    [Fact]
    public void The_best_weights_come_back_and_training_stops_early()
    {
        FineTuneOptions options = Quick with { Epochs = 40, EarlyStop = 2, Optimizer = new OptimizerOptions { LearningRate = 2e-2 } };
        LanguageModel model = Model("plain");
        FineTuneResult result = Tuner(options, model, "early").Run(model);
        int best = result.Curve.MinBy(p => p.ValidationLoss)!.Update;
        Assert.Equal(best, result.BestUpdate);
        Assert.Equal(result.Curve[^1].Update, result.Updates);
        Assert.Equal(2, result.Curve.Count(p => p.Update > best));
        // A run that is continued although it was over stays as it is.
        LanguageModel again = Model("plain");
        Assert.Equal(Values(result), Values(Tuner(options, again, "early").Run(again)));
        // The weights are those of a run that ended there.
        LanguageModel shorter = Model("plain");
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Tuner(options, shorter, "shorter").Run(shorter, new StopAfter(cancel, best), cancel.Token));
        Assert.Equal(result.Weights.Parameters.SelectMany(p => p.Tensor.Data.ToArray()), Saved("shorter"));

        float[] Saved(string work)
        {
            using var file = Cleave.Formats.Safetensors.SafetensorsFile.Open(Path.Combine(_folder, work, "checkpoint.safetensors"));
            return [.. result.Weights.Parameters.SelectMany(p =>
            {
                var values = new float[p.Tensor.Length];
                file.ReadSingle(p.Name, values);
                return values;
            })];
        }
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_the_run_and_the_last_good_state_stays()
    {
        LanguageModel model = Model("plain");
        FineTuneOptions options = Quick with { Optimizer = new OptimizerOptions { Name = "sgd", LearningRate = 1e-3, ClipNorm = 0 }, ValidateEvery = 2 };
        using (var cancel = new CancellationTokenSource())
            Assert.ThrowsAny<OperationCanceledException>(() => Tuner(options, model, "nan").Run(model, new StopAfter(cancel, 4), cancel.Token));
        byte[] good = File.ReadAllBytes(Path.Combine(_folder, "nan", "checkpoint.safetensors"));
        LanguageModel again = Model("plain");
        FineTuneOptions wild = options with { Optimizer = options.Optimizer with { LearningRate = 1e30 }, Schedule = new ScheduleOptions { Name = "constant", Warmup = 0 }, ValidateEvery = 1000 };
        FineTuner tuner = Tuner(wild, again, "nan");
        DivergedException e = Assert.Throws<DivergedException>(() => tuner.Run(again));
        Assert.True(e.Update > 4, $"update {e.Update}");
        Assert.Contains("update 4", e.Message, StringComparison.Ordinal);
        Assert.Contains("nan", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        Assert.Equal(good, File.ReadAllBytes(Path.Combine(_folder, "nan", "checkpoint.safetensors")));
        // With a lower rate it goes on from there, and says that the settings are others.
        LanguageModel calm = Model("plain");
        FineTuner next = Tuner(options with { Optimizer = options.Optimizer with { LearningRate = 1e-4 } }, calm, "nan");
        next.Run(calm);
        Assert.Contains("update 4", next.Remark, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_of_other_data_is_refused()
    {
        LanguageModel model = Model("plain");
        Tuner(Quick, model, "other").Run(model);
        LanguageModel second = Model("plain");
        var tuner = new FineTuner(Quick, FineTuneData.Encode(Data(seed: 5), second, 64, false), Path.Combine(_folder, "other"), 1);
        Assert.Contains("another run", Assert.Throws<CleaveException>(() => tuner.Run(second)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Full_training_of_quantized_weights_is_refused_and_an_adapter_is_not()
    {
        LanguageModel model = Model("quantized");
        CleaveException e = Assert.Throws<CleaveException>(() => Tuner(Quick, model, "q").Run(model));
        Assert.Contains("adapter", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Preferences_are_learnt_without_forgetting_where_they_began()
    {
        var rng = new Rng(3);
        string Words() => string.Join(' ', Enumerable.Range(0, 7).Select(_ => string.Concat(Enumerable.Range(0, 4).Select(_ => (char)('a' + rng.NextInt(26)))))); // no two prompts alike
        File.WriteAllLines(At("pairs.jsonl"), Enumerable.Range(0, 60).Select(i => $$"""{"text": "{{Words()}}", "target": "thank you, order {{i}} has arrived", "worse": "refund"}"""));
        var source = new TaskSource { Name = "reply", Kind = TaskKind.Generate, Train = [At("pairs.jsonl")], Rejected = "worse" };
        LanguageModel model = Model("plain");
        FineTuneData data = FineTuneData.Encode(TaskDataset.Load(source, 1), model, 64, preferences: true);
        Assert.All(data.Pairs!, p => Assert.Equal(p.Preferred.Example, p.Other.Example));
        // Seven nats between the answers are as many as this model can say; with a beta of 0.1 they end at 0.40, whatever the rate and the epochs.
        var options = new FineTuneOptions { Method = FineTuneMethod.Lora, Loss = LossKind.Dpo, PreferenceBeta = 0.3, Epochs = 12, BatchTokens = 256 };
        FineTuneResult result = new FineTuner(options, data, At("dpo"), 1).Run(model);
        Assert.True(result.Curve[^1].ValidationLoss < 0.5 * Math.Log(2), $"{result.Curve[0]} to {result.Curve[^1]}");
        Assert.Contains("worse answers", Assert.Throws<CleaveException>(() => FineTuneData.Encode(Data(), model, 64, preferences: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Balanced_weights_make_every_class_count_the_same()
    {
        LanguageModel model = Model("plain");
        FineTuneData data = FineTuneData.Encode(Data(), model, 64, false);
        float[] weights = data.BalancedWeights();
        double[] totals = [.. weights.Select((w, c) => w * data.Train.Count(i => i.Targets[0] == c))];
        Assert.Equal(totals[0], totals[1], 1e-3);
        Assert.Equal(data.Train.Count, totals.Sum(), 1e-2);
    }

    public static TheoryData<string> Changes => ["words", "mixup", "weights"];

    /// <summary>At a learning rate that moves nothing, only the training items' loss tells that they were changed.</summary>
    [Theory]
    [MemberData(nameof(Changes))]
    public void What_changes_training_items_never_touches_what_a_model_is_measured_by(string variant)
    {
        var still = new OptimizerOptions { LearningRate = 1e-9, WeightDecay = 0 };
        LanguageModel first = Model("plain"), second = Model("plain");
        FineTuneResult plain = Tuner(Quick with { Optimizer = still }, first, "plain").Run(first);
        FineTuneOptions changed = Options(variant) with { Optimizer = still };
        FineTuneResult result = Tuner(changed, second, "changed").Run(second);
        Assert.NotEqual(plain.Curve[0].TrainLoss, result.Curve[0].TrainLoss);
        Assert.All(result.Curve, p => Assert.Equal(plain.Curve[0].ValidationLoss, p.ValidationLoss, 1e-5));
    }

    [Fact]
    public void Words_are_changed_for_classification_alone_and_classes_must_be_known()
    {
        LanguageModel model = Model("plain");
        Assert.Contains("no class 'baad'", Assert.Throws<CleaveException>(() => Tuner(Quick with { ClassWeights = "baad=2" }, model, "w").Run(model)).Message, StringComparison.Ordinal);
        Assert.Contains("above 0", Assert.Throws<CleaveException>(() => Tuner(Quick with { ClassWeights = "bad=0" }, model, "w").Run(model)).Message, StringComparison.Ordinal);
        Assert.Contains("mixup", Assert.Throws<CleaveException>(() => Tuner(Quick with { ClassWeights = "bad=2", Mixup = 0.2 }, model, "w").Run(model)).Message, StringComparison.Ordinal);
        File.WriteAllLines(At("texts.jsonl"), Enumerable.Range(0, 20).Select(i => $$"""{"text": "order {{i * 7919}} has arrived, thank you"}"""));
        TaskDataset texts = TaskDataset.Load(new TaskSource { Name = "texts", Kind = TaskKind.LanguageModel, Train = [At("texts.jsonl")] }, 1);
        var tuner = new FineTuner(Quick with { Text = new TextNoiseOptions { Typos = 0.1 } }, FineTuneData.Encode(texts, model, 64, false), At("texts"), 1);
        Assert.Contains("classify", Assert.Throws<CleaveException>(() => tuner.Run(model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_range_test_finds_a_rate_between_its_ends()
    {
        LanguageModel model = Model("plain");
        (var schedule, IReadOnlyList<double> losses, double suggestion) = Tuner(Quick, model, "range").RangeTest(model, 60, 1e-6, 10);
        Assert.InRange(suggestion, 1e-5, 1);
        Assert.True(losses.Count > 20);
        Assert.Equal(1e-6, schedule.At(0), 1e-12);
    }

    private static FineTuneOptions Options(string variant) => variant switch
    {
        "plateau" => Quick with { Schedule = new ScheduleOptions { Name = "plateau", PlateauPatience = 0 } },
        "ema" => Quick with { Ema = 0.9 },
        "swa" => Quick with { Swa = 0.5 },
        "early" => Quick with { EarlyStop = 3, Ema = 0.5 },
        "lora" => Quick with { Method = FineTuneMethod.Lora, AdapterDropout = 0.1 },
        "dora" => Quick with { Method = FineTuneMethod.Dora },
        "ia3" => Quick with { Method = FineTuneMethod.Ia3 },
        "muon" => Quick with { Optimizer = new OptimizerOptions { Name = "muon", LayerDecay = 0.8, L1 = 1e-5 } },
        "noise" => Quick with { AttentionDropout = 0.1, ResidualDropout = 0.1, LayerDrop = 0.2, TokenDropout = 0.1, LabelSmoothing = 0.1, Loss = LossKind.Focal, BalanceClasses = true },
        "words" => Quick with { Text = new TextNoiseOptions { Typos = 0.2, WordDropout = 0.1 }, Sampling = ClassSampling.Over, TokenDropout = 0.05 },
        "mixup" => Quick with { Mixup = 0.4, Sampling = ClassSampling.Stratified, LabelSmoothing = 0.1, Accumulate = 2, BatchTokens = 48 },
        "weights" => Quick with { ClassWeights = "bad=4", Sampling = ClassSampling.Under, Epochs = 6 },
        "accumulate" => Quick with { Accumulate = 2, BatchTokens = 48 },
        "recompute" => Quick with { Memory = new TrainingMemory(true, true), ResidualDropout = 0.1, AttentionDropout = 0.1 },
        "quantized" => Quick with { Method = FineTuneMethod.Lora },
        _ => Quick,
    };

    private static LanguageModel Model(string variant)
    {
        LanguageModel model = TinyModel.Create(layers: 2);
        if (variant == "quantized")
        {
            model.Transformer.ReplaceLinears((_, linear) => linear is DenseLinear dense
                ? new QuantizedLinear(QuantizedMatrix.Quantize(BlockFormat.Q8_0, dense.Weight.Data, dense.Outputs, dense.Inputs)) : linear);
        }
        return model;
    }

    private FineTuner Tuner(FineTuneOptions options, LanguageModel model, string work) => new(options, FineTuneData.Encode(Data(), model, 64, false), At(work), 1);

    private TaskDataset Data(ulong seed = 1)
    {
        string[] goods = ["parcel", "order", "refund", "shoes", "lamp", "phone"];
        var rng = new Rng(seed);
        File.WriteAllLines(At("mood.jsonl"), Enumerable.Range(0, 120).Select(i =>
        {
            bool good = rng.NextInt(3) > 0;
            return $$"""{"text": "{{(good ? "thank you, the" : "please help, my")}} {{goods[rng.NextInt(6)]}} {{i}} {{(good ? "was very quick" : "has not arrived yet")}}", "label": "{{(good ? "good" : "bad")}}"}""";
        }));
        return TaskDataset.Load(new TaskSource { Name = "mood", Kind = TaskKind.Classify, Train = [At("mood.jsonl")] }, 1);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static float[] Values(FineTuneResult result) => [.. result.Weights.Parameters.SelectMany(p => p.Tensor.Data.ToArray())];

    /// <summary>Cancels once so many updates have been made in this part of a run.</summary>
}
