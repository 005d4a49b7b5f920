using System.Globalization;
using System.Text.Json;
using Cleave.Models;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;

namespace Cleave.Tests.Cli;

public sealed class CompressionTests : IDisposable
{
    private static readonly string[] Sentences =
        ["the parcel has not arrived yet, please help", "I want a refund for my order", "thank you, that was very quick", "where is my order number 12345"];

    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-compression").FullName;
    private readonly string _source, _text;

    public CompressionTests()
    {
        _source = At("source");
        ModelFolder.Save(_source, TinyModel.Create(width: 64), WeightType.F32);
        _text = At("text.txt");
        File.WriteAllText(_text, string.Join("\n", Enumerable.Range(0, 40).Select(i => Sentences[i % 4] + " " + i)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("neurons", 32)]
    [InlineData("heads", 1)]
    [InlineData("layers", 2)]
    [InlineData("width", 48)]
    public void Parts_that_go_make_a_smaller_model(string method, int keep)
    {
        JsonElement json = Done("prune", _source, "--out", At("out"), "--method", method, "--keep", $"{keep}", "--calibration", _text, "--text", _text, "--check", "--json");
        LanguageModel before = ModelFolder.Load(_source), after = ModelFolder.Load(At("out"));
        Assert.Equal(after.Parameters, json.GetProperty("parameters").GetInt64());
        Assert.True(json.GetProperty("metric").GetDouble() > 1);
        Assert.True(json.GetProperty("check").GetProperty("mean_kl").GetDouble() > 0);
        Assert.Equal(4 * after.Parameters, json.GetProperty("weights_bytes").GetInt64());
        int left = method switch
        {
            "neurons" => after.Transformer.Spec.Layers[1].FeedForwardWidth,
            "heads" => after.Transformer.Spec.Layers[1].KeyValueHeads,
            "layers" => after.Transformer.Layers.Count,
            _ => after.Transformer.Spec.Width,
        };
        Assert.Equal(keep, left);
        if (method != "width") // its two tables are not one any more
            Assert.True(after.Parameters < before.Parameters);
    }

    [Fact]
    public void A_smaller_vocabulary_changes_nothing_but_the_sum_of_probabilities()
    {
        string few = At("few.txt");
        File.WriteAllText(few, "where is my order");
        JsonElement json = Done("prune", _source, "--out", At("out"), "--method", "vocabulary", "--calibration", few, "--text", few, "--check", "--json");
        LanguageModel before = ModelFolder.Load(_source), after = ModelFolder.Load(At("out"));
        Assert.True(after.Transformer.Spec.VocabularySize < before.Transformer.Spec.VocabularySize);
        Assert.Equal(after.Tokenizer.VocabularySize, after.Transformer.Spec.VocabularySize);
        // Fewer tokens share the probability, so none of the text's becomes less likely.
        Assert.True(json.GetProperty("metric").GetDouble() <= json.GetProperty("check").GetProperty("source_perplexity").GetDouble());
        Assert.Equal(0, CommandLine.Run("generate", At("out"), "where is", "--max-tokens", "3").Status);
    }

    [Fact]
    public void Single_weights_leave_zeros_and_the_result_says_that_they_save_nothing()
    {
        JsonElement json = Done("prune", _source, "--out", At("out"), "--method", "sparsegpt", "--pattern", "2:4", "--calibration", _text, "--json");
        Assert.Equal(0.5, json.GetProperty("zeros").GetDouble(), 1e-9);
        Assert.Equal(4 * ModelFolder.Load(_source).Parameters, json.GetProperty("weights_bytes").GetInt64());
        Assert.Contains("neither bytes nor time", json.GetProperty("note").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Healing_keeps_zeros_and_lowers_the_loss()
    {
        double Perplexity(params string[] more) =>
            Done(["prune", _source, "--out", At("out"), "--method", "wanda", "--sparsity", "0.5", "--calibration", _text, "--text", _text, "--force", "--json", .. more]).GetProperty("metric").GetDouble();
        double plain = Perplexity(), healed = Perplexity("--heal", "6", "--rounds", "3", "--learning-rate", "0.01");
        Assert.True(healed < 0.9 * plain);
        CommandLine run = CommandLine.Run("prune", _source, "--out", At("out"), "--method", "wanda", "--sparsity", "0.5", "--calibration", _text, "--heal", "4", "--rounds", "2", "--force", "--json");
        Assert.Equal(0.5, JsonDocument.Parse(run.Output).RootElement.GetProperty("zeros").GetDouble(), 0.02);
    }

    [Theory]
    [InlineData("rtn", "Q4_0", "none")]
    [InlineData("importance", "Q5_1", "none")]
    [InlineData("gptq", "Q4_0", "heads")]
    [InlineData("awq", "Q4_1", "none")]
    [InlineData("awq+gptq", "Q5_0", "all")]
    [InlineData("smooth", "Q8_0", "none")]
    public void Every_method_gives_a_file_that_reads_back(string method, string type, string rotate)
    {
        JsonElement json = Done("quantize", _source, "--out", At("m.gguf"), "--method", method, "--type", type, "--rotate", rotate,
            "--calibration", _text, "--text", _text, "--check", "--json");
        Assert.InRange(json.GetProperty("check").GetProperty("mean_kl").GetDouble(), 0, 0.02);
        Assert.Contains(type, json.GetProperty("types").GetString(), StringComparison.Ordinal);
        Assert.True(json.GetProperty("weights_bytes").GetInt64() < (rotate == "all" ? 2.5 : 2) * ModelFolder.Load(_source).Parameters);
        Assert.Equal(0, CommandLine.Run("generate", At("m.gguf"), "where is", "--max-tokens", "3").Status);
    }

    [Fact]
    public void Training_with_rounded_weights_lowers_what_rounding_leaves()
    {
        double Perplexity(params string[] more) => Done(["quantize", _source, "--out", At("m.gguf"), "--method", "rtn", "--type", "Q4_0",
            "--calibration", _text, "--text", _text, "--force", "--json", .. more]).GetProperty("metric").GetDouble();
        Assert.True(Perplexity("--heal", "6", "--learning-rate", "0.01") < 0.9 * Perplexity());
        Refused("--method rtn", "quantize", _source, "--out", At("x.gguf"), "--heal", "6", "--calibration", _text);
    }

    [Fact]
    public void Eight_bits_make_a_folder()
    {
        JsonElement json = Done("quantize", _source, "--out", At("out"), "--method", "rtn", "--json");
        Assert.True(ModelFolder.LoadFrozen(At("out")).Transformer.Layers[0].Attention.Query is Cleave.Models.Blocks.QuantizedLinear);
        Assert.Equal(ModelFolder.Load(_source).Parameters, json.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public void A_budget_of_bytes_is_kept_and_a_smaller_one_costs_more_divergence()
    {
        (long Bytes, double Divergence) Within(long bytes)
        {
            JsonElement json = Done("quantize", _source, "--out", At("m.gguf"), "--bytes", $"{bytes}", "--calibration", _text, "--text", _text, "--check", "--force", "--json");
            return (json.GetProperty("weights_bytes").GetInt64(), json.GetProperty("check").GetProperty("mean_kl").GetDouble());
        }
        const int Norms = 7 * 64 * 4; // not matrices
        (long large, double little) = Within(80_000);
        (long small, double more) = Within(56_000);
        Assert.True(large <= 80_000 + Norms && small <= 56_000 + Norms && small < large);
        Assert.True(more > little);
        Assert.Equal(0, CommandLine.Run("quantize", _source, "--out", At("m.gguf"), "--kl", "0.01", "--calibration", _text, "--force").Status);
    }

    [Fact]
    public void A_budget_of_bytes_counts_what_no_block_fits()
    {
        ModelFolder.Save(At("narrow"), TinyModel.Create(width: 48), WeightType.F32);
        string[] quantize = ["quantize", At("narrow"), "--out", At("m.gguf"), "--calibration", _text, "--force", "--json", "--bytes"];
        string refused = CommandLine.Run([.. quantize, "1000"]).OneLineError();
        long least = long.Parse(refused.Split("at least ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
        Refused("coarsest formats", [.. quantize, $"{least - 1}"]);
        const int Norms = 7 * 48 * 4; // not matrices
        Assert.Equal(least + Norms, Done([.. quantize, $"{least}"]).GetProperty("weights_bytes").GetInt64());
    }

    [Fact]
    public void A_budget_of_bytes_is_kept_where_matrices_lie_in_one_tensor()
    {
        LanguageModel model = TinyModel.CreateGpt2();
        ModelFolder.Save(At("joined"), model, WeightType.F32);
        long rest = model.Transformer.Weights().Select(w => w.Weight).OfType<Tensor>().Sum(t => 4L * t.Length);
        foreach (long bytes in (long[])[18_000, 20_000, 22_000, 24_000, 26_000])
        {
            JsonElement json = Done("quantize", At("joined"), "--out", At("m.gguf"), "--bytes", $"{bytes}", "--calibration", _text, "--force", "--json");
            Assert.InRange(json.GetProperty("weights_bytes").GetInt64() - rest, 1, bytes);
        }
    }

    [Fact]
    public void Wrong_requests_are_refused_in_one_line_and_nothing_is_lost()
    {
        string brief = At("brief.txt");
        File.WriteAllText(brief, "too short");
        File.WriteAllText(At("empty.txt"), "");
        Refused("calibration text has", "prune", _source, "--out", At("x"), "--method", "sparsegpt", "--sparsity", "0.5", "--calibration", brief);
        Refused("empties the layer", "prune", _source, "--out", At("x"), "--method", "magnitude", "--sparsity", "0.999");
        Refused("whole groups", "prune", _source, "--out", At("x"), "--method", "magnitude", "--pattern", "1:3");
        Refused("such as 2:4", "prune", _source, "--out", At("x"), "--method", "magnitude", "--pattern", "5:4");
        Refused("--keep is missing", "prune", _source, "--out", At("x"), "--method", "layers", "--calibration", _text);
        Refused("can be kept", "prune", _source, "--out", At("x"), "--method", "layers", "--keep", "9", "--calibration", _text);
        Refused("--calibration is missing", "prune", _source, "--out", At("x"), "--method", "layers", "--keep", "2");
        Refused("--check needs --text", "quantize", _source, "--out", At("x"), "--method", "rtn", "--check");
        Refused("cannot be read", "quantize", _source, "--out", At("x"), "--method", "rtn", "--text", At("absent.txt"));
        Refused("cannot be read", "prune", _source, "--out", At("x"), "--method", "magnitude", "--sparsity", "0.5", "--text", At("absent.txt"));
        Refused("fewer than two tokens", "prune", _source, "--out", At("x"), "--method", "magnitude", "--sparsity", "0.5", "--text", At("empty.txt"));
        Refused("--calibration-tokens is for methods that measure", "prune", _source, "--out", At("x"), "--method", "vocabulary", "--calibration", _text, "--calibration-tokens", "9");
        Refused("Q8_0 alone", "quantize", _source, "--out", At("x"), "--method", "rtn", "--type", "Q4_0");
        Refused("coarsest formats", "quantize", _source, "--out", At("x.gguf"), "--bytes", "1000", "--calibration", _text);
        Refused("written as a folder", "prune", _source, "--out", At("x.gguf"), "--method", "magnitude", "--sparsity", "0.5");
        Done("quantize", _source, "--out", At("q"), "--method", "rtn", "--json");
        Refused("quantized already", "quantize", At("q"), "--out", At("x"), "--method", "rtn");
        Refused("quantized already", "prune", At("q"), "--out", At("x"), "--method", "magnitude", "--sparsity", "0.5");
        Refused("exists already", "prune", _source, "--out", At("q"), "--method", "magnitude", "--sparsity", "0.5");
        Assert.Equal([At("brief.txt"), At("empty.txt"), At("q"), At("source"), At("text.txt")], Directory.EnumerateFileSystemEntries(_folder).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_cancelled_run_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.Equal(130, CommandLine.RunWith("", cancel.Token, "quantize", _source, "--out", At("m.gguf"), "--type", "Q4_0", "--calibration", _text).Status);
        Assert.Equal(130, CommandLine.RunWith("", cancel.Token, "prune", _source, "--out", At("p"), "--method", "layers", "--keep", "2", "--calibration", _text).Status);
        Assert.Equal([_source, _text], Directory.EnumerateFileSystemEntries(_folder).Order(StringComparer.Ordinal));
    }

    private static JsonElement Done(params string[] args)
    {
        CommandLine run = CommandLine.Run(args);
        Assert.True(run.Status == 0, run.Error);
        JsonElement json = JsonDocument.Parse(run.Output).RootElement;
        Assert.True(json.GetProperty("seconds").GetDouble() >= 0);
        Assert.True(json.GetProperty("joules").GetDouble() > 0);
        Assert.Contains(json.GetProperty("energy").GetString(), new[] { "measured", "estimated" });
        Assert.False(string.IsNullOrEmpty(json.GetProperty("method").GetString()));
        return json;
    }

    private static void Refused(string why, params string[] args)
    {
        CommandLine run = CommandLine.Run(args);
        Assert.Equal(2, run.Status);
        Assert.Contains(why, run.OneLineError(), StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_folder, name);
}
