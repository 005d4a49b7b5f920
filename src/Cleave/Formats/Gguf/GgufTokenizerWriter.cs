using System.Text.Json.Nodes;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Tokenizers.SentencePiece;

namespace Cleave.Formats.Gguf;

/// <summary>
/// A tokenizer as keys of a GGUF file, by way of tokenizer.json, the one form that every tokenizer can be written in: byte-level
/// BPE is the model "gpt2" there, BPE of SentencePiece "llama".
/// </summary>
public static class GgufTokenizerWriter
{
    internal const string Prefix = "tokenizer.ggml.";

    /// <param name="rows">Rows of the embedding; those without a token get one that never occurs.</param>
    /// <param name="pathForErrors">The model that messages name.</param>
    /// <exception cref="ModelFileException">It is of another kind, or does something that GGUF has no name for.</exception>
    public static IEnumerable<GgufKey> Write(ITokenizer tokenizer, int rows, string pathForErrors)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        using var bytes = new MemoryStream();
        tokenizer.Save(bytes);
        JsonNode root = JsonNode.Parse(bytes.ToArray())!, model = root["model"]!;
        (string[] tokens, PieceKind[] kinds) = Tokens(tokenizer, root, rows);
        bool bytesOnly = (string?)root["decoder"]?["type"] == "ByteLevel";
        if ((string?)model["type"] != "BPE" || !bytesOnly && !((bool?)model["byte_fallback"] ?? false))
            throw new ModelFileException(pathForErrors, "only tokenizers of byte-level BPE and of BPE with byte fallback can be written into GGUF");
        IEnumerable<GgufKey> own = bytesOnly ? ByteLevel(root, model, tokens, pathForErrors) : GgufPieceWriter.Write(root, model, tokens, kinds, pathForErrors);
        return
        [
            .. own,
            GgufKey.List(Prefix + "token_type", kinds.Select(k => (int)k)),
            .. Roles(tokenizer).Where(r => r.Id is not null).Select(r => new GgufKey(Prefix + r.Name, r.Id!.Value)),
            new GgufKey(Prefix + "add_bos_token", tokenizer.BosId is { } bos && Adds(root["post_processor"], tokenizer.TokenOf(bos), first: true)),
            new GgufKey(Prefix + "add_eos_token", tokenizer.EosId is { } eos && Adds(root["post_processor"], tokenizer.TokenOf(eos), first: false)),
        ];
    }

    private static (string[] Tokens, PieceKind[] Kinds) Tokens(ITokenizer tokenizer, JsonNode root, int rows)
    {
        var tokens = new string[rows];
        var kinds = new PieceKind[rows];
        for (int id = 0; id < rows; id++)
            (tokens[id], kinds[id]) = id < tokenizer.VocabularySize ? (tokenizer.TokenOf(id), PieceKind.Normal) : ($"[PAD{id}]", PieceKind.Unused);
        foreach (JsonNode? added in root["added_tokens"]!.AsArray())
        {
            int id = (int)added!["id"]!;
            (tokens[id], kinds[id]) = ((string)added["content"]!, (bool)added["special"]! ? PieceKind.Control : PieceKind.UserDefined);
        }
        return (tokens, kinds);
    }

    private static IEnumerable<GgufKey> ByteLevel(JsonNode root, JsonNode model, string[] tokens, string path)
    {
        // llama.cpp does not compose characters; texts that are composed, as nearly all are, stay the same.
        if (root["normalizer"] is { } normalizer && (string?)normalizer["type"] != "NFC")
            throw new ModelFileException(path, "a byte-level tokenizer with a normalizer cannot be written into GGUF");
        bool whole = (bool?)model["ignore_merges"] ?? false;
        string name = Patterns(root["pre_tokenizer"]) is { } patterns && SplitPatterns.NameOf(patterns, whole) is { } known ? known
            : throw new ModelFileException(path, "the tokenizer cuts words in a way that GGUF has no name for");
        yield return new GgufKey(Prefix + "model", "gpt2");
        yield return new GgufKey(Prefix + "pre", name);
        yield return GgufKey.List(Prefix + "tokens", tokens);
        yield return GgufKey.List(Prefix + "merges", model["merges"]!.AsArray().Select(m => m is JsonArray pair ? $"{pair[0]} {pair[1]}" : (string)m!));
    }

    private static (string Name, int? Id)[] Roles(ITokenizer tokenizer) =>
        [("bos_token_id", tokenizer.BosId), ("eos_token_id", tokenizer.EosId), ("padding_token_id", tokenizer.PadId), ("unknown_token_id", tokenizer.UnknownId)];

    /// <summary>The patterns by which words are cut, each applied to what the one before left; null where something else is done.</summary>
    private static List<string>? Patterns(JsonNode? pre)
    {
        var patterns = new List<string>();
        return Add(pre, patterns) ? patterns : null;
    }

    private static bool Add(JsonNode? pre, List<string> patterns)
    {
        switch ((string?)pre?["type"])
        {
            case "Sequence":
                return pre["pretokenizers"]!.AsArray().All(p => Add(p, patterns));
            case "ByteLevel" when !((bool?)pre["add_prefix_space"] ?? true):
                if ((bool?)pre["use_regex"] ?? true)
                    patterns.Add(Gpt2PreTokenizer.Pattern);
                return true;
            case "Digits" when (bool?)pre["individual_digits"] ?? false:
                patterns.Add(@"\p{N}");
                return true;
            case "Split" when (string?)pre["behavior"] == "Isolated" && !((bool?)pre["invert"] ?? false) && pre["pattern"] is JsonObject pattern && (string?)pattern["Regex"] is { } regex:
                patterns.Add(regex);
                return true;
            default:
                return false;
        }
    }

    private static bool Adds(JsonNode? post, string token, bool first) => (string?)post?["type"] switch
    {
        "Sequence" => post["processors"]!.AsArray().Any(p => Adds(p, token, first)),
        "TemplateProcessing" => post["single"]?.AsArray() is { Count: > 0 } single && (string?)single[first ? 0 : single.Count - 1]?["SpecialToken"]?["id"] == token,
        _ => false,
    };
}
