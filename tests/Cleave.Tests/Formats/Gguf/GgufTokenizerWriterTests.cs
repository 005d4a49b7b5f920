using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Gguf;
using Cleave.Formats.HuggingFace;
using Cleave.Tokenizers;

namespace Cleave.Tests.Formats.Gguf;

public sealed class GgufTokenizerWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-gguf").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SharedTheory]
    [InlineData("gguf-vocabs/ggml-vocab-gpt-2.gguf", "gpt-2")]
    [InlineData("gguf-vocabs/ggml-vocab-llama-spm.gguf", "default")]
    public void What_llama_cpp_s_converter_wrote_is_written_again(string path, string pre)
    {
        GgufMetadata source, written;
        using (GgufFile file = GgufFile.Open(Shared.Data(path)))
            source = file.Metadata;
        Write(TokenizerFile.Load(Shared.Data(path)), "1.gguf");
        using (GgufFile file = GgufFile.Open(At("1.gguf")))
            written = file.Metadata;
        foreach (string key in new[] { "model", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id" })
        {
            if (source.Contains("tokenizer.ggml." + key))
                Assert.Equal(source.Find("tokenizer.ggml." + key), written.Find("tokenizer.ggml." + key));
        }
        Assert.Equal(pre, written.FindText("tokenizer.ggml.pre"));
        SameOrder(source.Find("tokenizer.ggml.scores") as double[], written.Find("tokenizer.ggml.scores") as double[]);
        SameAgain(TokenizerFile.Load(Shared.Data(path)), Shared.Data("tokenizer-llama2-sp/vectors.json"));
    }

    [SharedTheory]
    [InlineData("tokenizer-phi3-mini", "tokenizer.json")]
    [InlineData("tokenizer-phi2", "tokenizer.json")]
    [InlineData("tokenizer-torchtune-2k", "tokenizer.json")]
    [InlineData("tokenizer-llama3-tiktoken", "tokenizer.model")]
    [InlineData("tokenizer-gpt2", "encoder.json")]
    public void Published_tokenizers_give_the_same_ids_from_a_gguf_file(string folder, string file) =>
        SameAgain(TokenizerFile.Load(Shared.Data($"{folder}/{file}")), Shared.Data($"{folder}/vectors.json"));

    [Theory]
    [InlineData("""{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]}""", "smollm")]
    [InlineData("""{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}""", "qwen2")]
    [InlineData("""{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}""", "gpt-2")]
    public void Ways_to_cut_words_get_llama_cpp_s_names(string pre, string name)
    {
        Write(ByteLevel(pre), "1.gguf");
        using GgufFile file = GgufFile.Open(At("1.gguf"));
        Assert.Equal(name, file.Metadata.FindText("tokenizer.ggml.pre"));
        Write(GgufTokenizer.Load(file), "2.gguf");
        Assert.Equal(File.ReadAllBytes(At("1.gguf")), File.ReadAllBytes(At("2.gguf")));
    }

    [Fact]
    public void What_has_no_name_there_is_refused()
    {
        Tokenizer other = ByteLevel("""{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}""");
        Assert.Contains("no name", Assert.Throws<ModelFileException>(() => Write(other, "m.gguf")).Message);
    }

    [Theory]
    [InlineData("a b,b c,ab c,a bc", null)]
    [InlineData("a b,b c,ab c", "no merge makes 'abc' of 'a' and 'bc'")]
    [InlineData("a b,ab c,a bc", "no merge makes 'bc' of 'b' and 'c'")]
    [InlineData("a b,b c,ab c,a bc,é x", null)]
    [InlineData("a b,b c,ab c,a bc,b x", "no merge makes 'éx' of 'é' and 'x'")]
    [InlineData("ab c,a b,b c,a bc", "do not follow each other")]
    public void Merges_that_scores_cannot_tell_are_refused(string merges, string? refused)
    {
        Tokenizer tokenizer = OfPieces(["a", "b", "c", "x", "ab", "bc", "abc", .. merges.Contains("é x", StringComparison.Ordinal) ? (string[])["é", "éx"] : merges.Contains("b x", StringComparison.Ordinal) ? ["bx", "éx"] : []],
            merges, pre: null);
        if (refused is not null)
        {
            Assert.Contains(refused, Assert.Throws<ModelFileException>(() => Write(tokenizer, "1.gguf")).Message, StringComparison.Ordinal);
            return;
        }
        Write(tokenizer, "1.gguf");
        Tokenizer read = TokenizerFile.Load(At("1.gguf"));
        foreach (string text in (string[])["abc", "bcab", "aabcc", "xabx", "cba abc"])
            Assert.Equal(tokenizer.Encode(text), read.Encode(text));
    }

    [Theory]
    [InlineData("true", "a▁b", "has the token 'a▁b' with one inside")]
    [InlineData("true", "▁▁", "has the token '▁▁' with one inside")]
    [InlineData("true", "▁a", null)]
    [InlineData("false", "▁▁", null)]
    public void Blanks_inside_of_tokens_are_refused_where_texts_are_cut_at_blanks(string split, string token, string? refused)
    {
        string merges = token switch { "▁a" => "▁ a", "▁▁" => "▁ ▁", _ => "a ▁,a▁ b" };
        Tokenizer tokenizer = OfPieces(["a", "b", "▁", token, .. token == "a▁b" ? (string[])["a▁"] : []], merges,
            $$"""{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": {{split}}}""");
        if (refused is not null)
        {
            Assert.Contains(refused, Assert.Throws<ModelFileException>(() => Write(tokenizer, "1.gguf")).Message, StringComparison.Ordinal);
            return;
        }
        Write(tokenizer, "1.gguf");
        Assert.Equal(tokenizer.Encode("a  b a"), TokenizerFile.Load(At("1.gguf")).Encode("a  b a"));
    }

    /// <summary>The better of two tokens that merges make is the better one in the source too.</summary>
    private static void SameOrder(double[]? source, double[]? written)
    {
        Assert.Equal(source is null, written is null);
        if (source is null || written is null)
            return;
        double unmerged = written.Min();
        int[] merged = [.. Enumerable.Range(0, source.Length).Where(id => written[id] > unmerged && written[id] < 0)];
        Assert.True(merged.Length > 20_000);
        Assert.Equal(merged.OrderByDescending(id => source[id]), merged.OrderByDescending(id => written[id]));
        Assert.Equal(merged.Length, merged.Select(id => written[id]).Distinct().Count());
    }

    private static Tokenizer OfPieces(string[] tokens, string merges, string? pre)
    {
        var vocabulary = new JsonObject { ["<unk>"] = 0 };
        foreach (string token in Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>").Concat(tokens))
            vocabulary[token] = vocabulary.Count;
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(),
            ["normalizer"] = pre is null ? JsonNode.Parse("""{"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}""") : null,
            ["pre_tokenizer"] = pre is null ? null : JsonNode.Parse(pre),
            ["decoder"] = JsonNode.Parse("""{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}"""),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["unk_token"] = "<unk>",
                ["fuse_unk"] = true,
                ["byte_fallback"] = true,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. merges.Split(',').Select(m => JsonValue.Create(m))]),
            },
        };
        return Tokenizer.Load(Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json");
    }

    private void SameAgain(Tokenizer tokenizer, string vectors)
    {
        Write(tokenizer, "1.gguf");
        Tokenizer read = TokenizerFile.Load(At("1.gguf"));
        Write(read, "2.gguf");
        Assert.Equal(File.ReadAllBytes(At("1.gguf")), File.ReadAllBytes(At("2.gguf")));
        Assert.Equal((tokenizer.BosId, tokenizer.EosId, tokenizer.VocabularySize), (read.BosId, read.EosId, read.VocabularySize));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(vectors));
        int compared = 0;
        foreach (string text in json.RootElement.EnumerateArray().Select(c => c.GetProperty("text").GetString()!))
        {
            Assert.Equal(tokenizer.Encode(text), read.Encode(text));
            Assert.Equal(tokenizer.Decode(tokenizer.Encode(text)), read.Decode(read.Encode(text)));
            compared++;
        }
        Assert.True(compared > 10);
    }

    private static Tokenizer ByteLevel(string pre)
    {
        var vocabulary = new JsonObject();
        foreach (char c in "Ġabcdefghijklmnopqrstuvwxyz0123456789")
            vocabulary[c.ToString()] = vocabulary.Count;
        vocabulary["ab"] = vocabulary.Count;
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(),
            ["pre_tokenizer"] = JsonNode.Parse(pre),
            ["decoder"] = JsonNode.Parse("""{"type": "ByteLevel"}"""),
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray("a b") },
        };
        return Tokenizer.Load(Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json");
    }

    private void Write(Tokenizer tokenizer, string name) =>
        GgufWriter.Write(At(name), [.. GgufTokenizerWriter.Write(tokenizer, tokenizer.VocabularySize, "tiny")], []);

    private string At(string name) => Path.Combine(_folder, name);
}
