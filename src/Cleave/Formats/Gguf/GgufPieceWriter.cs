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
        bool prefix = AddsBlank(root, out bool cuts) ?? throw new ModelFileException(path, "the tokenizer changes texts in a way that GGUF has no name for");
        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] == (string?)model["unk_token"])
                kinds[id] = PieceKind.Unknown;
            else if (kinds[id] == PieceKind.Normal && IsByte(tokens[id]))
                kinds[id] = PieceKind.Byte;
        }
        if (cuts && tokens.Where((t, id) => kinds[id] == PieceKind.Normal && t.IndexOf(Mark[0], Math.Min(1, t.Length)) >= 0).FirstOrDefault() is { } across)
            throw new ModelFileException(path, $"the tokenizer cuts texts before blanks and has the token '{across}' with one inside, which llama.cpp, as it does not cut them, would make; GGUF has no name for that");
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
        var cuts = new Dictionary<string, HashSet<int>>(StringComparer.Ordinal);
        string last = "";
        foreach (JsonNode? merge in model["merges"]!.AsArray())
        {
            string[] pair = merge is JsonArray list ? [(string)list[0]!, (string)list[1]!] : ((string)merge!).Split(' ', 2);
            string merged = string.Concat(pair);
            if (merged != last && !order.TryAdd(merged, order.Count))
                throw new ModelFileException(path, $"the merges to '{merged}' do not follow each other, so that scores cannot tell their order; GGUF has no other way for this kind of tokenizer");
            last = merged;
            if (!cuts.TryGetValue(merged, out HashSet<int>? at))
                cuts[merged] = at = [];
            at.Add(pair[0].Length);
        }
        RequireEveryPair(cuts, [.. tokens.Where((_, id) => kinds[id] == PieceKind.Normal)], path);
        var scores = new float[tokens.Length];
        for (int id = 0; id < tokens.Length; id++)
            scores[id] = kinds[id] is PieceKind.Normal ? -order.GetValueOrDefault(tokens[id], order.Count) : 0;
        return scores;
    }

    /// <summary>Scores merge any two neighbours that together are a token, so no merge to a token may be missing.</summary>
    private static void RequireEveryPair(Dictionary<string, HashSet<int>> cuts, string[] tokens, string path)
    {
        HashSet<string> known = new(tokens, StringComparer.Ordinal);
        HashSet<string>.AlternateLookup<ReadOnlySpan<char>> parts = known.GetAlternateLookup<ReadOnlySpan<char>>();
        HashSet<int> lengths = [1, 2, .. tokens.Select(t => t.Length)];
        foreach (string token in tokens)
        {
            HashSet<int>? merged = cuts.GetValueOrDefault(token);
            for (int cut = 1; cut < token.Length; cut++)
            {
                if (char.IsLowSurrogate(token[cut]) || merged?.Contains(cut) == true || !lengths.Contains(cut) || !lengths.Contains(token.Length - cut))
                    continue;
                ReadOnlySpan<char> left = token.AsSpan(0, cut), right = token.AsSpan(cut);
                if ((IsCharacter(left) || parts.Contains(left)) && (IsCharacter(right) || parts.Contains(right)))
                    throw new ModelFileException(path, $"no merge makes '{token}' of '{left}' and '{right}', but llama.cpp, which has scores of tokens in the place of merges, would; GGUF has no other way for this kind of tokenizer");
            }
        }
    }

    // A text begins as single characters, be they tokens or not.
    private static bool IsCharacter(ReadOnlySpan<char> part) => part.Length == 1 || (part.Length == 2 && char.IsHighSurrogate(part[0]));

    /// <summary>Whether a blank is put before a text; null where more is done to it than that blanks become marks.</summary>
    /// <param name="cuts">Whether it is cut before each mark.</param>
    private static bool? AddsBlank(JsonNode root, out bool cuts)
    {
        bool prefix = cuts = false;
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
                    cuts |= (bool?)step["split"] ?? true;
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
