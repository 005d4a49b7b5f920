using Cleave.Data;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Models;
using Cleave.Training.FineTuning;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Tests.Training.Distributed;

/// <summary>A fine-tuning by several ranks: what it learns, validates, remembers and writes is what one process would.</summary>
public sealed class DistributedFineTuneTests : IDisposable
{
    private static readonly FineTuneOptions Quick = new() { Epochs = 2, BatchTokens = 32, Accumulate = 4, Optimizer = new OptimizerOptions { LearningRate = 1e-3 }, ValidateEvery = 3 };
    private readonly TemporaryFolder _folder = new();
    private readonly TaskDataset _data;

    public DistributedFineTuneTests()
    {
        string[] goods = ["parcel", "order", "refund", "shoes", "lamp", "phone"];
        var rng = new Rng(1);
        File.WriteAllLines(_folder.File("mood.jsonl"), Enumerable.Range(0, 80).Select(i =>
        {
            bool good = rng.NextInt(2) > 0;
            return $$"""{"text": "{{(good ? "thank you, the" : "please help, my")}} {{goods[rng.NextInt(6)]}} {{i}} {{(good ? "was very quick" : "has not arrived yet")}}", "label": "{{(good ? "good" : "bad")}}", "worse": "{{i}}"}""";
        }));
        _data = TaskDataset.Load(new TaskSource { Name = "mood", Kind = TaskKind.Classify, Train = [_folder.File("mood.jsonl")] }, 1);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("full", 2)]
    [InlineData("full", 4)]
    [InlineData("early", 2)]
    [InlineData("lora", 4)]
    [InlineData("noise", 2)]
    [InlineData("recompute", 2)]
    [InlineData("preferences", 2)]
    public void Several_ranks_learn_what_one_does(string variant, int ranks)
    {
        FineTuneOptions options = Options(variant);
        FineTuneResult expected = Tuner(options, "one", null, out LanguageModel model).Run(model);
        FineTuneResult[] results = ThreadRanks.Run(ranks, r => Tuner(options, "several", r, out LanguageModel own).Run(own));
        Assert.All(results, r => Assert.Equal(Values(results[0]), Values(r)));
        Assert.All(results, r => Assert.Equal(results[0].Curve, r.Curve));
        Close(expected, results[0]);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(1, 4)]
    [InlineData(4, 2)]
    public void A_run_that_was_killed_is_continued_by_another_number_of_ranks(int before, int after)
    {
        FineTuneOptions options = Options("early");
        FineTuneResult expected = Tuner(options, "whole", null, out LanguageModel model).Run(model);
        Assert.Throws<IOException>(() => ThreadRanks.Run(before, r => Tuner(options, "parts", r, out LanguageModel own).Run(own, r.Rank == 0 ? new Killed(at: 5) : null)));
        FineTuneResult[] results = ThreadRanks.Run(after, r => Tuner(options, "parts", r, out LanguageModel own).Run(own));
        Assert.All(results, r => Assert.Equal(Values(results[0]), Values(r)));
        Close(expected, results[0]);
    }

    /// <summary>Nothing in the file says how many ranks there were.</summary>
    [Fact]
    public void The_checkpoint_has_the_names_and_shapes_of_one_process()
    {
        foreach (int ranks in new[] { 1, 3 })
            ThreadRanks.Run(ranks, r => Tuner(Options("early") with { Accumulate = 3 }, $"work{ranks}", r, out LanguageModel own).Run(own));
        using var one = Cleave.Formats.Safetensors.SafetensorsFile.Open(_folder.File("work1/checkpoint.safetensors"));
        using var three = Cleave.Formats.Safetensors.SafetensorsFile.Open(_folder.File("work3/checkpoint.safetensors"));
        Assert.Equal(one.Names, three.Names);
        Assert.All(one.Names, n => Assert.Equal(one.Entry(n).Shape, three.Entry(n).Shape));
        Assert.Contains(one.Names, n => n.EndsWith(".adam_second", StringComparison.Ordinal));
    }

    [Fact]
    public void A_rank_with_other_items_is_refused()
    {
        CleaveException e = Assert.Throws<CleaveException>(() => ThreadRanks.Run(2, r =>
        {
            LanguageModel own = TinyModel.Create(layers: 2);
            FineTuneData items = FineTuneData.Encode(_data, own, r.Rank == 0 ? 64 : 8, false);
            return new FineTuner(Quick, items, _folder.File("other"), 1, r).Run(own);
        }));
        Assert.Contains("process 1 of the job has another model, other items", e.Message, StringComparison.Ordinal);
    }

    private static FineTuneOptions Options(string variant) => variant switch
    {
        "early" => Quick with { EarlyStop = 2, Ema = 0.5, Epochs = 6, Schedule = new ScheduleOptions { Name = "plateau", PlateauPatience = 0 } },
        "lora" => Quick with { Method = FineTuneMethod.Lora, AdapterDropout = 0.1 },
        "noise" => Quick with { AttentionDropout = 0.1, ResidualDropout = 0.1, LayerDrop = 0.3, TokenDropout = 0.1, LabelSmoothing = 0.1 },
        "recompute" => Quick with { Memory = new TrainingMemory(true, false) },
        "preferences" => Quick with { Loss = LossKind.Dpo, BatchTokens = 96 },
        _ => Quick,
    };

    private FineTuner Tuner(FineTuneOptions options, string work, ThreadRanks? ranks, out LanguageModel model)
    {
        model = TinyModel.Create(layers: 2);
        bool preferences = options.Loss == LossKind.Dpo;
        TaskDataset data = !preferences ? _data
            : TaskDataset.Load(new TaskSource { Name = "reply", Kind = TaskKind.Generate, Train = [_folder.File("mood.jsonl")], Target = "label", Rejected = "worse" }, 1);
        return new FineTuner(options, FineTuneData.Encode(data, model, 64, preferences), _folder.File(work), 1, ranks);
    }

    private static void Close(FineTuneResult expected, FineTuneResult actual)
    {
        Assert.Equal((expected.Updates, expected.BestUpdate, expected.Curve.Count), (actual.Updates, actual.BestUpdate, actual.Curve.Count));
        Assert.All(expected.Curve.Zip(actual.Curve), p => Assert.Equal(p.First.ValidationLoss, p.Second.ValidationLoss, 1e-5));
        float[] e = Values(expected), a = Values(actual);
        double distance = Math.Sqrt(e.Zip(a, (x, y) => Math.Pow((double)x - y, 2)).Sum() / e.Sum(x => (double)x * x));
        Assert.InRange(distance, 0, 1e-5);
    }

    private static float[] Values(FineTuneResult result) => [.. result.Weights.Parameters.SelectMany(p => p.Tensor.Data.ToArray())];

    /// <summary>Ends the rank in mid-run, behind the last checkpoint.</summary>
    private sealed class Killed(int at) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value)
        {
            if (value.Done >= at)
                throw new IOException("killed");
        }
    }
}
