using System.Text;
using System.Text.Json;
using Cleave.Json;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tokenizers.Reading;

/// <summary>Reads GPT-2's pair of files, <c>vocab.json</c> and <c>merges.txt</c>.</summary>
internal static class VocabularyAndMergesReader
{
    public static TokenizerDefinition Read(
        ReadOnlySpan<byte> vocabularyJson, ReadOnlySpan<byte> mergesText, IReadOnlyList<string> specialTokens,
        PreTokenizer preTokenizer, string file)
    {
        JsonCursor root = JsonCursor.Parse(vocabularyJson, file);
        VocabularyBuilder vocabulary = VocabularyBuilder.Read(root, added: 0);
        foreach (string name in specialTokens)
        {
            int id = vocabulary.IdOf(name) ?? throw new ModelFileException(file, $"the special token {name} is not in the vocabulary");
            if (vocabulary.AddToken(new AddedToken(id, name, Special: true)) is { } problem)
                throw new ModelFileException(file, problem);
        }
        return Build(vocabulary, new BpeRules { Merges = ReadMerges(mergesText, vocabulary, file) }, PreTokenizerJson(preTokenizer), file);
    }

    /// <summary>A byte-level encoding with nothing around it but the pre-tokenizer.</summary>
    public static TokenizerDefinition Build(VocabularyBuilder vocabulary, BpeRules rules, string preTokenizerJson, string file)
    {
        string around = $$"""
            {
              "pre_tokenizer": {{preTokenizerJson}},
              "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
            }
            """;
        return TokenizerJsonReader.Read(JsonCursor.Parse(Encoding.UTF8.GetBytes(around), file), vocabulary,
            (tokens, _) => ByteBpe.TryCreate(rules, tokens) ?? (TokenModel)new CharacterBpe(rules, tokens), null);
    }

    public static List<(int Left, int Right, int Result)> ReadMerges(ReadOnlySpan<byte> text, VocabularyBuilder vocabulary, string file)
    {
        var merges = new MergeReader(vocabulary, "");
        int number = 0;
        foreach (string line in Encoding.UTF8.GetString(text).Split('\n'))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            if (merges.Add(line.TrimEnd('\r')) is { } problem)
                throw new ModelFileException(file, $"line {number} of the merges: {problem}");
        }
        return merges.Merges;
    }

    public static string PreTokenizerJson(PreTokenizer preTokenizer)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
            preTokenizer.Write(json);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
