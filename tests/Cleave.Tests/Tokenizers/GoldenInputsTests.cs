using System.Text;
using System.Text.Json.Nodes;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PostProcessors;

namespace Cleave.Tests.Tokenizers;

/// <summary>
/// What a model is given for one text and two, under every post-processor, truncation and padding, against
/// Golden/Tokenizers/inputs.json (make_inputs.js beside it).
/// </summary>
public class GoldenInputsTests
{
    private static readonly JsonNode Golden = JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden/Tokenizers/inputs.json")))!;

    [Fact]
    public void Control_tokens_types_masks_and_offsets_of_one_text_and_two()
    {
        string[] words = Strings(Golden["words"]!);
        (string, string?)[][] batches = [.. Golden["batches"]!.AsArray().Select(b => b!.AsArray().Select(t => ((string)t![0]!, t.AsArray().Count > 1 ? (string?)t[1] : null)).ToArray())];
        var wrong = new List<string>();
        int refused = 0, cases = 0;
        foreach (JsonNode? each in Golden["cases"]!.AsArray())
        {
            var json = new JsonObject
            {
                ["pre_tokenizer"] = new JsonObject { ["type"] = "WhitespaceSplit" },
                ["model"] = new JsonObject { ["type"] = "WordLevel", ["unk_token"] = "[UNK]", ["vocab"] = Ids(words) },
            };
            foreach ((string name, JsonNode? part) in each!["parts"]!.AsObject())
                json[name] = part?.DeepClone();
            Tokenizer tokenizer = Tokenizer.Load(Encoding.UTF8.GetBytes(json.ToJsonString()), "inputs.json");
            for (int i = 0; i < batches.Length; i++, cases++)
            {
                if (each["results"]![i] is not JsonArray expected)
                {
                    Assert.Contains("limit", Assert.Throws<CleaveException>(() => tokenizer.EncodeBatch(batches[i])).Message, StringComparison.Ordinal);
                    refused++;
                    continue;
                }
                string found = string.Join(' ', tokenizer.EncodeBatch(batches[i]).Select(Shown)), wanted = string.Join(' ', expected.Select(Shown));
                if (found != wanted)
                    wrong.Add($"{each["parts"]!.ToJsonString()} {i}: {found} for {wanted}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal((189, 20), (cases, refused));
    }

    [Fact]
    public void Scripts_cut_where_the_reference_cuts()
    {
        var json = new JsonObject
        {
            ["pre_tokenizer"] = new JsonObject { ["type"] = "UnicodeScripts" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["unk_token"] = "[UNK]",
                ["continuing_subword_prefix"] = "##",
                ["vocab"] = Ids(Strings(Golden["scriptVocab"]!)),
                ["merges"] = new JsonArray(),
            },
        };
        Tokenizer tokenizer = Tokenizer.Load(Encoding.UTF8.GetBytes(json.ToJsonString()), "inputs.json");
        string[] texts = Strings(Golden["scriptTexts"]!);
        for (int i = 0; i < texts.Length; i++)
        {
            string expected = string.Join(' ', Golden["scriptIds"]![i]!.AsArray().Select(n => tokenizer.TokenOf((int)n!)));
            Assert.Equal(expected, string.Join(' ', tokenizer.Encode(texts[i]).Select(tokenizer.TokenOf)));
        }
    }

    [Theory]
    [InlineData("[{\"Sequence\":{\"id\":\"A\"}},{\"Sequence\":{\"id\":\"B\"}}]", "[]", "post_processor.single")]
    [InlineData("[{\"Sequence\":{\"id\":\"A\"}}]", "[{\"Sequence\":{\"id\":\"A\"}}]", "post_processor.pair")]
    public void Templates_that_would_lose_a_text_are_refused(string single, string pair, string path)
    {
        string json = $"{{\"model\":{{\"type\":\"WordLevel\",\"unk_token\":\"a\",\"vocab\":{{\"a\":0}}}},\"post_processor\":{{\"type\":\"TemplateProcessing\",\"single\":{single},\"pair\":{pair}}}}}";
        Assert.Contains(path, Assert.Throws<ModelFileException>(() => Tokenizer.Load(Encoding.UTF8.GetBytes(json), "t.json")).Message, StringComparison.Ordinal);
    }

    private static string Shown(ModelInput input) =>
        Shown(input.Ids, input.TypeIds, input.IsSpecial.Select(s => s ? 1 : 0), input.AttentionMask, input.Offsets.SelectMany(o => (int[])[o.Start, o.End]));

    private static string Shown(JsonNode? input) => Shown(Numbers(input!, "ids"), Numbers(input!, "types"), Numbers(input!, "special"), Numbers(input!, "attention"),
        input!["offsets"]!.AsArray().SelectMany(o => (int[])[(int)o![0]!, (int)o[1]!]));

    private static string Shown(params IEnumerable<int>[] lists) => string.Join(';', lists.Select(l => string.Join(',', l)));

    private static IEnumerable<int> Numbers(JsonNode input, string name) => input[name]!.AsArray().Select(n => (int)n!);

    private static JsonObject Ids(string[] tokens) => new(tokens.Select((t, id) => KeyValuePair.Create(t, (JsonNode?)id)));

    private static string[] Strings(JsonNode list) => [.. list.AsArray().Select(n => n!.GetValue<string>())];
}
