using System.Text.Json;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Serving;
using Cleave.Tests.Models;
using Cleave.Tokenizers;

namespace Cleave.Tests.Cli;

/// <summary>The commands that read a model, given an encoder–decoder.</summary>
public sealed class AnswerCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-t5-cli").FullName;
    private readonly LanguageModel _model = T5Cases.Create();

    public AnswerCommandsTests() => ModelFolder.Save(_folder, _model, WeightType.F32);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Generate_answers_the_prompt()
    {
        JsonElement json = Json("generate", _folder, "where is my order", "--max-tokens", "6", "--json");
        Assert.Equal(_model.Tokenizer.Encode("where is my order").Length + 1, json.GetProperty("prompt_tokens").GetInt32());
        Assert.InRange(json.GetProperty("generated_tokens").GetInt32(), 1, 6);
        Assert.Equal(json.GetProperty("text").GetString(), CommandLine.Run("generate", _folder, "where is my order", "--max-tokens", "6").Output.TrimEnd('\n'));
        Assert.Equal(json.GetProperty("text").GetString(), Json("generate", _folder, "where is my order", "--max-tokens", "6", "--kv-cache", "float16", "--json").GetProperty("text").GetString());
        Assert.Equal(2, CommandLine.Run("generate", _folder, string.Concat(Enumerable.Repeat("the parcel ", 100))).Status); // its context is short
    }

    [Fact]
    public void Logits_are_of_the_decoder()
    {
        float[][] rows = [.. Json("logits", _folder, "--tokens", "5,6,7", "--decoder-tokens", "0,9", "--json").GetProperty("logits").EnumerateArray().Select(r => r.EnumerateArray().Select(v => v.GetSingle()).ToArray())];
        Assert.Equal(T5Cases.Logits(_model.Transformer, [[5, 6, 7]], [[0, 9]]), rows.SelectMany(r => r));
        Assert.Equal(rows[0], Json("logits", _folder, "--tokens", "5,6,7", "--json").GetProperty("logits")[0].EnumerateArray().Select(v => v.GetSingle()));
        Assert.Contains("no token 99999", CommandLine.Run("logits", _folder, "--tokens", "1", "--decoder-tokens", "99999").OneLineError(), StringComparison.Ordinal);
        Assert.Contains("encoder-decoder", CommandLine.Run("logits", "starter", "--tokens", "1", "--decoder-tokens", "1").OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_only_a_decoder_can_do_is_refused_in_one_line()
    {
        string text = Path.Combine(_folder, "text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Repeat("the parcel has not arrived yet. ", 30)));
        foreach (string[] args in (string[][])[["eval", "perplexity", _folder, "--text", text], ["bench", "inference", _folder, "--prompt", "4", "--generate", "4"], ["convert", _folder, Path.Combine(_folder, "x.gguf")]])
        {
            CommandLine run = CommandLine.Run(args);
            Assert.Equal(2, run.Status);
            Assert.Contains("encoder-decoder", run.OneLineError(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Single_weights_are_pruned_in_both_stacks()
    {
        string output = Path.Combine(_folder, "out");
        double zeros = Json("prune", _folder, "--out", output, "--method", "magnitude", "--sparsity", "0.5", "--quiet", "--json").GetProperty("zeros").GetDouble();
        Assert.Equal(0.5, zeros, 1e-3);
        Transformer pruned = ModelFolder.LoadTransformer(output);
        DenseLinear[] projections = [.. pruned.Weights().Where(w => w.Name.EndsWith("_proj.weight", StringComparison.Ordinal)).Select(w => (DenseLinear)w.Weight)];
        Assert.Equal(2 * 7 + 2 * 11, projections.Length); // the decoder has an attention more
        Assert.All(projections, p => Assert.Equal(p.Weight.Length / 2, p.Weight.Data.Count(0f)));
    }

    [Fact]
    public void A_smaller_vocabulary_is_that_of_both_stacks_and_keeps_the_first_token()
    {
        string output = Path.Combine(_folder, "out"), few = Path.Combine(_folder, "few.txt"), config = Path.Combine(_folder, ModelFolder.Config);
        File.WriteAllText(few, "where is my order");
        int start = _model.Tokenizer.Encode("refund")[^1];
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"decoder_start_token_id\": 0", $"\"decoder_start_token_id\": {start}", StringComparison.Ordinal));
        Assert.Equal(0, CommandLine.Run("prune", _folder, "--out", output, "--method", "vocabulary", "--calibration", few).Status);
        LanguageModel smaller = ModelFolder.Load(output);
        Assert.True(smaller.Tokenizer.VocabularySize < _model.Tokenizer.VocabularySize);
        Assert.Equal(_model.Tokenizer.TokenOf(start), smaller.Tokenizer.TokenOf(smaller.DecoderStart!.Value));
        Assert.Equal(smaller.Tokenizer.VocabularySize, smaller.Transformer.Encoder!.Spec.VocabularySize);
        Assert.Equal(0, CommandLine.Run("generate", output, "where is", "--max-tokens", "3").Status);
    }

    [Theory]
    [InlineData("--method magnitude", "prune", "--method", "wanda", "--sparsity", "0.5")]
    [InlineData("--method magnitude", "prune", "--method", "sparsegpt", "--pattern", "2:4")]
    [InlineData("share a token table", "prune", "--method", "width", "--keep", "16")]
    [InlineData("share a token table", "quantize", "--method", "rtn", "--rotate", "all")]
    [InlineData("encoder-decoder", "prune", "--method", "magnitude", "--sparsity", "0.5", "--text", "FILE")]
    public void What_reads_or_turns_a_decoders_stream_is_refused_in_one_line(string why, string verb, params string[] options)
    {
        string text = Path.Combine(_folder, "text.txt"), output = Path.Combine(_folder, "out");
        File.WriteAllText(text, string.Concat(Enumerable.Repeat("the parcel has not arrived yet. ", 60)));
        CommandLine run = CommandLine.Run([verb, _folder, "--out", output, "--calibration", text, .. options.Select(o => o == "FILE" ? text : o)]);
        Assert.Equal(2, run.Status);
        Assert.Contains(why, run.OneLineError(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    [Fact]
    public void Inspect_shows_both_stacks()
    {
        string shown = CommandLine.Run("inspect", _folder).Output;
        Assert.Contains("T5ForConditionalGeneration", shown, StringComparison.Ordinal);
        Assert.Contains("decoder.block.*.layer.*.EncDecAttention.q.weight", shown, StringComparison.Ordinal);
        Assert.Equal(_model.Parameters, Json("inspect", _folder, "--json").GetProperty("parameters").GetInt64());
    }

    /// <summary>The adapter is the encoder's, and what is read back answers as what was measured.</summary>
    [Theory]
    [InlineData("lora")]
    [InlineData("ia3")]
    public void An_adapter_of_a_classification_is_written_and_read(string method)
    {
        string items = Path.Combine(_folder, "items.jsonl"), test = Path.Combine(_folder, "test.jsonl"), output = Path.Combine(_folder, "out");
        TrainTests.Write(items, 80, 1);
        TrainTests.Write(test, 40, 2);
        JsonElement trained = Json("train", _folder, "--task", "classify", "--train", items, "--test", test, "--method", method, "--epochs", "1", "--metric", "accuracy", "--out", output, "--json", "--quiet");
        Assert.Contains("\"encoder.block.0.layer.0.SelfAttention.k\"", File.ReadAllText(Path.Combine(output, "adapter_config.json")), StringComparison.Ordinal);
        Assert.Equal(trained.GetProperty("metric").GetDouble(), Json("eval", output, "--data", test, "--metric", "accuracy", "--json", "--quiet").GetProperty("value").GetDouble());
    }

    [Fact]
    public void A_plain_model_is_served()
    {
        using var host = new LanguageModelHost(_model, "t5", DateTimeOffset.UnixEpoch);
        ModuleResult prompt = Ask(host, new ModuleRequest { Module = "t5", Prompt = "where is my order", MaxTokens = 5 });
        ModuleResult said = Ask(host, new ModuleRequest { Module = "t5", Messages = [new ChatMessage(ChatRole.User, "where is my order")], MaxTokens = 5 });
        Assert.Equal(prompt.Text.Trim(), said.Text);
        Assert.Equal(prompt.PromptTokens, said.PromptTokens);
        using var embedder = new TextEmbedder(_model);
        Assert.Equal(1, embedder.Embed("where is my order").Vector.Sum(v => (double)v * v), 1e-5);
    }

    [SharedFact]
    public void T5s_own_tokenizer_gives_the_encoder_what_it_was_trained_on()
    {
        foreach (string file in (string[])[ModelFolder.TokenizerFile, "tokenizer_config.json"])
            File.Copy(Shared.Data($"tokenizer-t5-small/{file}"), Path.Combine(_folder, file), overwrite: true);
        Tokenizer tokenizer = TokenizerFolder.Load(_folder);
        LanguageModel model = T5Cases.Create(1, 1, tokenizer: tokenizer);
        ModelFolder.Save(_folder, model, WeightType.BF16);
        LanguageModel read = ModelFolder.LoadFrozen(_folder);
        int compared = 0;
        foreach (JsonElement each in JsonDocument.Parse(File.ReadAllBytes(Shared.Data("tokenizer-t5-small/vectors.json"))).RootElement.EnumerateArray())
        {
            int[] expected = [.. each.GetProperty("ids_with_special").EnumerateArray().Select(i => i.GetInt32())];
            Assert.Equal(expected, LanguageModelHost.Prompt(read, each.GetProperty("text").GetString()!));
            compared++;
        }
        Assert.True(compared > 10);
        Assert.Equal(0, CommandLine.Run("generate", _folder, "translate English to German: The house is wonderful.", "--max-tokens", "4").Status);
    }

    private static ModuleResult Ask(LanguageModelHost host, ModuleRequest request) => host.Run(request, new Silence(), CancellationToken.None);

    private static JsonElement Json(params string[] args)
    {
        CommandLine run = CommandLine.Run(args);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.Status);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private sealed class Silence : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }
        public void Text(string piece) { }
    }
}
