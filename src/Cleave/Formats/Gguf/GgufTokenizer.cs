using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Formats.Gguf;

/// <summary>
/// A byte-level BPE tokenizer as keys of a GGUF file, the model "gpt2" there, and back. Both ways go through tokenizer.json,
/// the one form that every tokenizer can be written in.
/// </summary>
public static class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.", Gpt2 = "gpt-2", Llama3 = "llama-bpe";
    private const int Normal = 1, Control = 3, UserDefined = 4, Unused = 5;

    /// <param name="rows">Rows of the embedding; those without a token get one that never occurs.</param>
    /// <param name="pathForErrors">The model that messages name.</param>
    /// <exception cref="ModelFileException">It is not a byte-level BPE, or cuts words in a way that GGUF has no name for.</exception>
    public static IEnumerable<GgufKey> Write(ITokenizer tokenizer, int rows, string pathForErrors)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        using var bytes = new MemoryStream();
        tokenizer.Save(bytes);
        JsonNode root = JsonNode.Parse(bytes.ToArray())!, model = root["model"]!;
        if ((string?)model["type"] != "BPE" || (string?)root["decoder"]?["type"] != "ByteLevel" || root["normalizer"] is not null)
            throw new ModelFileException(pathForErrors, "only tokenizers of byte-level BPE can be written into GGUF");
        string pre = PreTokenizerName(root["pre_tokenizer"]) is { } known ? known
            : throw new ModelFileException(pathForErrors, "the tokenizer cuts words in a way that GGUF has no name for; GPT-2's and Llama 3's can be written");
        if (((bool?)model["ignore_merges"] ?? false) != (pre == Llama3))
            throw new ModelFileException(pathForErrors, $"the tokenizer's ignore_merges is not what GGUF's '{pre}' means");
        var tokens = new string[rows];
        var types = new int[rows];
        for (int id = 0; id < rows; id++)
            (tokens[id], types[id]) = id < tokenizer.VocabularySize ? (tokenizer.TokenOf(id), Normal) : ($"[PAD{id}]", Unused);
        foreach (JsonNode? added in root["added_tokens"]!.AsArray())
        {
            int id = (int)added!["id"]!;
            (tokens[id], types[id]) = ((string)added["content"]!, (bool)added["special"]! ? Control : UserDefined);
        }
        yield return new GgufKey(Prefix + "model", "gpt2");
        yield return new GgufKey(Prefix + "pre", pre);
        yield return GgufKey.List(Prefix + "tokens", tokens);
        yield return GgufKey.List(Prefix + "token_type", types);
        yield return GgufKey.List(Prefix + "merges", model["merges"]!.AsArray().Select(m => m is JsonArray pair ? $"{pair[0]} {pair[1]}" : (string)m!));
        foreach ((string name, int? id) in Roles(tokenizer))
        {
            if (id is { } token)
                yield return new GgufKey(Prefix + name, token);
        }
        yield return new GgufKey(Prefix + "add_bos_token", tokenizer.BosId is { } bos && AddsBos(root["post_processor"], tokenizer.TokenOf(bos)));
    }

    /// <summary>Whether <see cref="Read"/> can read it.</summary>
    public static bool IsKnown(GgufMetadata keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return keys.FindText(Prefix + "model") == "gpt2" && keys.FindText(Prefix + "pre") is Gpt2 or Llama3;
    }

    /// <exception cref="ModelFileException">There is no tokenizer in the file, or one of a kind that is not supported.</exception>
    public static ITokenizer Read(GgufMetadata keys, string path)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (!IsKnown(keys))
        {
            throw keys.Error(Prefix + "model", $"is '{keys.FindText(Prefix + "model")}' with the words of '{keys.FindText(Prefix + "pre")}'; "
                + $"'gpt2' with those of '{Gpt2}' or '{Llama3}' can be read");
        }
        string[] tokens = keys.Texts(Prefix + "tokens");
        long[] types = keys.Contains(Prefix + "token_type") ? keys.Numbers(Prefix + "token_type") : [.. Enumerable.Repeat((long)Normal, tokens.Length)];
        if (types.Length != tokens.Length || tokens.Length == 0)
            throw keys.Error(Prefix + "token_type", $"has {types.Length} values for {tokens.Length} tokens");
        int count = tokens.Length;
        while (count > 0 && types[count - 1] == Unused)
            count--;
        var added = new JsonArray();
        var vocabulary = new JsonObject();
        for (int id = 0; id < count; id++)
        {
            if (types[id] is Control or UserDefined)
            {
                added.Add((JsonNode)new JsonObject
                {
                    ["id"] = id, ["content"] = tokens[id], ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false,
                    ["normalized"] = false, ["special"] = types[id] == Control,
                });
            }
            if (!vocabulary.TryAdd(tokens[id], id))
                throw keys.Error(Prefix + "tokens", $"names the token {id} twice");
        }
        bool llama3 = keys.Text(Prefix + "pre") == Llama3;
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = llama3 ? Llama3Words() : ByteLevel(useRegex: true),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(useRegex: true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE", ["ignore_merges"] = llama3, ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. keys.Texts(Prefix + "merges").Select(m => (JsonNode)m)]),
            },
        };
        if (keys.Flag(Prefix + "add_bos_token", llama3) && Id(keys, "bos_token_id", count) is { } first)
            json["post_processor"] = Template(tokens[first], first);
        return BpeTokenizer.Load(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()), path)
            .WithControlTokens(Id(keys, "bos_token_id", count), Id(keys, "eos_token_id", count), Id(keys, "padding_token_id", count));
    }

    private static (string Name, int? Id)[] Roles(ITokenizer tokenizer) =>
        [("bos_token_id", tokenizer.BosId), ("eos_token_id", tokenizer.EosId), ("padding_token_id", tokenizer.PadId), ("unknown_token_id", tokenizer.UnknownId)];

    private static int? Id(GgufMetadata keys, string name, int count) => keys.Find(Prefix + name) switch
    {
        null => null,
        long id when id >= 0 && id < count => (int)id,
        _ => throw keys.Error(Prefix + name, $"is not a token's number below {count}"),
    };

    private static string? PreTokenizerName(JsonNode? pre) => (string?)pre?["type"] switch
    {
        "ByteLevel" when !(bool)pre["add_prefix_space"]! && (bool)pre["use_regex"]! => Gpt2,
        "Sequence" when JsonNode.DeepEquals(pre, Llama3Words()) => Llama3,
        _ => null,
    };

    private static bool AddsBos(JsonNode? post, string token) => (string?)post?["type"] switch
    {
        "Sequence" => post["processors"]!.AsArray().Any(p => AddsBos(p, token)),
        "TemplateProcessing" => (string?)post["single"]?[0]?["SpecialToken"]?["id"] == token,
        _ => false,
    };

    private static JsonObject ByteLevel(bool useRegex) => new()
    {
        ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = useRegex,
    };

    private static JsonObject Llama3Words() => new()
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = Llama3PreTokenizer.Pattern }, ["behavior"] = "Isolated", ["invert"] = false,
            },
            ByteLevel(useRegex: false)),
    };

    private static JsonObject Template(string token, int id) => new()
    {
        ["type"] = "TemplateProcessing",
        ["single"] = new JsonArray(Special(token), new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } }),
        ["pair"] = new JsonArray(Special(token), new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } },
            new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "B", ["type_id"] = 1 } }),
        ["special_tokens"] = new JsonObject
        {
            [token] = new JsonObject { ["id"] = token, ["ids"] = new JsonArray(id), ["tokens"] = new JsonArray(token) },
        },
    };

    private static JsonObject Special(string token) => new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = 0 } };
}
