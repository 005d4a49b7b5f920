using System.Text;
using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Tokenizers.Algorithms;

namespace Cleave.Tokenizers.Reading;

/// <summary>How BERT prepares texts, as tokenizer_config.json says it.</summary>
internal sealed record BertOptions
{
    public bool Lowercase { get; init; } = true;

    /// <summary>Null: where it lowercases.</summary>
    public bool? StripAccents { get; init; }

    public bool Chinese { get; init; } = true;

    public string Unknown { get; init; } = "[UNK]";

    public string Begin { get; init; } = "[CLS]";

    public string End { get; init; } = "[SEP]";

    public string Pad { get; init; } = "[PAD]";

    public string Mask { get; init; } = "[MASK]";
}

/// <summary>Makes BERT's tokenizer of a list of tokens.</summary>
internal static class BertVocabularyReader
{
    private const int LongestWord = 100;

    /// <summary>BERT's <c>vocab.txt</c>: a token a line, its id the line's number from 0.</summary>
    public static TokenizerDefinition Read(ReadOnlySpan<byte> text, BertOptions options, string path)
    {
        string[] lines = Encoding.UTF8.GetString(text).Split('\n');
        if (lines[^1].Length == 0)
            Array.Resize(ref lines, lines.Length - 1);
        return Build([.. lines.Select(l => l.TrimEnd('\r'))], options, path);
    }

    public static TokenizerDefinition Build(IReadOnlyList<string> tokens, BertOptions options, string path)
    {
        var vocabulary = new VocabularyBuilder(path, tokens.Count);
        foreach (string token in tokens)
            vocabulary.AppendModelToken(token);
        foreach (string special in (string[])[options.Pad, options.Unknown, options.Begin, options.End, options.Mask])
        {
            if (vocabulary.IdOf(special) is { } id && vocabulary.AddToken(new AddedToken(id, special, Special: true)) is { } problem)
                throw new ModelFileException(path, problem);
        }
        if (vocabulary.IdOf(options.Unknown) is not { } unknown)
            throw new ModelFileException(path, $"there is no token {options.Unknown} for unknown words; this is not BERT's vocabulary, or tokenizer_config.json names another unk_token");
        var around = new JsonObject
        {
            ["normalizer"] = new JsonObject
            {
                ["type"] = "BertNormalizer",
                ["clean_text"] = true,
                ["handle_chinese_chars"] = options.Chinese,
                ["strip_accents"] = options.StripAccents,
                ["lowercase"] = options.Lowercase,
            },
            ["pre_tokenizer"] = new JsonObject { ["type"] = "BertPreTokenizer" },
            ["decoder"] = new JsonObject { ["type"] = "WordPiece", ["prefix"] = "##", ["cleanup"] = true },
        };
        if (vocabulary.IdOf(options.Begin) is { } begin && vocabulary.IdOf(options.End) is { } end)
        {
            around["post_processor"] = new JsonObject
            {
                ["type"] = "BertProcessing",
                ["sep"] = new JsonArray(options.End, end),
                ["cls"] = new JsonArray(options.Begin, begin),
            };
        }
        return TokenizerJsonReader.Read(JsonCursor.Parse(Encoding.UTF8.GetBytes(around.ToJsonString()), path), vocabulary,
            (all, _) => new WordPiece(all, options.Unknown, "##", LongestWord), unknown);
    }
}
