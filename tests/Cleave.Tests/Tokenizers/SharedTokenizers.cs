using System.Text.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>Published tokenizers and what their reference implementations make of some texts.</summary>
internal static class SharedTokenizers
{
    public static Tokenizer Load(string folder)
    {
        string path = Shared.Data(Path.Combine(folder, "tokenizer.json"));
        if (File.Exists(path))
            return Tokenizer.Load(File.ReadAllBytes(path), path);
        string vocabulary = Shared.Data(Path.Combine(folder, "encoder.json"));
        return Tokenizer.FromVocabularyAndMerges(
            File.ReadAllBytes(vocabulary), File.ReadAllBytes(Shared.Data(Path.Combine(folder, "vocab.bpe"))),
            ["<|endoftext|>"], PreTokenizer.Gpt2, vocabulary);
    }

    public static IEnumerable<(string Text, int[] Ids, int[] WithSpecial, string Decoded)> Vectors(string folder)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Shared.Data(Path.Combine(folder, "vectors.json"))));
        foreach (JsonElement item in document.RootElement.EnumerateArray())
        {
            yield return (item.GetProperty("text").GetString()!, Ids(item, "ids"), Ids(item, "ids_with_special"),
                item.GetProperty("decoded").GetString()!);
        }
    }

    public static IEnumerable<SharedVector> AllVectors(string folder)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Shared.Data(Path.Combine(folder, "vectors.json"))));
        foreach (JsonElement item in document.RootElement.EnumerateArray())
        {
            yield return new SharedVector(item.GetProperty("text").GetString()!, Ids(item, "ids"),
                item.TryGetProperty("ids_with_special", out _) ? Ids(item, "ids_with_special") : null,
                item.TryGetProperty("decoded", out JsonElement decoded) ? decoded.GetString() : null);
        }
    }

    private static int[] Ids(JsonElement item, string name) => [.. item.GetProperty(name).EnumerateArray().Select(e => e.GetInt32())];
}

/// <summary>A text and what a reference implementation makes of it; null for what it does not say.</summary>
internal sealed record SharedVector(string Text, int[] Ids, int[]? WithSpecial, string? Decoded);
