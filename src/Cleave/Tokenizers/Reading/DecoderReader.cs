using Cleave.Json;
using Cleave.Tokenizers.Decoders;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.Reading;

/// <summary>Reads the <c>decoder</c> value of tokenizer.json into steps.</summary>
internal static class DecoderReader
{
    public static IReadOnlyList<DecodingStep> Read(JsonCursor? value)
    {
        var steps = new List<DecodingStep>();
        if (value is null)
            steps.Add(DecodingSteps.Join());
        else
            Read(value, steps);
        return steps;
    }

    private static void Read(JsonCursor value, List<DecodingStep> steps)
    {
        JsonCursor type = value["type"];
        // After these the tokens are one, which comes in parts.
        bool whole = !steps.Exists(s => s is FuseStep or ByteLevelStep);
        switch (type.Text())
        {
            case "Sequence":
                foreach (JsonCursor part in value["decoders"].Items())
                    Read(part, steps);
                break;
            case "ByteLevel":
                steps.Add(new ByteLevelStep());
                break;
            case "ByteFallback":
                steps.Add(new ByteFallbackStep());
                break;
            case "Fuse":
                steps.Add(new FuseStep());
                break;
            case "Replace":
                steps.Add(DecodingSteps.Replace(NormalizerReader.ReadPattern(value["pattern"]), value["content"].Text(), whole));
                break;
            case "Strip":
                steps.Add(new StripStep(Character(value["content"]), value["start"].Int(0), value["stop"].Int(0)));
                break;
            case "Metaspace":
                steps.Add(ReadMetaspace(value, whole));
                break;
            case "WordPiece":
                steps.Add(DecodingSteps.WordPiece(value.Text("prefix", "##"), value.Flag("cleanup", true), whole));
                break;
            case "BPEDecoder":
                steps.Add(new SuffixStep(value.Text("suffix", "</w>")));
                break;
            case "CTC":
                steps.Add(new CtcStep(value.Text("pad_token", "<pad>"), value.Text("word_delimiter_token", "|"), value.Flag("cleanup", true)));
                break;
            default:
                throw type.Error($"the decoder {type.Text()} is not supported");
        }
    }

    private static DecodingStep ReadMetaspace(JsonCursor value, bool whole)
    {
        PrependScheme scheme = value.Find("prepend_scheme") is { } given ? SegmentationReader.ReadScheme(given)
            : value.Flag("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never;
        char replacement = value.Find("replacement") is { } shown ? Character(shown) : '\u2581';
        return DecodingSteps.Metaspace(replacement, scheme != PrependScheme.Never, whole);
    }

    private static char Character(JsonCursor value)
    {
        System.Text.Rune rune = SegmentationReader.ReadCharacter(value);
        return rune.IsBmp ? (char)rune.Value : throw value.Error("a character beyond U+FFFF is not supported");
    }
}
