using System.Diagnostics;
using System.Text.Json;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Tests.Models;
using Cleave.Tests.Splitting;

namespace Cleave.Tests.Cli;

public sealed class TrainTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-train").FullName;
    private readonly string _base, _train, _test;

    public TrainTests()
    {
        (_base, _train, _test) = (At("base"), At("train.jsonl"), At("test.jsonl"));
        ModelFolder.Save(_base, TinyModel.Create(layers: 2), WeightType.BF16);
        Write(_train, 150, 1);
        Write(_test, 60, 2);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("full")]
    [InlineData("last")]
    [InlineData("lora")]
    [InlineData("dora", "--quantize-base", "true")]
    [InlineData("ia3")]
    [InlineData("lora", "--merge")]
    public void What_is_written_is_what_was_measured(string method, params string[] more)
    {
        CommandLine trained = CommandLine.Run(["train", _base, "--task", "classify", "--train", _train, "--test", _test, "--metric", "accuracy", "--method", method,
            "--epochs", "8", "--batch-tokens", "128", "--learning-rate", method == "ia3" ? "3e-2" : "5e-3", "--out", At("out"), "--json", .. more]);
        Assert.True(trained.Status == 0, trained.Error);
        JsonElement json = JsonDocument.Parse(trained.Output).RootElement;
        double metric = json.GetProperty("metric").GetDouble();
        Assert.Equal(method, json.GetProperty("method").GetString());
        Assert.True(json.GetProperty("parameters").GetInt64() > 10_000);
        Assert.True(json.GetProperty("weights_bytes").GetInt64() > 10_000);
        Assert.True(json.GetProperty("seconds").GetDouble() > 0);
        Assert.True(json.GetProperty("joules").GetDouble() > 0);
        Assert.Equal(json.GetProperty("energy").GetString() == "estimated", json.GetProperty("joules_uncertainty").GetDouble() > 0);
        Assert.True(metric > 0.9, trained.Output);
        Assert.Equal(60, json.GetProperty("metric_items").GetInt32());
        bool adapter = method is "lora" or "dora" or "ia3" && !more.Contains("--merge");
        Assert.Equal(adapter, File.Exists(At("out/adapter_config.json")));
        Assert.Equal(!adapter, File.Exists(At("out/model.safetensors")));
        Assert.Equal(more.Contains("--merge"), json.TryGetProperty("merge_kl", out _));
        Assert.False(Directory.Exists(At("out.work")));
        CommandLine eval = CommandLine.Run("eval", At("out"), "--data", _test, "--metric", "accuracy", "--json");
        Assert.True(eval.Status == 0, eval.Error);
        Assert.Equal(metric, JsonDocument.Parse(eval.Output).RootElement.GetProperty("value").GetDouble());
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_does_not()
    {
        string[] Args(string output, string seed) => ["train", _base, "--task", "classify", "--train", _train, "--epochs", "1", "--seed", seed, "--out", At(output), "--quiet"];
        Assert.Equal(0, CommandLine.Run(Args("a", "3")).Status);
        Assert.Equal(0, CommandLine.Run(Args("b", "3")).Status);
        Assert.Equal(0, CommandLine.Run(Args("c", "4")).Status);
        byte[] a = File.ReadAllBytes(At("a/model.safetensors"));
        Assert.Equal(a, File.ReadAllBytes(At("b/model.safetensors")));
        Assert.NotEqual(a, File.ReadAllBytes(At("c/model.safetensors")));
    }

    /// <summary>Without quantization it is the rounding to 16 bits of what is written that a bound of 0 does not bear.</summary>
    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public void A_merge_beyond_its_bound_is_refused_and_nothing_is_written(string quantized)
    {
        CommandLine result = CommandLine.Run("train", _base, "--task", "classify", "--train", _train, "--method", "lora", "--quantize-base", quantized, "--merge", "--merge-bound", "0",
            "--epochs", "2", "--learning-rate", "2e-2", "--out", At("out"));
        Assert.Equal(2, result.Status);
        Assert.Contains("KL", result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("out")));
    }

    [Fact]
    public void What_is_there_is_replaced_by_force_alone()
    {
        string[] args = ["train", _base, "--task", "classify", "--train", _train, "--epochs", "1", "--out", At("there")];
        Directory.CreateDirectory(At("there"));
        File.WriteAllText(At("there/mine.txt"), "precious");
        Assert.Contains("exists already", CommandLine.Run(args).OneLineError(), StringComparison.Ordinal);
        Assert.Contains("no unfinished run is there", CommandLine.Run([.. args, "--resume"]).OneLineError(), StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(At("there/mine.txt")));
        Assert.Equal(0, CommandLine.Run([.. args, "--force"]).Status);
        File.WriteAllText(At("file"), "precious");
        args[^1] = At("file");
        Assert.Contains("is a file", CommandLine.Run([.. args, "--force"]).OneLineError(), StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(At("file")));
    }

    [Fact]
    public void A_project_says_task_and_settings()
    {
        using var project = new SmallProject();
        File.AppendAllText(project.ProjectPath, "\ntraining: {method: lora, rank: 4, epochs: 2, optimizer: lion}\nprices: {core_hour: 0.04, currency: CHF}\n");
        CommandLine result = CommandLine.Run("train", Path.Combine(project.Folder, "base"), "--project", project.Folder, "--task", "mood", "--epochs", "1", "--out", At("mood"), "--json");
        Assert.True(result.Status == 0, result.Error);
        Assert.Equal("lora", JsonDocument.Parse(result.Output).RootElement.GetProperty("method").GetString());
        Assert.True(JsonDocument.Parse(result.Output).RootElement.GetProperty("cost").GetDouble() > 0);
        Assert.Contains("\"r\": 4", File.ReadAllText(At("mood/adapter_config.json")), StringComparison.Ordinal);
        Assert.Contains("mood, thing", CommandLine.Run("train", _base, "--project", project.Folder, "--task", "nothing", "--out", At("x")).OneLineError(), StringComparison.Ordinal);
        File.AppendAllText(project.ProjectPath, "\n");
        File.WriteAllText(project.ProjectPath, File.ReadAllText(project.ProjectPath).Replace("rank: 4", "rankk: 4", StringComparison.Ordinal));
        Assert.Contains("rankk", CommandLine.Run("train", _base, "--project", project.Folder, "--task", "mood", "--out", At("x")).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--task", "classify", "--train")]
    [InlineData("--train", "TRAIN", "--task")]
    [InlineData("--task classify --train TRAIN --method lroa", "", "lora")]
    [InlineData("--task classify --train TRAIN --rank 0", "", "--rank")]
    [InlineData("--task language-model --train TRAIN --method head", "", "head")]
    [InlineData("--task classify --train TRAIN --loss dpo", "", "worse answers")]
    [InlineData("--task classify --train TRAIN --merge", "", "--merge")]
    [InlineData("--task generate --train TRAIN", "", "target")]
    [InlineData("--task classify --train TRAIN --rank 16", "", "rank is for the methods lora and dora")]
    [InlineData("--task classify --train TRAIN --momentum 0.8", "", "momentum is for the optimizers sgd and muon")]
    [InlineData("--task classify --train TRAIN --schedule one-cycle --warmup 0.1", "", "warmup is for other schedules")]
    [InlineData("--task classify --train TRAIN --merge-bound 1", "", "--merge-bound is for --merge")]
    [InlineData("--task classify --train TRAIN --rejected worse", "", "--rejected is for --loss dpo")]
    [InlineData("--task classify --train TRAIN --range-test", "", "--out and --range-test cannot be given together")]
    public void A_wrong_request_is_said_in_one_line(string words, string value, string expected)
    {
        string[] args = [.. words.Split(' '), .. value.Length > 0 ? [value] : Array.Empty<string>()];
        CommandLine result = CommandLine.Run(["train", _base, .. args.Select(a => a == "TRAIN" ? _train : a), "--out", At("wrong")]);
        Assert.Equal(2, result.Status);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("wrong")));
    }

    [Fact]
    public void Help_says_when_to_use_which_method_and_has_every_setting()
    {
        CommandLine help = CommandLine.Run("train", "--help");
        Assert.Equal(0, help.Status);
        Assert.Contains("which method:", help.Output, StringComparison.Ordinal);
        Assert.Contains("--learning-rate X", help.Output, StringComparison.Ordinal);
        Assert.Contains("cleave train starter --task classify", help.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_range_test_writes_nothing_and_gives_a_rate()
    {
        CommandLine result = CommandLine.Run("train", _base, "--task", "classify", "--train", _train, "--range-test", "--json");
        Assert.True(result.Status == 0, result.Error);
        Assert.InRange(JsonDocument.Parse(result.Output).RootElement.GetProperty("learning_rate").GetDouble(), 1e-6, 1);
        Assert.False(Directory.Exists("range-test") || Directory.Exists("range-test.work"));
    }

    [UnixFact]
    public async Task A_run_that_is_killed_again_and_again_gives_the_same_weights()
    {
        Write(_train, 600, 1);
        string[] Args(string output, params string[] more) => ["train", _base, "--task", "classify", "--train", _train, "--method", "lora", "--epochs", "24", "--batch-tokens", "64",
            "--validate-every", "10", "--ema", "0.99", "--out", At(output), "--quiet", .. more];
        (int exit, _, string error) = await CleaveProcess.Run(Args("whole"));
        Assert.True(exit == 0, error);
        var rng = new Rng(5);
        var state = new FileInfo(At("killed.work/checkpoint.safetensors"));
        for (int kill = 0; kill < 3; kill++)
        {
            using Process process = CleaveProcess.Start(Args("killed", "--resume"));
            DateTime before = state.Exists ? state.LastWriteTimeUtc : default;
            CleaveProcess.Saw(process, () =>
            {
                state.Refresh();
                return state.Exists && state.LastWriteTimeUtc != before;
            });
            Thread.Sleep(rng.NextInt(20));
            process.Kill();
            await CleaveProcess.Exit(process);
            Assert.True(state.Exists && !Directory.Exists(At("killed")), "each of the three is killed in the middle");
        }
        (exit, _, error) = await CleaveProcess.Run(Args("killed", "--resume"));
        Assert.True(exit == 0, error);
        Assert.Equal(File.ReadAllBytes(At("whole/adapter_model.safetensors")), File.ReadAllBytes(At("killed/adapter_model.safetensors")));
    }

    internal static void Write(string path, int rows, ulong seed)
    {
        string[] goods = ["parcel", "order", "refund", "shoes", "lamp", "phone"];
        var rng = new Rng(seed);
        File.WriteAllLines(path, Enumerable.Range(0, rows).Select(i =>
        {
            bool good = rng.NextInt(2) > 0;
            return $$"""{"text": "{{(good ? "thank you, the" : "please help, my")}} {{goods[rng.NextInt(6)]}} {{i + (int)seed * 1000}} {{(good ? "was very quick" : "has not arrived yet")}}", "label": "{{(good ? "good" : "bad")}}"}""";
        }));
    }

    private string At(string name) => Path.Combine(_folder, name);
}
