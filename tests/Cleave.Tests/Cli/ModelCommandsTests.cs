using System.Text.Json;
using Cleave.Data;
using Cleave.Models;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;
using Cleave.Tests.Models;
using Cleave.Tests.Serving;

namespace Cleave.Tests.Cli;

/// <summary>The contracts of the commands that read a model.</summary>
public sealed class ModelCommandsTests : IClassFixture<TinyRelease>
{
    private readonly TinyRelease _tiny;
    private readonly LanguageModel _model;

    public ModelCommandsTests(TinyRelease tiny) => (_tiny, _model) = (tiny, ModelFolder.Load(tiny.Reply));

    private static JsonElement Json(CommandLine run)
    {
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.Status);
        Assert.Equal(run.Output.Length - 1, run.Output.IndexOf('\n', StringComparison.Ordinal)); // one line, nothing else
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private float[][] Logits(IEnumerable<int> ids) =>
        [.. Json(CommandLine.Run("logits", _tiny.Reply, "--tokens", string.Join(',', ids), "--json")).GetProperty("logits").EnumerateArray()
            .Select(row => row.EnumerateArray().Select(v => v.GetSingle()).ToArray())];

    [Fact]
    public void Logits_are_one_row_a_token_and_do_not_depend_on_later_tokens()
    {
        float[][] three = Logits([5, 6, 7]);
        Assert.Equal((3, _model.Transformer.Spec.VocabularySize), (three.Length, three[0].Length));
        float[][] two = Logits([5, 6]);
        for (int row = 0; row < 2; row++)
            Assert.All(three[row].Zip(two[row]), p => Assert.Equal(p.First, p.Second, 1e-4f));
        Assert.Contains("next", CommandLine.Run("logits", _tiny.Reply, "--tokens", "5").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1,x", "'x' is not a token id")]
    [InlineData("999999", "no token 999999; its ids are 0 to")]
    [InlineData("-1", "no token -1")]
    [InlineData(",", "0 ids")]
    public void Wrong_tokens_are_refused(string tokens, string message)
    {
        CommandLine run = CommandLine.Run("logits", _tiny.Reply, "--tokens=" + tokens);
        Assert.Equal(2, run.Status);
        Assert.Contains(message, run.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Generation_keeps_to_a_schema_or_a_grammar_and_refuses_what_it_cannot_keep_to()
    {
        string schema = Path.GetTempFileName(), grammar = Path.GetTempFileName();
        try
        {
            File.WriteAllText(schema, "{\"enum\":[\"red\",\"green\"]}");
            File.WriteAllText(grammar, "root ::= \"it is \" (\"late\" | \"early\")\n");
            JsonElement json = Json(CommandLine.Run("generate", _tiny.Reply, "hello", "--json-schema", schema, "--max-tokens", "12", "--json"));
            Assert.Contains(json.GetProperty("text").GetString()!.Trim(), (string[])["\"red\"", "\"green\""]);
            Assert.Equal("stop", json.GetProperty("finish_reason").GetString());
            CommandLine plain = CommandLine.Run("generate", _tiny.Reply, "hello", "--grammar", grammar, "--temperature", "2", "--seed", "4");
            Assert.Contains(plain.Output, (string[])["it is late\n", "it is early\n"]);
            Assert.Contains("exclude each other", CommandLine.Run("generate", _tiny.Reply, "x", "--grammar", grammar, "--json-schema", schema).OneLineError(), StringComparison.Ordinal);
            Assert.Contains("could cut", CommandLine.Run("generate", _tiny.Reply, "x", "--grammar", grammar, "--stop", "a").OneLineError(), StringComparison.Ordinal);
            Assert.Contains("not enough for the shortest", CommandLine.Run("generate", _tiny.Reply, "x", "--grammar", grammar, "--max-tokens", "3").OneLineError(), StringComparison.Ordinal);
            File.WriteAllText(schema, "{\"not\":{}}");
            Assert.Contains("not: the keyword not is not supported", CommandLine.Run("generate", _tiny.Reply, "x", "--json-schema", schema).OneLineError(), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(schema);
            File.Delete(grammar);
        }
    }

    [Fact]
    public void Greedy_generation_takes_the_largest_logit_again_and_again()
    {
        const string Prompt = "user: hello";
        int end = _model.Tokenizer.EosId!.Value;
        List<int> ids = [end, .. _model.Tokenizer.Encode(Prompt)], made = [];
        while (made.Count < 5)
        {
            float[] last = Logits([.. ids, .. made])[^1];
            int next = Array.IndexOf(last, last.Max());
            if (next == end)
                break;
            made.Add(next);
        }
        JsonElement json = Json(CommandLine.Run("generate", _tiny.Reply, Prompt, "--max-tokens", "5", "--json"));
        Assert.Equal(_model.Tokenizer.Decode([.. made]), json.GetProperty("text").GetString());
        Assert.Equal(ids.Count, json.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(made.Count, json.GetProperty("generated_tokens").GetInt32());
        Assert.Equal(made.Count < 5 ? "stop" : "length", json.GetProperty("finish_reason").GetString());
        CommandLine plain = CommandLine.RunWith(Prompt, CancellationToken.None, "generate", _tiny.Reply, "--max-tokens", "5");
        Assert.Equal(json.GetProperty("text").GetString() + "\n", plain.Output);
    }

    [Fact]
    public void Perplexity_agrees_with_the_logits()
    {
        const string Text = "who is there? it is anna";
        string file = Path.Combine(_tiny.Folder, "..", Path.GetRandomFileName());
        File.WriteAllText(file, Text);
        int[] ids = _model.Tokenizer.Encode(Text);
        double sum = 0;
        for (int start = 0; start < ids.Length - 1; start += 6)
        {
            int count = Math.Min(6, ids.Length - 1 - start);
            float[][] rows = Logits(ids[start..(start + count)]);
            for (int i = 0; i < count; i++)
                sum += Math.Log(rows[i].Sum(v => Math.Exp(v - rows[i][ids[start + i + 1]])));
        }
        JsonElement json = Json(CommandLine.Run("eval", "perplexity", _tiny.Reply, "--text", file, "--context", "6", "--json"));
        Assert.Equal(Math.Exp(sum / (ids.Length - 1)), json.GetProperty("perplexity").GetDouble(), 1e-3 * Math.Exp(sum / (ids.Length - 1)));
        Assert.Equal(ids.Length - 1, json.GetProperty("tokens").GetInt32());
        Assert.Equal(sum / Math.Log(2) / Text.Length, json.GetProperty("bits_per_byte").GetDouble(), 4);
        Assert.Equal(2, CommandLine.Run("eval", "perplexity", _tiny.Reply, "--text", file, "--context", "999").Status);
        File.WriteAllBytes(file, [(byte)'a', 0xff, (byte)'b']);
        Assert.Contains("is not UTF-8", CommandLine.Run("eval", "perplexity", _tiny.Reply, "--text", file).OneLineError(), StringComparison.Ordinal);
        File.Delete(file);
    }

    [Fact]
    public void Tokenize_goes_there_and_back_line_by_line()
    {
        string[] texts = ["who is anna?", "", "grüße 日本 \"quoted\"", "<|endoftext|>"];
        string input = string.Concat(texts.Select(t => "{\"text\":" + JsonSerializer.Serialize(t) + "}\n"));
        CommandLine ids = CommandLine.RunWith(input, CancellationToken.None, "tokenize", _tiny.Monolith, "--json");
        string[] lines = ids.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(texts.Select(t => string.Join(',', _model.Tokenizer.Encode(t))), lines.Select(l => l["{\"ids\":[".Length..^2]));
        CommandLine back = CommandLine.RunWith(ids.Output, CancellationToken.None, "tokenize", _tiny.Monolith, "--json", "--decode");
        Assert.Equal(texts, back.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("text").GetString()));
        CommandLine special = CommandLine.RunWith("{\"text\":\"<|endoftext|>\"}", CancellationToken.None, "tokenize", _tiny.Monolith, "--json", "--special");
        Assert.Equal("{\"ids\":[0]}\n", special.Output);
        CommandLine plain = CommandLine.RunWith("anna\n", CancellationToken.None, "tokenize", _tiny.Monolith);
        Assert.Equal(string.Join(' ', _model.Tokenizer.Encode("anna")) + "\n", plain.Output);
        Assert.Equal("anna\n", CommandLine.RunWith(plain.Output, CancellationToken.None, "tokenize", _tiny.Monolith, "--decode").Output);
    }

    [Theory]
    [InlineData("{\"txt\":\"x\"}", "standard input:2: a line is an object with the member \"text\"")]
    [InlineData("{\"text\":5}", "standard input:2: not a line {\"text\"}")]
    [InlineData("{\"text\":\"\\ud800\"}", "standard input:2: not a line {\"text\"}")]
    [InlineData("nonsense", "standard input:2: not a line {\"text\"}")]
    public void Wrong_lines_are_named(string line, string message)
    {
        CommandLine run = CommandLine.RunWith("{\"text\":\"x\"}\n" + line, CancellationToken.None, "tokenize", _tiny.Monolith, "--json");
        Assert.Equal(2, run.Status);
        Assert.Contains(message, run.OneLineError(), StringComparison.Ordinal);
        Assert.Single(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)); // what came before is there
    }

    [Theory]
    [InlineData("{\"ids\":[5,999999]}", "no token 999999")]
    [InlineData("{\"ids\":[-1]}", "no token -1")]
    [InlineData("{\"ids\":[1.5]}", "not a line {\"ids\"}")]
    [InlineData("{\"ids\":\"5\"}", "not a line {\"ids\"}")]
    public void Wrong_ids_are_named(string line, string message)
    {
        CommandLine run = CommandLine.RunWith(line, CancellationToken.None, "tokenize", _tiny.Monolith, "--json", "--decode");
        Assert.Equal(2, run.Status);
        Assert.Contains(message, run.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_inference_has_the_fields_of_the_contract()
    {
        JsonElement json = Json(CommandLine.Run("bench", "inference", _tiny.Reply, "--prompt", "8", "--generate", "4", "--batch", "2", "--runs", "1", "--json"));
        Assert.Equal(["model", "threads", "batch", "prompt_tokens", "generated_tokens", "prefill_tokens_per_s", "decode_tokens_per_s", "weights_bytes", "peak_rss_bytes"],
            json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(4 * _model.Transformer.Spec.Parameters, json.GetProperty("weights_bytes").GetInt64());
        Assert.True(json.GetProperty("decode_tokens_per_s").GetDouble() > 0);
        CommandLine tooLong = CommandLine.Run("bench", "inference", _tiny.Reply, "--prompt", "40", "--generate", "9");
        Assert.Contains("context of 48", tooLong.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_serving_times_each_module_and_all_of_them()
    {
        JsonElement json = Json(CommandLine.Run("bench", "serving", _tiny.Folder, "--concurrency", "3", "--requests", "7", "--prompt", "4", "--generate", "3", "--json"));
        JsonElement[] modules = [.. json.GetProperty("modules").EnumerateArray()];
        Assert.Equal([("mood", 3), ("reply", 2), ("names", 2), ("all", 7)], modules.Select(m => (m.GetProperty("module").GetString()!, m.GetProperty("requests").GetInt32())));
        foreach (JsonElement module in modules)
        {
            (JsonElement whole, JsonElement first) = (module.GetProperty("latency_ms"), module.GetProperty("first_token_ms"));
            Assert.True(whole.GetProperty("p50").GetDouble() <= whole.GetProperty("p95").GetDouble() && whole.GetProperty("p95").GetDouble() <= whole.GetProperty("p99").GetDouble());
            Assert.True(first.GetProperty("p99").GetDouble() <= whole.GetProperty("p99").GetDouble() && module.GetProperty("joules_per_request").GetDouble() > 0);
        }
        double seconds = json.GetProperty("elapsed_s").GetDouble();
        Assert.InRange(modules[^1].GetProperty("requests_per_s").GetDouble() * seconds, 6.5, 7.5);
        Assert.Equal([1.0, 2, 3, 3], new[] { 0.1, 0.5, 0.95, 1 }.Select(p => Cleave.Cli.Measure.ServingSpeed.Percentile([3, 1, 2], p)));
        Assert.Contains("first token p50", CommandLine.Run("bench", "serving", _tiny.Reply, "--requests", "2", "--prompt", "4", "--generate", "2").Output, StringComparison.Ordinal);
        Assert.Contains("there is no module 'nobody'", CommandLine.Run("bench", "serving", _tiny.Folder, "--module", "nobody").OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_serving_times_the_monolith_with_the_modules_requests()
    {
        JsonElement json = Json(CommandLine.Run("bench", "serving", _tiny.Folder, "--monolith", "--requests", "4", "--prompt", "4", "--generate", "3", "--json"));
        Assert.True(json.GetProperty("monolith").GetBoolean());
        Assert.Equal(["mood", "reply", "names", "all"], json.GetProperty("modules").EnumerateArray().Select(m => m.GetProperty("module").GetString()));
        using Release whole = Release.Open(_tiny.Folder, monolithOnly: true), split = Release.Open(_tiny.Folder);
        Assert.NotEmpty(split.Modules);
        Assert.Empty(whole.Modules);
        Assert.All(whole.Tasks.Select(t => whole.Answer(new Example { Text = "hello" }, t)), a => Assert.Equal(("monolith", false), (a.Module, a.Escalated)));
        Assert.Contains("is for a release", CommandLine.Run("bench", "serving", _tiny.Reply, "--monolith").OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_gguf_file_is_inspected_timed_and_asked_for_logits()
    {
        string path = Path.Combine(_tiny.Folder, "..", Path.GetRandomFileName() + ".gguf");
        GgufModelTests.WriteExample(path);
        Assert.Equal("gguf", Json(CommandLine.Run("inspect", path, "--json")).GetProperty("kind").GetString());
        Assert.Contains("blk.*.attn_q.weight", CommandLine.Run("inspect", path).Output, StringComparison.Ordinal);
        Assert.Equal(2, Json(CommandLine.Run("logits", path, "--tokens", "1,2", "--json")).GetProperty("logits").GetArrayLength());
        JsonElement bench = Json(CommandLine.Run("bench", "inference", path, "--prompt", "8", "--generate", "4", "--runs", "1", "--json"));
        Assert.True(bench.GetProperty("prefill_tokens_per_s").GetDouble() > 0);
        Assert.Contains("tokenizer", CommandLine.Run("generate", path, "hello").OneLineError(), StringComparison.Ordinal);
        File.Delete(path);
    }

    [Fact]
    public void Bench_tokenizer_counts_the_tokens_of_every_line()
    {
        string path = Path.Combine(_tiny.Folder, "..", Path.GetRandomFileName() + ".txt");
        string[] lines = ["where is my order", "", "thank you"];
        File.WriteAllLines(path, lines);
        JsonElement json = Json(CommandLine.Run("bench", "tokenizer", _tiny.Monolith, "--text", path, "--runs", "2", "--json"));
        Assert.Equal(lines.Sum(l => _model.Tokenizer.Encode(l).Length), json.GetProperty("tokens").GetInt64());
        Assert.Equal(new FileInfo(path).Length, json.GetProperty("bytes").GetInt64());
        File.WriteAllBytes(path, [0xFF, 0x41]);
        Assert.Contains("UTF-8", CommandLine.Run("bench", "tokenizer", _tiny.Monolith, "--text", path).OneLineError(), StringComparison.Ordinal);
        File.Delete(path);
        Assert.Equal(2, CommandLine.Run("bench", "tokenizer", _tiny.Monolith, "--text", path).Status);
    }

    [Fact]
    public void Inspect_counts_what_is_there()
    {
        JsonElement json = Json(CommandLine.Run("inspect", _tiny.Reply, "--json"));
        Assert.Equal(_model.Parameters, json.GetProperty("parameters").GetInt64());
        Assert.Equal(48, json.GetProperty("config").GetProperty("settings").GetProperty("max_position_embeddings").GetInt32());
        CommandLine text = CommandLine.Run("inspect", _tiny.Reply);
        Assert.Contains("model.layers.*.mlp.up_proj.weight", text.Output, StringComparison.Ordinal);
        Assert.Equal(2, CommandLine.Run("inspect", Path.Combine(_tiny.Folder, "nothing")).Status);
    }

    [Fact]
    public void Inspect_of_a_release_says_who_answers_and_notices_a_changed_file()
    {
        JsonElement json = Json(CommandLine.Run("inspect", _tiny.Folder, "--json"));
        Assert.Equal(["mood:mood", "reply:reply", "names:monolith"],
            json.GetProperty("tasks").EnumerateArray().Select(t => $"{t.GetProperty("task").GetString()}:{t.GetProperty("module").GetString()}"));
        Assert.Contains("all as the manifest says", CommandLine.Run("inspect", _tiny.Folder).Output, StringComparison.Ordinal);
        using var changed = new TinyRelease();
        File.AppendAllText(Path.Combine(changed.Monolith, "config.json"), " ");
        Assert.Contains("monolith/config.json", CommandLine.Run("inspect", changed.Folder).OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Eval_scores_a_module_and_tests_it_against_another()
    {
        string data = Path.Combine(_tiny.Folder, "..", Path.GetRandomFileName() + ".jsonl");
        (string Text, string Label)[] items = [.. Enumerable.Range(0, 30).Select(i => (i % 3 == 0 ? $"all is calm {i}" : $"shout it, so loud {i}", i % 3 == 0 ? "calm" : "loud"))];
        File.WriteAllLines(data, items.Select(i => $"{{\"text\":\"{i.Text}\",\"label\":\"{i.Label}\"}}"));
        string mood = Path.Combine(_tiny.Folder, "modules", "mood");
        int right;
        using (ITaskModule module = ModuleFolder.Load(mood)[0])
            right = module.Predict([.. items.Select(i => new Example { Text = i.Text })]).Zip(items).Count(p => p.First.Label == p.Second.Label);
        CommandLine run = CommandLine.Run("eval", mood, "--data", data, "--metric", "accuracy", "--json", "--quiet");
        JsonElement json = Json(run);
        Assert.Equal(right / 30.0, json.GetProperty("value").GetDouble(), 12);
        Assert.Equal(30, json.GetProperty("items").GetInt32());
        // The untrained monolith gives every text nearly the same answer: it is worse than the module.
        CommandLine against = CommandLine.Run("eval", _tiny.Monolith, "--task", "mood", "--data", data, "--metric", "accuracy", "--against", mood, "--json", "--quiet");
        Assert.Equal(1, against.Status);
        Assert.False(JsonDocument.Parse(against.Output).RootElement.GetProperty("against").GetProperty("passed").GetBoolean());
        Assert.Equal(0, CommandLine.Run("eval", mood, "--data", data, "--against", mood, "--margin", "0.5").Status);
        Assert.Contains("choose with --task: mood, reply, names", CommandLine.Run("eval", _tiny.Monolith, "--data", data).OneLineError(), StringComparison.Ordinal);
        Assert.Contains("no column 'txt'", CommandLine.Run("eval", mood, "--data", data, "--text", "txt").OneLineError(), StringComparison.Ordinal);
        Assert.Equal(2, CommandLine.Run("eval", mood, "--data", data + ".gone").Status);
        File.Delete(data);
    }

    [Theory]
    [InlineData("generate", "hello")]
    [InlineData("logits", "--tokens=1")]
    [InlineData("bench", "inference")]
    public void A_model_that_is_not_there_is_one_line(params string[] args)
    {
        string[] line = args[0] == "bench" ? [.. args, "/nowhere"] : [args[0], "/nowhere", .. args[1..]];
        CommandLine run = CommandLine.Run(line);
        Assert.Equal(2, run.Status);
        Assert.Contains("/nowhere: no such model", run.OneLineError(), StringComparison.Ordinal);
    }
}
