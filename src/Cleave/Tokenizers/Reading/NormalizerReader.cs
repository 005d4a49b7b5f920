using Cleave.Json;
using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.Normalizers;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.Reading;

/// <summary>Reads the <c>normalizer</c> value of tokenizer.json.</summary>
internal static class NormalizerReader
{
    public static Normalizer Read(JsonCursor value)
    {
        JsonCursor type = value["type"];
        return type.Text() switch
        {
            "Sequence" => new SequenceNormalizer([.. value["normalizers"].Items().Select(Read)]),
            "NFC" => new FormNormalizer(compatibility: false, compose: true),
            "NFD" => new FormNormalizer(compatibility: false, compose: false),
            "NFKC" => new FormNormalizer(compatibility: true, compose: true),
            "NFKD" => new FormNormalizer(compatibility: true, compose: false),
            "Lowercase" => new LowercaseNormalizer(),
            "StripAccents" => new RemovingNormalizer(CharacterKinds.IsMark),
            "BertNormalizer" => Bert(value),
            "Replace" => new ReplaceNormalizer(ReadPattern(value["pattern"]), value["content"].Text()),
            "Prepend" => new PrependNormalizer(value["prepend"].Text()),
            "Strip" => new StripNormalizer(value.Flag("strip_left", true), value.Flag("strip_right", true)),
            "Precompiled" => new CharsMapNormalizer(ReadCharsMap(value["precompiled_charsmap"])),
            "Nmt" => new NmtNormalizer(),
            "ByteLevel" => new ByteLevelNormalizer(),
            var other => throw type.Error($"the normalizer {other} is not supported"),
        };
    }

    /// <param name="stripAccents">Null: where it lowercases.</param>
    public static Normalizer Bert(bool cleanText, bool chinese, bool? stripAccents, bool lowercase)
    {
        var steps = new List<Normalizer>();
        if (cleanText)
            steps.Add(new CleanTextNormalizer());
        if (chinese)
            steps.Add(new ChineseNormalizer());
        if (stripAccents ?? lowercase)
        {
            steps.Add(new FormNormalizer(compatibility: false, compose: false));
            steps.Add(new RemovingNormalizer(CharacterKinds.IsNonSpacingMark));
        }
        if (lowercase)
            steps.Add(new LowercaseNormalizer());
        return new SequenceNormalizer(steps);
    }

    /// <summary>A pattern: <c>{"String": …}</c>, <c>{"Regex": …}</c>, or a text that stands for itself.</summary>
    public static TextPattern ReadPattern(JsonCursor value)
    {
        if (value.Kind == System.Text.Json.JsonValueKind.String)
            return new LiteralPattern(value.Text());
        if (value.Find("String") is { } literal)
            return new LiteralPattern(literal.Text());
        JsonCursor regex = value["Regex"];
        try
        {
            return new RegexPattern(regex.Text());
        }
        catch (ArgumentException e)
        {
            throw regex.Error($"the pattern is not supported: {e.Message}");
        }
    }

    private static Normalizer Bert(JsonCursor value) => Bert(value.Flag("clean_text", true), value.Flag("handle_chinese_chars", true),
        value.Find("strip_accents")?.Flag(), value.Flag("lowercase", true));

    private static CharsMap ReadCharsMap(JsonCursor value)
    {
        try
        {
            return new CharsMap(Convert.FromBase64String(value.Text()));
        }
        catch (Exception e) when (e is FormatException or InvalidDataException)
        {
            throw value.Error(e is FormatException ? "is not base64" : e.Message);
        }
    }
}
