using System.Text;
using System.Text.Json.Nodes;
using Cleave.Tokenizers;

namespace Cleave.Tests.Tokenizers;

public class BpeReaderTests
{
    private static readonly Dictionary<string, (Action<JsonObject> Change, string Reason)> Refusals = new()
    {
        ["other model"] = (j => j["model"]!["type"] = "Unigram", "model.vocab: expected a list"),
        ["decoder"] = (j => j["decoder"]!["type"] = "Morse", "decoder.type: the decoder Morse"),
        ["unknown model"] = (j => j["model"]!["type"] = "Runes", "model.type: the model Runes"),
        ["normalizer"] = (j => j["normalizer"] = new JsonObject { ["type"] = "NFZ" }, "normalizer.type: the normalizer NFZ"),
        ["replace"] = (j => j["normalizer"] = JsonNode.Parse("""{"type":"Replace","pattern":{"Regex":"(a"},"content":""}"""), "normalizer.pattern.Regex"),
        ["character map"] = (j => j["normalizer"] = JsonNode.Parse("""{"type":"Precompiled","precompiled_charsmap":"AAAA"}"""), "normalizer.precompiled_charsmap"),
        ["truncation"] = (j => j["truncation"] = new JsonObject { ["max_length"] = -3 }, "truncation.max_length"),
        ["padding"] = (j => j["padding"] = JsonNode.Parse("""{"strategy":{"Fixed":99999999}}"""), "padding.strategy.Fixed"),
        ["pre-tokenizer"] = (j => j["pre_tokenizer"]!["type"] = "Rhyme", "pre_tokenizer.type: the pre-tokenizer Rhyme"),
        ["post-processor"] = (j => j["post_processor"] = new JsonObject { ["type"] = "Wrap" }, "post_processor.type"),
        ["template"] = (j => j["post_processor"] = JsonNode.Parse("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<no>"}}]}"""),
            "post_processor.single[0].SpecialToken.id: there is no token <no>"),
        ["id twice"] = (j => j["model"]!["vocab"]!["the"] = 5, "model.vocab.the: the id 5 belongs to"),
        ["id far off"] = (j => j["model"]!["vocab"]!["the"] = 999999999, "model.vocab.the: the id 999999999 is too large"),
        ["negative id"] = (j => j["model"]!["vocab"]!["the"] = -1, "model.vocab.the"),
        ["id no number"] = (j => j["model"]!["vocab"]!["the"] = "5", "model.vocab.the: expected an integer"),
        ["unknown left"] = (j => j["model"]!["merges"]![0] = "zq h", "model.merges[0]: the merge names zq"),
        ["unknown right"] = (j => j["model"]!["merges"]![1] = "h zq", "model.merges[1]: the merge names zq"),
        ["unknown result"] = (j => j["model"]!["merges"]![0] = "q z", "the merge makes qz"),
        ["merge twice"] = (j => j["model"]!["merges"]!.AsArray().Add(j["model"]!["merges"]![0]!.DeepClone()), "twice"),
        ["merge of three"] = (j => j["model"]!["merges"]![0] = "t h e", "a merge is two tokens"),
        ["merge list of three"] = (j => j["model"]!["merges"]![0] = new JsonArray("t", "h", "e"), "a merge has two parts"),
        ["merge no text"] = (j => j["model"]!["merges"]![0] = 4, "model.merges[0]: expected a text"),
        ["added twice"] = (j => j["added_tokens"]!.AsArray().Add(j["added_tokens"]![0]!.DeepClone()), "added_tokens[1].content"),
        ["added id differs"] = (j => j["added_tokens"]![0]!["id"] = 4, "added_tokens[0].id"),
        ["added id taken"] = (j => j["added_tokens"]![0]!["content"] = "<|new|>", "added_tokens[0].id: the id 0 belongs to"),
        ["added empty"] = (j => j["added_tokens"]![0]!["content"] = "", "added_tokens[0].content"),
        ["no model"] = (j => j.Remove("model"), "model: is missing"),
        ["vocab a list"] = (j => j["model"]!["vocab"] = new JsonArray(), "model.vocab: expected an object"),
        ["split pattern"] = (j => j["pre_tokenizer"] = Split("(a", "Isolated"), "pre_tokenizer.pretokenizers[0].pattern.Regex"),
        ["split behaviour"] = (j => j["pre_tokenizer"] = Split("a", "Kept"), "pre_tokenizer.pretokenizers[0].behavior: the behavior Kept"),
    };

    public static TheoryData<string> Names() => [.. Refusals.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_not_supported_or_wrong_is_refused_by_name(string name)
    {
        var error = Assert.Throws<ModelFileException>(() => SmallTokenizer.Load(Refusals[name].Change));
        Assert.StartsWith("t.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(Refusals[name].Reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_name_twice_is_refused_with_its_place()
    {
        var error = Assert.Throws<ModelFileException>(() => Tokenizer.Load("{\n\"model\": 1,\n\"model\": 2}"u8.ToArray(), "t.json"));
        Assert.Contains("not valid JSON", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Merges_as_pairs_and_as_texts_are_the_same()
    {
        Tokenizer texts = SmallTokenizer.Load(_ => { });
        Tokenizer pairs = SmallTokenizer.Load(j => j["model"]!["merges"] = new JsonArray(
            [.. j["model"]!["merges"]!.AsArray().Select(m => new JsonArray([.. m!.GetValue<string>().Split(' ').Select(p => JsonValue.Create(p))]))]));
        Assert.Equal(BpeVectorTests.Save(texts), BpeVectorTests.Save(pairs));
    }

    [Fact]
    public void A_prefix_blank_is_added_and_belongs_to_no_character()
    {
        Tokenizer tokenizer = SmallTokenizer.Load(j => j["pre_tokenizer"]!["add_prefix_space"] = true);
        Tokenizer plain = SmallTokenizer.Load(_ => { });
        Assert.Equal(plain.Encode(" the cat"), tokenizer.Encode("the cat"));
        Assert.Equal(plain.Encode(" the cat"), tokenizer.Encode(" the cat"));
        Assert.Empty(tokenizer.Encode(""));
        Assert.Equal((0, 3), tokenizer.EncodeWithOffsets("the cat").Offsets[0]);
        Assert.Equal([(0, 0), (0, 1)], tokenizer.EncodeWithOffsets("q").Offsets);
        Assert.True(BpeVectorTests.Save(tokenizer).AsSpan().SequenceEqual(BpeVectorTests.Save(Tokenizer.Load(BpeVectorTests.Save(tokenizer), "x"))));
    }

    [Fact]
    public void Added_tokens_take_white_space_stand_alone_and_the_longest_wins()
    {
        Tokenizer tokenizer = SmallTokenizer.Load(j =>
        {
            JsonArray added = j["added_tokens"]!.AsArray();
            added.Add(Added(264, "<mask>", lstrip: true));
            added.Add(Added(265, "<r>", rstrip: true));
            added.Add(Added(266, "dog", singleWord: true));
            added.Add(Added(267, "<m"));
            added.Add(Added(268, "xy", normalized: true));
            added.Add(Added(269, "yz"));
        });
        Assert.Equal([264], tokenizer.Encode("  <mask>"));
        Assert.Equal([(0, 8)], tokenizer.EncodeWithOffsets("  <mask>").Offsets);
        Assert.Equal([265, 264], tokenizer.Encode("<r> \n <mask>"));
        Assert.Contains(266, tokenizer.Encode("the dog."));
        Assert.DoesNotContain(266, tokenizer.Encode("the dogs"));
        Assert.DoesNotContain(266, tokenizer.Encode("_dog"));
        Assert.Equal([267, tokenizer.IdOf("q")!.Value], tokenizer.Encode("<mq"));
        // Tokens that are not normalized come first, though the other stands further left.
        Assert.Equal([tokenizer.IdOf("x")!.Value, 269], tokenizer.Encode("xyz"));
        Assert.Equal("  <mask>xy"[2..], tokenizer.Decode([264, 268]));
    }

    [Fact]
    public void A_template_names_the_begin_and_end_tokens()
    {
        Tokenizer tokenizer = SmallTokenizer.Load(j =>
        {
            j["added_tokens"]!.AsArray().Add(Added(264, "<go>", special: true));
            j["post_processor"] = JsonNode.Parse("""
                {"type":"Sequence","processors":[{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true},
                {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<go>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                {"SpecialToken":{"id":"<|end|>","type_id":0}}],"pair":[],"special_tokens":{}}]}
                """);
        });
        Assert.Equal((264, 0), (tokenizer.BosId, tokenizer.EosId));
        byte[] saved = BpeVectorTests.Save(tokenizer);
        Tokenizer again = Tokenizer.Load(saved, "saved");
        Assert.Equal((264, 0), (again.BosId, again.EosId));
        Assert.Equal(saved, BpeVectorTests.Save(again));
        Assert.Equal(["<|end|>", "<go>"], again.SpecialTokens);
        Assert.Equal(0, again.WithControlTokens(pad: 0).PadId);
    }

    private static JsonObject Added(
        int id, string content, bool special = false, bool normalized = false, bool singleWord = false, bool lstrip = false, bool rstrip = false) => new()
        {
            ["id"] = id,
            ["content"] = content,
            ["special"] = special,
            ["normalized"] = normalized,
            ["single_word"] = singleWord,
            ["lstrip"] = lstrip,
            ["rstrip"] = rstrip,
        };

    private static JsonObject Split(string pattern, string behavior) => new()
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = behavior, ["invert"] = false },
            new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false }),
    };
}
