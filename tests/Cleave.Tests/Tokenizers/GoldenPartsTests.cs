using System.Text;
using System.Text.Json.Nodes;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>Every part of tokenizer.json by itself, against Golden/Tokenizers/parts.json (make_parts.js beside it).</summary>
public class GoldenPartsTests
{
    private static readonly JsonNode Golden = JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden/Tokenizers/parts.json")))!;

    [Theory]
    [InlineData("normalizer", 17)]
    [InlineData("pre_tokenizer", 32)]
    public void Normalizers_and_pre_tokenizers(string part, int count)
    {
        string[] texts = Strings(Golden["texts"]!);
        JsonNode[] cases = [.. Golden["cases"]!.AsArray().Where(c => c!.AsObject().ContainsKey(part)).Select(c => c!)];
        Assert.Equal(count, cases.Length);
        var wrong = new List<string>();
        foreach (JsonNode expected in cases)
        {
            Tokenizer tokenizer = Load(Strings(Golden["vocab"]!), part, expected[part]);
            for (int i = 0; i < texts.Length; i++)
            {
                int[] ids = [.. expected["ids"]![i]!.AsArray().Select(n => n!.GetValue<int>())];
                TokenizedText found = tokenizer.EncodeWithOffsets(texts[i]);
                Assert.Equal(found.Ids, tokenizer.Encode(texts[i]));
                Assert.All(found.Offsets, o => Assert.True(0 <= o.Start && o.Start <= o.End && o.End <= texts[i].Length));
                if (!ids.AsSpan().SequenceEqual(found.Ids))
                    wrong.Add($"{expected[part]?.ToJsonString()} '{texts[i]}': {Shown(found.Ids)} for {Shown(ids)}");
            }

            string Shown(int[] ids) => string.Join(' ', ids.Select(tokenizer.TokenOf));
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Patterns_with_characters_beyond_16_bits()
    {
        JsonNode golden = JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden/Tokenizers/beyond.json")))!;
        string[] texts = Strings(golden["texts"]!);
        var wrong = new List<string>();
        foreach (JsonNode? expected in golden["cases"]!.AsArray())
        {
            var split = new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = (string)expected!["pattern"]! }, ["behavior"] = "Isolated", ["invert"] = false };
            Tokenizer tokenizer = Load(Strings(golden["vocab"]!), "pre_tokenizer", split);
            for (int i = 0; i < texts.Length; i++)
            {
                string wanted = string.Join(' ', expected["ids"]![i]!.AsArray().Select(n => tokenizer.TokenOf((int)n!))), found = string.Join(' ', tokenizer.Encode(texts[i]).Select(tokenizer.TokenOf));
                if (wanted != found)
                    wrong.Add($"{expected["pattern"]} '{texts[i]}': {found} for {wanted}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(11, golden["cases"]!.AsArray().Count);
    }

    [Fact]
    public void Ranges_below_beyond_and_across_16_bits()
    {
        JsonNode golden = JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden/Tokenizers/ranges.json")))!;
        string[] texts = Strings(golden["texts"]!);
        var wrong = new List<string>();
        foreach (JsonNode? each in golden["cases"]!.AsArray())
        {
            var split = new RegexPreTokenizer((string)each!["pattern"]!);
            for (int i = 0; i < texts.Length; i++)
            {
                var ends = new List<int>();
                split.Split(texts[i], ends);
                string wanted = string.Join(' ', each["ends"]![i]!.AsArray().Select(n => (int)n!)), found = string.Join(' ', ends);
                if (wanted != found)
                    wrong.Add($"{each["pattern"]} '{texts[i]}': {found} for {wanted}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(151, golden["cases"]!.AsArray().Count);
    }

    [Theory]
    [InlineData(@"[\x{1F600}-\x{1F5FF}]", "ends before it begins")]
    [InlineData(@"[\x{1F600}-a]", "ends before it begins")]
    [InlineData(@"[a-\x{110000}]", "up to 10FFFF")]
    [InlineData(@"\u12", "\\u four")]
    public void Ranges_that_cannot_be_are_refused(string pattern, string why) =>
        Assert.Contains(why, Assert.ThrowsAny<ArgumentException>(() => new RegexPreTokenizer(pattern)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_pattern_of_half_a_character_is_refused() =>
        Assert.Contains("broken Unicode", Assert.ThrowsAny<ArgumentException>(() => new RegexPreTokenizer("[a\uD83D]")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_pattern_that_tells_too_much_apart_is_refused()
    {
        string named = string.Concat(Enumerable.Range(0x1F300, 100).Select(char.ConvertFromUtf32));
        Assert.Contains("too many classes", Assert.ThrowsAny<ArgumentException>(
            () => new RegexPreTokenizer(named + string.Concat(Enumerable.Repeat("[\0-\U0010FFFF]", 2000)))).Message, StringComparison.Ordinal);
        Assert.Contains("too many different", Assert.ThrowsAny<ArgumentException>(
            () => new RegexPreTokenizer(string.Concat(Enumerable.Range(0x1F300, 600).Select(char.ConvertFromUtf32)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decoders_also_token_by_token()
    {
        int[][] sequences = [.. Golden["sequences"]!.AsArray().Select(s => s!.AsArray().Select(n => n!.GetValue<int>()).ToArray())];
        JsonArray decoders = Golden["decoded"]!.AsArray();
        Assert.Equal(13, decoders.Count);
        var wrong = new List<string>();
        foreach (JsonNode? expected in decoders)
        {
            Tokenizer tokenizer = Load(Strings(Golden["words"]!), "decoder", expected!["decoder"]);
            string[] texts = Strings(expected["texts"]!);
            for (int i = 0; i < texts.Length; i++)
            {
                StreamingDecoder streaming = tokenizer.StartDecoding();
                Assert.Equal(tokenizer.Decode(sequences[i]), string.Concat(sequences[i].Select(streaming.Append)) + streaming.Flush());
                if (tokenizer.Decode(sequences[i]) is var text && text != texts[i])
                    wrong.Add($"{expected["decoder"]?.ToJsonString()} {string.Join('|', sequences[i].Select(tokenizer.TokenOf))}: '{text}' for '{texts[i]}'");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static Tokenizer Load(string[] vocabulary, string part, JsonNode? value)
    {
        var json = new JsonObject
        {
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["unk_token"] = "<unk>",
                ["continuing_subword_prefix"] = "##",
                ["vocab"] = new JsonObject(vocabulary.Select((t, id) => KeyValuePair.Create(t, (JsonNode?)id))),
                ["merges"] = new JsonArray(),
            },
            [part] = value?.DeepClone(),
        };
        return Tokenizer.Load(Encoding.UTF8.GetBytes(json.ToJsonString()), "parts.json");
    }

    private static string[] Strings(JsonNode list) => [.. list.AsArray().Select(n => n!.GetValue<string>())];
}
