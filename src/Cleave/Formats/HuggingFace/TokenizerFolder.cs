using Cleave.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Formats.HuggingFace;

/// <summary>The tokenizer of a Hugging Face model folder.</summary>
public static class TokenizerFolder
{
    public const string FileName = "tokenizer.json", ConfigName = "tokenizer_config.json";

    /// <summary>
    /// Loads <c>tokenizer.json</c>, or the older <c>vocab.json</c> with <c>merges.txt</c>; the control tokens are
    /// those that <c>tokenizer_config.json</c> names, where it is there.
    /// </summary>
    /// <exception cref="ModelFileException">There is no tokenizer, or it is damaged or of a kind that is not supported.</exception>
    public static ITokenizer Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string path = Path.Combine(folder, FileName), configPath = Path.Combine(folder, ConfigName);
        JsonCursor? config = File.Exists(configPath) ? JsonFile.Load(configPath) : null;
        Tokenizer tokenizer = File.Exists(path) ? Tokenizer.Load(JsonFile.ReadBytes(path), path) : LoadPair(folder, config);
        if (config is null)
            return tokenizer;
        return tokenizer.WithControlTokens(
            IdOf(config, "bos_token", tokenizer), IdOf(config, "eos_token", tokenizer), IdOf(config, "pad_token", tokenizer));
    }

    private static Tokenizer LoadPair(string folder, JsonCursor? config)
    {
        string vocabulary = Path.Combine(folder, "vocab.json"), merges = Path.Combine(folder, "merges.txt");
        if (!File.Exists(vocabulary) || !File.Exists(merges))
            throw new ModelFileException(folder, $"there is no tokenizer: neither {FileName} nor vocab.json with merges.txt");
        var special = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string role in (string[])["bos_token", "eos_token", "pad_token", "unk_token"])
        {
            if (config is not null && NameOf(config, role) is { } named)
                special.Add(named.Text());
        }
        if (special.Count == 0)
            special.Add("<|endoftext|>");
        return Tokenizer.FromVocabularyAndMerges(
            JsonFile.ReadBytes(vocabulary), JsonFile.ReadBytes(merges), [.. special], PreTokenizer.Gpt2, vocabulary);
    }

    private static int? IdOf(JsonCursor config, string role, Tokenizer tokenizer)
    {
        if (NameOf(config, role) is not { } name)
            return null;
        return tokenizer.IdOf(name.Text()) ?? throw name.Error($"the tokenizer has no token {name.Text()}");
    }

    /// <summary>A control token is named by a text or by an object with its content.</summary>
    private static JsonCursor? NameOf(JsonCursor config, string role) =>
        config.Find(role) is not { } value ? null
        : value.Kind == System.Text.Json.JsonValueKind.Object ? value["content"] : value;
}
