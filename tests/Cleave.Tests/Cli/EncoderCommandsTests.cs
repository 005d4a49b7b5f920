using System.Text.Json;
using Cleave.Models;
using Cleave.Tests.Models;

namespace Cleave.Tests.Cli;

/// <summary>What the commands do with a model that reads whole texts.</summary>
public sealed class EncoderCommandsTests
{
    [Theory]
    [InlineData("generate", "w7 w8")]
    [InlineData("bench", "inference", "--prompt", "4", "--generate", "4")]
    [InlineData("eval", "perplexity", "--text", "FILE")]
    [InlineData("serve", "--urls", "http://127.0.0.1:0")]
    [InlineData("prune", "--method", "magnitude", "--sparsity", "0.5", "--heal", "1", "--calibration", "FILE", "--out", "absent")]
    [InlineData("quantize", "--method", "rtn", "--heal", "1", "--calibration", "FILE", "--out", "absent")]
    [InlineData("train", "--task", "language-model", "--train", "FILE", "--out", "absent")]
    public void What_continues_texts_refuses_an_encoder_in_one_line_with_the_remedy(params string[] words)
    {
        using var folder = new EncoderFolder("bert");
        string text = Path.Combine(folder.Folder, "text.txt");
        File.WriteAllText(text, string.Join("\n\n", Enumerable.Range(0, 200).Select(i => $"w7 w8 w9 {i}")));
        int at = words[0] is "bench" or "eval" ? 2 : 1;
        string[] arguments = [.. words[..at], folder.Folder, .. words[at..].Select(w => w == "FILE" ? text : w)];
        CommandLine run = CommandLine.Run(arguments);
        Assert.Equal(2, run.Status);
        Assert.Contains("is an encoder: it reads whole texts and has no next token; use a decoder", run.OneLineError(), StringComparison.Ordinal);
        Assert.Equal("", run.Output);
        Assert.False(Directory.Exists("absent"));
    }

    [Fact]
    public void Logits_are_those_of_the_masked_language_model()
    {
        using var folder = new EncoderFolder("distilbert");
        string tokens = string.Join(',', folder.Sequences[1]);
        CommandLine run = CommandLine.Run("logits", folder.Folder, "--tokens", tokens, "--json");
        float[] logits = [.. JsonDocument.Parse(run.Output).RootElement.GetProperty("logits").EnumerateArray().SelectMany(r => r.EnumerateArray()).Select(x => x.GetSingle())];
        FamilyCases.Close(folder.Logits(1).SelectMany(r => r), logits, 1e-4, "logit");
        Assert.Contains("guess", CommandLine.Run("logits", folder.Folder, "--tokens", tokens).Output, StringComparison.Ordinal);
        using var headless = new EncoderFolder("bert-tags");
        Assert.Contains("no head for the vocabulary", CommandLine.Run("logits", headless.Folder, "--tokens", "7").OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_names_the_tasks_that_a_model_answers_for()
    {
        using var folder = new EncoderFolder("bert-classify");
        CommandLine run = CommandLine.Run("inspect", folder.Folder);
        Assert.Contains("model type bert (BertForSequenceClassification)", run.Output, StringComparison.Ordinal);
        Assert.Contains("task mood: classify bad, good, mixed", run.Output, StringComparison.Ordinal);
        JsonElement task = JsonDocument.Parse(CommandLine.Run("inspect", folder.Folder, "--json").Output).RootElement.GetProperty("tasks")[0];
        Assert.Equal("mood", task.GetProperty("task").GetString());
        Assert.Equal(["bad", "good", "mixed"], task.GetProperty("labels").EnumerateArray().Select(l => l.GetString()));
    }

    [Fact]
    public void Run_asks_a_published_classifier_and_eval_measures_it()
    {
        using var folder = new EncoderFolder("bert-classify");
        string request = JsonSerializer.Serialize(new { text = EncoderFolder.Words(folder.Sequences[1][4..6]), question = EncoderFolder.Words(folder.Sequences[1][1..3]) });
        CommandLine run = CommandLine.RunWith(request + "\n", CancellationToken.None, "run", folder.Folder, "--json");
        JsonElement answer = JsonDocument.Parse(run.Output).RootElement;
        double[] logits = folder.Logits(1)[0];
        string label = ((string[])["bad", "good", "mixed"])[Array.IndexOf(logits, logits.Max())];
        Assert.Equal(label, answer.GetProperty("output").GetString());
        Assert.Equal("mood", answer.GetProperty("module").GetString());
        Assert.Equal(Math.Exp(logits.Max()) / logits.Sum(Math.Exp), answer.GetProperty("confidence").GetDouble(), 1e-4);
        string Said(string text) => CommandLine.Run("run", folder.Folder, text).Output.Trim();
        string right = Said("w7 w8"), wrong = Said("w20 w21 w22") == "bad" ? "good" : "bad", data = Path.Combine(folder.Folder, "data.jsonl");
        File.WriteAllLines(data, [JsonSerializer.Serialize(new { text = "w7 w8", label = right }), JsonSerializer.Serialize(new { text = "w20 w21 w22", label = wrong })]);
        CommandLine eval = CommandLine.Run("eval", folder.Folder, "--data", data, "--metric", "accuracy", "--json");
        Assert.Equal(0.5, JsonDocument.Parse(eval.Output).RootElement.GetProperty("value").GetDouble());
    }
}
