using System.Text.Json.Nodes;
using Cleave.Tokenizers.SentencePiece;

namespace Cleave.Formats.Gguf;

/// <summary>BPE of SentencePiece as keys of a GGUF file: the model "llama", whose scores say the order of the merges.</summary>
internal static class GgufPieceWriter
{
    private const string Mark = "\u2581", Prefix = GgufTokenizerWriter.Prefix;

    /// <param name="kinds">By id; bytes and the unknown token are marked here.</param>
    public static GgufKey[] Write(JsonNode root, JsonNode model, string[] tokens, PieceKind[] kinds, string path)
    {
        bool prefix = AddsBlank(root) ?? throw new ModelFileException(path, "the tokenizer changes texts in a way that GGUF has no name for");
        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] == (string?)model["unk_token"])
                kinds[id] = PieceKind.Unknown;
            else if (kinds[id] == PieceKind.Normal && IsByte(tokens[id]))
                kinds[id] = PieceKind.Byte;
        }
        return
        [
            new GgufKey(Prefix + "model", "llama"),
            new GgufKey(Prefix + "pre", "default"),
            GgufKey.List(Prefix + "tokens", tokens),
            GgufKey.List(Prefix + "scores", Scores(model, tokens, kinds, path)),
            new GgufKey(Prefix + "add_space_prefix", prefix),
        ];
    }

    /// <summary>The later a token's merges come, the lower its score; tokens that nothing merges to come last.</summary>
    private static float[] Scores(JsonNode model, string[] tokens, PieceKind[] kinds, string path)
    {
        var order = new Dictionary<string, int>(StringComparer.Ordinal);
        string last = "";
        foreach (JsonNode? merge in model["merges"]!.AsArray())
        {
            string merged = merge is JsonArray pair ? (string?)pair[0] + (string?)pair[1] : string.Concat(((string)merge!).Split(' '));
            if (merged != last && !order.TryAdd(merged, order.Count))
                throw new ModelFileException(path, $"the merges to '{merged}' do not follow each other, so that scores cannot tell their order; GGUF has no other way for this kind of tokenizer");
            last = merged;
        }
        var scores = new float[tokens.Length];
        for (int id = 0; id < tokens.Length; id++)
            scores[id] = kinds[id] is PieceKind.Normal ? -order.GetValueOrDefault(tokens[id], order.Count) : 0;
        return scores;
    }

    /// <summary>Whether a blank is put before a text; null where more is done to it than that blanks become marks.</summary>
    private static bool? AddsBlank(JsonNode root)
    {
        bool prefix = false;
        foreach (JsonNode? step in Steps(root["normalizer"], "normalizers").Concat(Steps(root["pre_tokenizer"], "pretokenizers")))
        {
            switch ((string?)step?["type"])
            {
                case "Prepend" when (string?)step["prepend"] == Mark:
                    prefix = true;
                    break;
                case "Replace" when IsOfBlanks(step) && (string?)step["content"] == Mark:
                case "Split" when IsOfBlanks(step) && (string?)step["behavior"] == "MergedWithPrevious": // there are no blanks left
                    break;
                case "Metaspace" when ((string?)step["replacement"] ?? Mark) == Mark:
                    prefix |= (string?)step["prepend_scheme"] is { } scheme ? scheme != "never" : (bool?)step["add_prefix_space"] ?? true;
                    break;
                default:
                    return null;
            }
        }
        return prefix;
    }

    private static bool IsOfBlanks(JsonNode step) => (string?)step["pattern"]?["String"] == " ";

    private static JsonArray Steps(JsonNode? value, string list) =>
        value is null ? [] : (string?)value["type"] == "Sequence" ? value[list]!.AsArray() : [value.DeepClone()];

    private static bool IsByte(string token) => token is ['<', '0', 'x', var a, var b, '>'] && char.IsAsciiHexDigit(a) && char.IsAsciiHexDigit(b);
}
