using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Compression.Conversion;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Tests.Models;
using Cleave.Tokenizers.Templates;
using Cleave.Training;

namespace Cleave.Tests.Cli;

public sealed class ConvertTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-convert").FullName;
    private readonly string _source;

    public ConvertTests()
    {
        _source = At("source");
        ModelFolder.Save(_source, TinyModel.Create(width: 64), WeightType.F32);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void There_and_back_gives_the_same_weights_and_the_same_tokens()
    {
        CommandLine there = CommandLine.Run("convert", _source, At("m.gguf"), "--type", "F32", "--json"), back = CommandLine.Run("convert", At("m.gguf"), At("back"), "--json");
        Assert.Equal((0, 0), (there.Status, back.Status));
        Assert.Equal(File.ReadAllBytes(Path.Combine(_source, ModelFolder.Weights)), File.ReadAllBytes(Path.Combine(At("back"), ModelFolder.Weights)));
        LanguageModel before = ModelFolder.Load(_source), after = ModelFolder.Load(At("back"));
        const string Text = "where is my order <|endoftext|> ümlaut 123";
        Assert.Equal(before.Tokenizer.Encode(Text, parseSpecial: true), after.Tokenizer.Encode(Text, parseSpecial: true));
        Assert.Equal(before.Transformer.Spec with { Layers = [] }, after.Transformer.Spec with { Layers = [] });
        JsonElement json = JsonDocument.Parse(there.Output).RootElement;
        Assert.InRange(json.GetProperty("kl").GetDouble(), -1e-6, 1e-6);
        Assert.Equal(new FileInfo(At("m.gguf")).Length, json.GetProperty("bytes").GetInt64());
        CommandLine made = CommandLine.Run("generate", At("m.gguf"), "where is", "--max-tokens", "5");
        Assert.Equal(CommandLine.Run("generate", _source, "where is", "--max-tokens", "5").Output, made.Output);
    }

    [Fact]
    public void A_chat_template_goes_there_and_back()
    {
        var tokens = new Dictionary<string, string> { ["eos_token"] = "<|endoftext|>" };
        ModelFolder.Save(At("chat"), TinyModel.Create(width: 64) with { Chat = new ChatFormat(ChatTemplate.Parse("{{ messages[0].content }}{{ eos_token }} ü", "test"), tokens) }, WeightType.F32);
        Assert.Equal(0, CommandLine.Run("convert", At("chat"), At("m.gguf"), "--type", "F32").Status);
        using (GgufFile file = GgufFile.Open(At("m.gguf")))
            Assert.Equal("{{ messages[0].content }}{{ eos_token }} ü", file.Metadata.Text("tokenizer.chat_template")); // as ggml's specification calls it
        Assert.Equal(0, CommandLine.Run("convert", At("m.gguf"), At("back")).Status);
        Assert.Equal("said<|endoftext|> ü", ModelFolder.Load(At("back")).Chat!.Write([new JsonObject { ["role"] = "user", ["content"] = "said" }]));
        byte[] bytes = File.ReadAllBytes(At("m.gguf"));
        "{{ messages[0] content"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf("{{ messages[0].content"u8)));
        File.WriteAllBytes(At("m.gguf"), bytes);
        CommandLine damaged = CommandLine.Run("generate", At("m.gguf"), "hello");
        Assert.Equal(2, damaged.Status);
        Assert.Contains("m.gguf: chat template, line 1", damaged.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_whose_tokenizer_is_not_known_gives_logits_but_no_text()
    {
        Assert.Equal(0, CommandLine.Run("convert", _source, At("m.gguf"), "--type", "F32", "--no-check").Status);
        byte[] bytes = File.ReadAllBytes(At("m.gguf"));
        "gptx"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf("gpt2"u8)));
        File.WriteAllBytes(At("m.gguf"), bytes);
        CommandLine logits = CommandLine.Run("logits", At("m.gguf"), "--tokens", "5,6,7", "--json");
        Assert.Equal(3, JsonDocument.Parse(logits.Output).RootElement.GetProperty("logits").GetArrayLength());
        CommandLine text = CommandLine.Run("generate", At("m.gguf"), "hello");
        Assert.Equal(2, text.Status);
        Assert.Contains("gptx", text.OneLineError(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Q8_0")]
    [InlineData("Q4_K_M")]
    [InlineData("Q5_1")]
    [InlineData("BF16")]
    public void A_file_in_blocks_computes_close_to_its_source(string type)
    {
        CommandLine run = CommandLine.Run("convert", _source, At("m.gguf"), "--type", type);
        Assert.Equal(0, run.Status);
        Assert.Contains("KL 0.0", run.Output, StringComparison.Ordinal);
        Assert.True(new FileInfo(At("m.gguf")).Length > 0);
    }

    [Fact]
    public void What_differs_too_much_is_not_put_in_place()
    {
        LanguageModel source = ModelFolder.Load(_source);
        var options = new ConversionOptions { Mix = TypeMix.Find("Q2_K") with { MostDivergence = 0 } };
        FidelityException e = Assert.Throws<FidelityException>(() => ModelConverter.ToGguf(source, "m", At("m.gguf"), options, null, CancellationToken.None));
        Assert.True(e.Fidelity.Divergence > 0);
        Assert.Equal([_source], Directory.EnumerateFileSystemEntries(_folder));
        Assert.Null(ModelConverter.ToGguf(source, "m", At("m.gguf"), options with { Check = false }, null, CancellationToken.None));
        Assert.True(File.Exists(At("m.gguf")));
    }

    [Fact]
    public void Wrong_requests_are_refused_in_one_line()
    {
        CommandLine.Run("convert", _source, At("m.gguf"), "--type", "Q8_0");
        Refused("exists already", _source, At("m.gguf"));
        Refused("one of the two", _source, At("other"));
        Refused("there is no type Q9", _source, At("n.gguf"), "--type", "Q9");
        Refused("F32 or BF16", At("m.gguf"), At("f"), "--type", "Q8_0");
        File.WriteAllText(At("bad"), "nothing of the kind");
        Refused("importance matrix", _source, At("n.gguf"), "--imatrix", At("bad"));
        Assert.Equal(0, CommandLine.Run("convert", _source, At("m.gguf"), "--force").Status);

        void Refused(string why, params string[] args)
        {
            CommandLine run = CommandLine.Run(["convert", .. args]);
            Assert.Equal(2, run.Status);
            Assert.Contains(why, run.OneLineError(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_cancelled_conversion_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.Equal(130, CommandLine.RunWith("", cancel.Token, "convert", _source, At("m.gguf")).Status);
        Assert.Equal([_source], Directory.EnumerateFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Importance_in_both_forms_makes_the_same_file(bool older)
    {
        float[] sums = [.. Enumerable.Range(0, 64).Select(i => 3f * (1 + i))];
        if (older)
        {
            using var writer = new BinaryWriter(File.Create(At("imatrix")));
            byte[] name = Encoding.UTF8.GetBytes("blk.0.attn_q.weight");
            writer.Write(1);
            writer.Write(name.Length);
            writer.Write(name);
            writer.Write(3);
            writer.Write(sums.Length);
            foreach (float sum in sums)
                writer.Write(sum);
        }
        else
        {
            GgufWriter.Write(At("imatrix"), [new GgufKey("general.type", "imatrix")],
            [
                new GgufTensor("blk.0.attn_q.weight.in_sum2", GgufTensorType.F32, [1, 64], s => s.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(sums.AsSpan()))),
                new GgufTensor("blk.0.attn_q.weight.counts", GgufTensorType.F32, [1, 1], s => s.Write(BitConverter.GetBytes(3f))),
            ]);
        }
        ImportanceMatrix importance = ImportanceMatrix.Load(At("imatrix"));
        Assert.Equal([.. Enumerable.Range(1, 64).Select(i => (float)i)], importance.For("blk.0.attn_q.weight", 64).ToArray());
        Assert.True(importance.For("blk.1.attn_q.weight", 64).IsEmpty);
        Assert.Throws<CleaveException>(() => importance.For("blk.0.attn_q.weight", 32).Length);
        Assert.Equal(0, CommandLine.Run("convert", _source, At("with.gguf"), "--type", "Q4_1", "--imatrix", At("imatrix")).Status);
        Assert.Equal(0, CommandLine.Run("convert", _source, At("without.gguf"), "--type", "Q4_1").Status);
        Assert.NotEqual(Row(At("without.gguf"), "blk.0.attn_q.weight"), Row(At("with.gguf"), "blk.0.attn_q.weight"));
        Assert.Equal(Row(At("without.gguf"), "blk.0.attn_k.weight"), Row(At("with.gguf"), "blk.0.attn_k.weight"));
    }

    [SharedFact]
    public void Llama2c_weights_compute_what_llama2c_computes()
    {
        string folder = Shared.Data("model-stories260k");
        Transformer model = Llama2cModel.Load(Path.Combine(folder, "stories260K.bin"));
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")));
        int vocabulary = model.Spec.VocabularySize;
        foreach (JsonElement prompt in expected.RootElement.GetProperty("prompts").EnumerateArray())
        {
            List<int> ids = Ids(prompt, "prompt_ids");
            float[] last = Logits(model, ids)[^vocabulary..];
            foreach (JsonElement top in prompt.GetProperty("last_logits_top10").EnumerateArray())
                Assert.Equal(top[1].GetDouble(), last[top[0].GetInt32()], 1e-3);
            Assert.Equal(prompt.GetProperty("last_logits_sum").GetDouble(), last.Sum(v => (double)v), 0.05);
            foreach (int next in Ids(prompt, "greedy_ids"))
            {
                float[] logits = Logits(model, ids)[^vocabulary..];
                Assert.Equal(next, Array.IndexOf(logits, logits.Max()));
                ids.Add(next);
            }
        }
        foreach (JsonElement text in expected.RootElement.GetProperty("nll").EnumerateArray())
        {
            using var tape = new Tape(records: false);
            int[] ids = [.. Ids(text, "ids")];
            Assert.Equal(text.GetProperty("mean_nll_nats").GetDouble(), Perplexity.MeanLoss(model, ids, ids.Length, tape), 1e-4);
        }
        byte[] cut = File.ReadAllBytes(Path.Combine(folder, "stories260K.bin"))[..^4];
        File.WriteAllBytes(At("cut.bin"), cut);
        Assert.Contains("calls for", Assert.Throws<ModelFileException>(() => Llama2cModel.Load(At("cut.bin"))).Message);
    }

    private static List<int> Ids(JsonElement of, string name) => [.. of.GetProperty(name).EnumerateArray().Select(i => i.GetInt32())];

    private static float[] Logits(Transformer model, List<int> ids)
    {
        using var tape = new Tape(records: false);
        return model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add([.. ids]))).Data.ToArray();
    }

    private static byte[] Row(string path, string tensor)
    {
        using GgufFile file = GgufFile.Open(path);
        var bytes = new byte[file.Entry(tensor).ByteCount];
        file.ReadBytes(file.Entry(tensor), 0, bytes);
        return bytes;
    }

    private string At(string name) => Path.Combine(_folder, name);
}
