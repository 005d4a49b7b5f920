using System.Text;
using Cleave.Json;
using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.Reading;

/// <summary>Reads the <c>pre_tokenizer</c> value of tokenizer.json into steps.</summary>
internal static class SegmentationReader
{
    private static readonly PreTokenizer[] Scanners = [PreTokenizer.Gpt2, PreTokenizer.Llama3, PreTokenizer.Qwen2];

    /// <param name="needsOrigins">Set where a step asks where in the original text a piece lies.</param>
    public static void Read(JsonCursor value, List<Segmenter> steps, ref bool needsOrigins)
    {
        JsonCursor type = value["type"];
        switch (type.Text())
        {
            case "Sequence":
                foreach (JsonCursor part in value["pretokenizers"].Items())
                    Read(part, steps, ref needsOrigins);
                break;
            case "ByteLevel":
                if (value.Flag("add_prefix_space", true))
                    steps.Add(new PrefixSpaceSegmenter());
                if (value.Flag("use_regex", true))
                    steps.Add(new WordSegmenter(PreTokenizer.Gpt2));
                steps.Add(new ByteLevelSegmenter());
                break;
            case "Metaspace":
                MetaspaceSegmenter metaspace = ReadMetaspace(value, out PrependScheme scheme);
                needsOrigins |= scheme == PrependScheme.First;
                steps.Add(metaspace);
                break;
            case "Split":
                steps.Add(ReadSplit(value));
                break;
            case "BertPreTokenizer":
                steps.Add(Split(CharacterKinds.IsWhiteSpace, SplitBehavior.Removed));
                steps.Add(Split(CharacterKinds.IsPunctuation, SplitBehavior.Isolated));
                break;
            case "UnicodeScripts":
                steps.Add(new ScriptSegmenter());
                break;
            case "FixedLength":
                steps.Add(new FixedLengthSegmenter(value.Find("length")?.Positive() ?? 5));
                break;
            default:
                steps.Add(ReadCharacterSplit(value));
                break;
        }
    }

    private static SplitSegmenter Split(Func<Rune, bool> accepts, SplitBehavior behavior) => new(new CharacterPattern(accepts), behavior);

    private static SplitSegmenter ReadCharacterSplit(JsonCursor value)
    {
        JsonCursor type = value["type"];
        switch (type.Text())
        {
            case "Whitespace":
                return new SplitSegmenter(new WordPattern(), SplitBehavior.Removed, invert: true);
            case "WhitespaceSplit":
                return Split(CharacterKinds.IsWhiteSpace, SplitBehavior.Removed);
            case "Punctuation":
                return Split(CharacterKinds.IsPunctuation, value.Find("behavior") is { } behavior ? ReadBehavior(behavior) : SplitBehavior.Isolated);
            case "Digits":
                return Split(CharacterKinds.IsNumeric, value.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous);
            case "CharDelimiterSplit":
                Rune delimiter = ReadCharacter(value["delimiter"]);
                return Split(rune => rune == delimiter, SplitBehavior.Removed);
            default:
                throw type.Error($"the pre-tokenizer {type.Text()} is not supported");
        }
    }

    private static MetaspaceSegmenter ReadMetaspace(JsonCursor value, out PrependScheme scheme)
    {
        Rune replacement = value.Find("replacement") is { } shown ? ReadCharacter(shown) : new Rune('\u2581');
        if (!replacement.IsBmp)
            throw value["replacement"].Error("a character beyond U+FFFF is not supported");
        scheme = value.Find("prepend_scheme") is { } given ? ReadScheme(given)
            : value.Flag("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never;
        return new MetaspaceSegmenter((char)replacement.Value, scheme, value.Flag("split", true));
    }

    public static PrependScheme ReadScheme(JsonCursor value) => value.Text() switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        _ => throw value.Error("expected \"always\", \"first\" or \"never\""),
    };

    public static Rune ReadCharacter(JsonCursor value)
    {
        string text = value.Text();
        return Rune.DecodeFromUtf16(text, out Rune rune, out int length) == System.Buffers.OperationStatus.Done && length == text.Length
            ? rune : throw value.Error("expected one character");
    }

    private static Segmenter ReadSplit(JsonCursor value)
    {
        SplitBehavior behavior = ReadBehavior(value["behavior"]);
        bool invert = value.Flag("invert", false);
        JsonCursor pattern = value["pattern"];
        // The scanners leave nothing between their words, so their matches alone are the words too.
        bool words = invert ? behavior == SplitBehavior.Removed : behavior == SplitBehavior.Isolated;
        if (words && pattern.Kind == System.Text.Json.JsonValueKind.Object && pattern.Find("Regex") is { } regex
            && Array.Find(Scanners, s => s.Covers(regex.Text())) is { } scanner)
        {
            return new WordSegmenter(scanner);
        }
        return new SplitSegmenter(NormalizerReader.ReadPattern(pattern), behavior, invert);
    }

    private static SplitBehavior ReadBehavior(JsonCursor value) => value.Text() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        var other => throw value.Error($"the behavior {other} is not known"),
    };
}
