using System.Text;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Inspection;
using Cleave.Formats.Safetensors;
using Cleave.Json;
using Cleave.Tests.Tokenizers;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Formats;

public sealed class HuggingFaceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-hf").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("""{"heads":"x"}""", "config.json: heads: expected a positive integer, found \"x\"")]
    [InlineData("""{"heads":0}""", "config.json: heads: expected a positive integer, found 0")]
    [InlineData("""{"heads":1.5}""", "config.json: heads: expected a positive integer, found 1.5")]
    [InlineData("""{"heads":1e300}""", "config.json: heads: expected a positive integer, found 1e300")]
    [InlineData("""{}""", "config.json: heads: is missing")]
    [InlineData("""[1]""", "config.json: expected an object, found a list")]
    [InlineData("""{"heads":{}}""", "config.json: heads: expected a positive integer, found an object")]
    [InlineData("""{"heads":null}""", "config.json: heads: expected a positive integer, found null")]
    public void A_wrong_value_is_named_with_its_path(string json, string message)
    {
        var error = Assert.Throws<ModelFileException>(() => JsonCursor.Parse(Encoding.UTF8.GetBytes(json), "config.json")["heads"].Positive());
        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void Paths_go_through_lists_and_members()
    {
        JsonCursor root = JsonCursor.Parse("""{"a":{"b":[1,{"c":true}]}}"""u8, "f");
        Assert.Equal("a.b[1].c", root["a"]["b"].Items().Last()["c"].Path);
        Assert.True(root["a"]["b"].Items().Last().Flag("c", false));
        Assert.Equal(7, root.Int("none", 7));
        Assert.Equal(4, JsonCursor.Parse("4.0"u8, "f").Positive());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{} x")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{/* */}")]
    [InlineData("{\"\\ud800\":1,\"\\ud800\":1}")]
    public void What_is_not_strict_JSON_is_refused(string json)
    {
        var error = Assert.Throws<ModelFileException>(() => JsonCursor.Parse(Encoding.UTF8.GetBytes(json), "f"));
        Assert.StartsWith("f: not valid JSON", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_and_size_are_limited()
    {
        string deep = new string('[', 100_000) + new string(']', 100_000);
        Assert.Throws<ModelFileException>(() => JsonCursor.Parse(Encoding.UTF8.GetBytes(deep), "f"));
        string path = Path.Combine(_folder, "big.json");
        File.WriteAllText(path, "[" + new string(' ', 1000) + "]");
        Assert.Throws<ModelFileException>(() => JsonFile.Load(path, maxBytes: 1000));
        Assert.Throws<ModelFileException>(() => JsonFile.Load(Path.Combine(_folder, "none.json")));
    }

    [Fact]
    public void The_control_tokens_are_those_of_the_configuration()
    {
        WriteTokenizer();
        Assert.Null(TokenizerFolder.Load(_folder).EosId);
        File.WriteAllText(Path.Combine(_folder, TokenizerFolder.ConfigName), """{"eos_token":{"content":"<|stop|>"},"pad_token":"<|end|>","bos_token":null}""");
        Tokenizer tokenizer = TokenizerFolder.Load(_folder);
        Assert.Equal((1, 0), (tokenizer.EosId, tokenizer.PadId));
        File.WriteAllText(Path.Combine(_folder, TokenizerFolder.ConfigName), """{"eos_token":"<none>"}""");
        Assert.Contains("eos_token: the tokenizer has no token <none>",
            Assert.Throws<ModelFileException>(() => TokenizerFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_tokenizer_says_so() =>
        Assert.Contains("no tokenizer", Assert.Throws<ModelFileException>(() => TokenizerFolder.Load(_folder)).Message, StringComparison.Ordinal);

    [SharedFact]
    public void The_older_pair_of_files_is_loaded_too()
    {
        File.Copy(Shared.Data("tokenizer-gpt2/encoder.json"), Path.Combine(_folder, "vocab.json"));
        File.Copy(Shared.Data("tokenizer-gpt2/vocab.bpe"), Path.Combine(_folder, "merges.txt"));
        Tokenizer tokenizer = TokenizerFolder.Load(_folder);
        Assert.Equal([15496, 995], tokenizer.Encode("Hello world"));
        Assert.Equal(50256, tokenizer.BosId);
    }

    [Fact]
    public void Inspecting_a_folder_tells_what_is_in_it()
    {
        WriteTokenizer();
        File.WriteAllText(Path.Combine(_folder, "config.json"), """{"model_type":"llama","architectures":["X"],"hidden_size":4,"rope":{"a":1},"tie":true}""");
        SafetensorsWriter.Write(Path.Combine(_folder, SafetensorsSet.SingleFile),
            [TensorToWrite.From("w", SafetensorsDType.BF16, [2, 3], new float[6]), new TensorToWrite("ids", SafetensorsDType.I64, [2], new byte[16])],
            SafetensorsWriter.TransformersMetadata);
        InspectedModel model = ModelInspector.Inspect(_folder);
        Assert.Equal(("huggingface", 6, 28), (model.Kind, model.Parameters, model.WeightBytes));
        Assert.Equal([2L, 3], model.Tensors[0].Shape);
        Assert.Equal(("w", "BF16", 6L, 12L, "model.safetensors"),
            (model.Tensors[0].Name, model.Tensors[0].DType, model.Tensors[0].Elements, model.Tensors[0].Bytes, model.Tensors[0].File));
        Assert.Equal(("llama", "X"), (model.Config!.ModelType, model.Config.Architectures.Single()));
        Assert.Equal([KeyValuePair.Create("hidden_size", "4"), KeyValuePair.Create("tie", "true")], model.Config.Settings);
        Assert.Equal(("BPE", 264, 6), (model.Tokenizer!.Kind, model.Tokenizer.VocabularySize, model.Tokenizer.Merges));
        Assert.Equal(["<|end|>", "<|stop|>"], model.Tokenizer.SpecialTokens);
        Assert.Equal(["model.safetensors", "config.json", "tokenizer.json"], model.Files.Select(f => f.Name));
        Assert.Equal("pt", model.Files[0].Metadata["format"]);

        InspectedModel file = ModelInspector.Inspect(Path.Combine(_folder, SafetensorsSet.SingleFile));
        Assert.Equal(("safetensors", 6L, null), (file.Kind, file.Parameters, file.Config));
        Assert.Throws<ModelFileException>(() => ModelInspector.Inspect(Path.Combine(_folder, "config.json")));
        Assert.Throws<ModelFileException>(() => ModelInspector.Inspect(Path.Combine(_folder, "none")));
    }

    private void WriteTokenizer()
    {
        Tokenizer tokenizer = BpeTrainer.Train(["the cat, the hat and the bat"], 264, ["<|end|>", "<|stop|>"], PreTokenizer.Gpt2);
        File.WriteAllBytes(Path.Combine(_folder, TokenizerFolder.FileName), BpeVectorTests.Save(tokenizer));
    }
}
