using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Formats.Gguf;

/// <summary>
/// A byte-level BPE tokenizer as keys of a GGUF file, the model "gpt2" there, by way of tokenizer.json, the one form that every
/// tokenizer can be written in.
/// </summary>
public static class GgufTokenizerWriter
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

    private static (string Name, int? Id)[] Roles(ITokenizer tokenizer) =>
        [("bos_token_id", tokenizer.BosId), ("eos_token_id", tokenizer.EosId), ("padding_token_id", tokenizer.PadId), ("unknown_token_id", tokenizer.UnknownId)];

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
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = false,
        ["trim_offsets"] = true,
        ["use_regex"] = useRegex,
    };

    private static JsonObject Llama3Words() => new()
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = Llama3PreTokenizer.Pattern },
                ["behavior"] = "Isolated",
                ["invert"] = false,
            },
            ByteLevel(useRegex: false)),
    };
}
