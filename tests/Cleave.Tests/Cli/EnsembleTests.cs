using System.Text.Json;
using Cleave.Models;
using Cleave.Tests.Models;

namespace Cleave.Tests.Cli;

/// <summary><c>cleave train --ensemble</c> and <c>--unlabelled</c>: trainings that are made of several.</summary>
public sealed class EnsembleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-ensemble").FullName;
    private readonly string _base, _train, _test;

    public EnsembleTests()
    {
        (_base, _train, _test) = (At("base"), At("train.jsonl"), At("test.jsonl"));
        ModelFolder.Save(_base, TinyModel.Create(layers: 1), WeightType.BF16);
        TrainTests.Write(_train, 120, 1);
        TrainTests.Write(_test, 50, 2);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("bagging", 2)]
    [InlineData("boosting", 2)]
    [InlineData("stacking", 1)]
    [InlineData("snapshots", 3)]
    [InlineData("soup", 2)]
    [InlineData("greedy-soup", 2)]
    public void What_is_written_is_what_was_measured_and_all_of_it_is_charged(string method, int members)
    {
        JsonElement json = Json(Train("out", "--ensemble", method, "--members", $"{members}"));
        JsonElement[] parts = [.. json.GetProperty("members").EnumerateArray()];
        long each = parts[0].GetProperty("weights_bytes").GetInt64(), all = json.GetProperty("weights_bytes").GetInt64();
        bool soup = method.EndsWith("soup", StringComparison.Ordinal);
        Assert.Equal(soup, File.Exists(At("out/model.safetensors")));
        if (soup)
            Assert.Equal(each, all);
        else
            Assert.InRange(all - parts.Sum(p => p.GetProperty("weights_bytes").GetInt64()), 0, 64); // votes and regressions are counted too
        if (method is not "boosting") // which may end early
            Assert.Equal(method == "stacking" ? members + 1 : members, parts.Length);
        Assert.True(json.GetProperty("metric").GetDouble() > 0.85, $"{json}");
        Assert.True(json.GetProperty("joules").GetDouble() > 0 && json.GetProperty("ms").GetDouble() > 0);
        Assert.False(Directory.Exists(At("out.work")));
        JsonElement eval = Json(CommandLine.Run("eval", At("out"), "--data", _test, "--metric", "accuracy", "--json"));
        Assert.Equal(json.GetProperty("metric").GetDouble(), eval.GetProperty("value").GetDouble());
        Assert.Equal("classify", Json(CommandLine.Run("run", At("out"), "where is my parcel", "--json")).GetProperty("module").GetString());
    }

    [Fact]
    public void What_is_there_is_replaced_by_force_alone()
    {
        Directory.CreateDirectory(At("there"));
        File.WriteAllText(At("there/mine.txt"), "precious");
        string[] how = ["--ensemble", "soup", "--members", "2"];
        Assert.Contains("exists already", Train("there", how).OneLineError(), StringComparison.Ordinal);
        Assert.Contains("no unfinished run is there", Train("there", [.. how, "--resume"]).OneLineError(), StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(At("there/mine.txt")));
        Assert.False(Directory.Exists(At("there.work")));
    }

    [Theory]
    [InlineData("boosting")]
    [InlineData("snapshots")]
    public void An_interrupted_ensemble_goes_on_to_the_same_bytes(string method)
    {
        string[] how = ["--ensemble", method, "--members", "2"];
        Json(Train("whole", how));
        using var cancel = new CancellationTokenSource();
        cancel.CancelAfter(TimeSpan.FromMilliseconds(150)); // wherever that is
        CommandLine cut = CommandLine.RunWith("", cancel.Token, Args("cut", how));
        if (cut.Status != 0)
            Json(Train("cut", [.. how, "--resume"]));
        Assert.Equal(Files("whole"), Files("cut"));
        foreach (string file in Files("whole"))
            Assert.True(File.ReadAllBytes(At($"whole/{file}")).SequenceEqual(File.ReadAllBytes(At($"cut/{file}"))), file);
    }

    [Fact]
    public void Texts_without_labels_are_added_where_two_models_are_sure_and_agree()
    {
        TrainTests.Write(At("few.jsonl"), 70, 1);
        TrainTests.Write(At("more.jsonl"), 90, 3);
        File.WriteAllLines(At("unlabelled.jsonl"), [.. File.ReadLines(At("more.jsonl")).Select(l => $"{{\"text\": {JsonDocument.Parse(l).RootElement.GetProperty("text").GetRawText()}}}"), File.ReadLines(At("few.jsonl")).First()]);
        string[] args = ["train", _base, "--task", "classify", "--train", At("few.jsonl"), "--test", _test, "--metric", "accuracy", "--epochs", "8", "--batch-tokens", "128", "--learning-rate", "5e-3",
            "--validation", At("validation.jsonl"), "--unlabelled", At("unlabelled.jsonl"), "--pseudo-agree", "--pseudo-accuracy", "0.9", "--json", "--out"];
        TrainTests.Write(At("validation.jsonl"), 40, 4);
        JsonElement json = Json(CommandLine.Run([.. args, At("a")])), added = json.GetProperty("self_training");
        Assert.Equal(91, added.GetProperty("texts").GetInt32());
        Assert.InRange(added.GetProperty("known").GetInt32(), 1, 10); // one of the training items, and what the generator wrote twice
        Assert.InRange(added.GetProperty("added").GetInt32(), 30, 90);
        Assert.Equal(added.GetProperty("added").GetInt32(), added.GetProperty("added_by_label").EnumerateObject().Sum(l => l.Value.GetInt32()));
        Assert.True(added.GetProperty("validation_accuracy").GetDouble() >= 0.9 && added.GetProperty("validation_items").GetInt32() >= 20);
        Assert.True(added.GetProperty("metric_before").GetDouble() > 0.7);
        Assert.False(Directory.Exists(At("a.work")));
        Json(CommandLine.Run([.. args, At("b")]));
        Assert.Equal(File.ReadAllBytes(At("a/model.safetensors")), File.ReadAllBytes(At("b/model.safetensors")));
        // Items that it is measured by are not to be labelled by it: single ones are left out, a source of them is refused.
        string[] held = [.. File.ReadLines(_test).Select(l => l.Replace("please", "PLEASE,", StringComparison.Ordinal).Replace("thank", "Thank", StringComparison.Ordinal))];
        File.AppendAllLines(At("unlabelled.jsonl"), held.Take(5));
        JsonElement again = Json(CommandLine.Run([.. args, At("c")])).GetProperty("self_training");
        Assert.Equal(added.GetProperty("refused").GetInt32() + 5, again.GetProperty("refused").GetInt32());
        Assert.Equal(File.ReadAllBytes(At("a/model.safetensors")), File.ReadAllBytes(At("c/model.safetensors")));
        File.WriteAllLines(At("unlabelled.jsonl"), held);
        CommandLine refused = CommandLine.Run([.. args, At("d")]);
        Assert.Equal(2, refused.Status);
        Assert.Contains("unlabelled.jsonl:1)", refused.OneLineError(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("d")) || Directory.Exists(At("d.work")));
    }

    [Theory]
    [InlineData("--ensemble baging", "'bagging'")]
    [InlineData("--ensemble bagging --members 1", "at least 2")]
    [InlineData("--ensemble bagging --members 257", "at most 256")]
    [InlineData("--ensemble stacking --members 256", "at most 255")]
    [InlineData("--members 3", "--ensemble")]
    [InlineData("--ensemble soup --method lora", "whole models")]
    [InlineData("--ensemble snapshots --ema 0.9", "ema")]
    [InlineData("--ensemble snapshots --schedule cosine", "--schedule cyclic --cycles 4")]
    [InlineData("--ensemble snapshots --warmup 0.1", "warmup")]
    [InlineData("--ensemble snapshots --members 3 --cycles 5", "--schedule cyclic --cycles 3")]
    [InlineData("--pseudo-agree", "--unlabelled")]
    [InlineData("--ensemble bagging --unlabelled TRAIN", "one of them")]
    [InlineData("--unlabelled TRAIN --pseudo-accuracy 2", "--pseudo-accuracy")]
    public void A_wrong_request_is_said_in_one_line(string words, string expected)
    {
        CommandLine result = Train("wrong", [.. words.Split(' ').Select(a => a == "TRAIN" ? _train : a)]);
        Assert.Equal(2, result.Status);
        Assert.Contains(expected, result.OneLineError(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("wrong")));
    }

    /// <summary>One item of each label: none can be held out.</summary>
    [Theory]
    [InlineData("--ensemble soup --members 2", "an ensemble")]
    [InlineData("--unlabelled TRAIN", "unlabelled texts")]
    [InlineData("--early-stop 2", "early-stop")]
    [InlineData("--schedule plateau", "plateau")]
    public void What_is_chosen_by_validation_items_is_refused_without_them(string words, string expected)
    {
        File.WriteAllLines(At("two.jsonl"), ["""{"text": "thank you, that was quick", "label": "good"}""", """{"text": "my parcel has not arrived", "label": "bad"}"""]);
        CommandLine result = CommandLine.Run(["train", _base, "--task", "classify", "--train", At("two.jsonl"), "--test", _test, "--out", At("few"), .. words.Split(' ').Select(a => a == "TRAIN" ? _train : a)]);
        Assert.Equal(2, result.Status);
        Assert.Contains($"{expected} needs validation items", result.OneLineError(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("few")) || Directory.Exists(At("few.work")));
    }

    private CommandLine Train(string output, params string[] more) => CommandLine.Run(Args(output, more));

    private string[] Args(string output, string[] more) => ["train", _base, "--task", "classify", "--train", _train, "--test", _test, "--metric", "accuracy",
        "--epochs", "6", "--batch-tokens", "128", "--learning-rate", "5e-3", "--out", At(output), "--json", "--quiet", .. more];

    private static JsonElement Json(CommandLine result)
    {
        Assert.True(result.Status == 0, result.Error);
        return JsonDocument.Parse(result.Output).RootElement;
    }

    private string[] Files(string output) => [.. Directory.GetFiles(At(output), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(At(output), f)).Order(StringComparer.Ordinal)];

    private string At(string name) => Path.Combine(_folder, name);
}
