using Cleave.Json;
using Cleave.Tokenizers.PostProcessors;

namespace Cleave.Tokenizers.Reading;

/// <summary>Reads the values <c>post_processor</c>, <c>truncation</c> and <c>padding</c> of tokenizer.json.</summary>
internal static class PostProcessorReader
{
    public static PostProcessor Read(JsonCursor value, VocabularyBuilder vocabulary)
    {
        JsonCursor type = value["type"];
        switch (type.Text())
        {
            case "ByteLevel":
                return PostProcessor.None with { TrimsOffsets = value.Flag("trim_offsets", true) };
            case "BertProcessing":
                return Around(value, vocabulary, secondType: 1, separators: 1);
            case "RobertaProcessing":
                return Around(value, vocabulary, secondType: 0, separators: 2) with { TrimsOffsets = value.Flag("trim_offsets", true) };
            case "TemplateProcessing":
                return ReadTemplates(value, vocabulary);
            case "Sequence":
                PostProcessor all = PostProcessor.None;
                foreach (JsonCursor part in value["processors"].Items())
                {
                    PostProcessor next = Read(part, vocabulary);
                    if (next.Single is not null && all.Single is not null)
                        throw part.Error("a second processor that adds tokens is not supported");
                    all = new PostProcessor(next.Single ?? all.Single, next.Pair ?? all.Pair, all.TrimsOffsets || next.TrimsOffsets);
                }
                return all;
            default:
                throw type.Error($"the post-processor {type.Text()} is not supported");
        }
    }

    public static Truncation ReadTruncation(JsonCursor value)
    {
        TruncationStrategy strategy = value.Text("strategy", "LongestFirst") switch
        {
            "LongestFirst" => TruncationStrategy.LongestFirst,
            "OnlyFirst" => TruncationStrategy.OnlyFirst,
            "OnlySecond" => TruncationStrategy.OnlySecond,
            var other => throw value["strategy"].Error($"the strategy {other} is not known"),
        };
        return new Truncation(value["max_length"].Int(0), strategy, FromLeft(value));
    }

    public static Padding ReadPadding(JsonCursor value)
    {
        const int most = 1 << 20;
        int? length = null;
        if (value.Find("strategy") is { Kind: System.Text.Json.JsonValueKind.Object } strategy)
            length = strategy["Fixed"].Int(0, most);
        else if (value.Text("strategy", "BatchLongest") is not "BatchLongest" and var other)
            throw value["strategy"].Error($"the strategy {other} is not known");
        int multiple = value.Find("pad_to_multiple_of")?.Int(0, most) ?? 0;
        return new Padding(length, Math.Max(1, multiple), FromLeft(value), value.Int("pad_id", 0), value.Int("pad_type_id", 0));
    }

    private static bool FromLeft(JsonCursor value) => value.Text("direction", "Right") switch
    {
        "Left" => true,
        "Right" => false,
        _ => throw value["direction"].Error("expected \"Left\" or \"Right\""),
    };

    /// <summary>BERT's and RoBERTa's fixed templates: one token before a text and one after.</summary>
    private static PostProcessor Around(JsonCursor value, VocabularyBuilder vocabulary, int secondType, int separators)
    {
        int begin = NamedToken(value["cls"], vocabulary), end = NamedToken(value["sep"], vocabulary);
        TemplatePiece first = new(0, [], 0), close = new(-1, [end], 0);
        TemplatePiece open = new(-1, [begin], 0);
        return new PostProcessor([open, first, close],
            [open, first, .. Enumerable.Repeat(close, separators), new TemplatePiece(1, [], secondType), close with { Type = secondType }], false);
    }

    /// <summary>A token as a list of its name and id.</summary>
    private static int NamedToken(JsonCursor value, VocabularyBuilder vocabulary)
    {
        JsonCursor[] parts = [.. value.Items()];
        return parts.Length == 2 ? parts[1].Int(0, Math.Max(0, vocabulary.Count - 1)) : throw value.Error("expected a token and its id");
    }

    private static PostProcessor ReadTemplates(JsonCursor value, VocabularyBuilder vocabulary)
    {
        var special = new Dictionary<string, int[]>(StringComparer.Ordinal);
        foreach ((string name, JsonCursor token) in value.Find("special_tokens")?.Members() ?? [])
            special.Add(name, [.. token["ids"].Items().Select(i => i.Int(0, Math.Max(0, vocabulary.Count - 1)))]);
        TemplatePiece[] single = Template(value["single"]);
        TemplatePiece[]? pairs = value.Find("pair") is { } given && given.Items().Any() ? Template(given) : null;
        if (single.Any(p => p.Sequence == 1) || !single.Any(p => p.Sequence == 0))
            throw value["single"].Error("the template for one text has the text A, and B nowhere");
        if (pairs is not null && !(pairs.Any(p => p.Sequence == 0) && pairs.Any(p => p.Sequence == 1)))
            throw value["pair"].Error("the template for two texts has A and B");
        return new PostProcessor(single, pairs, TrimsOffsets: false);

        TemplatePiece[] Template(JsonCursor list) => [.. list.Items().Select(p => ReadPiece(p, special, vocabulary))];
    }

    private static TemplatePiece ReadPiece(JsonCursor piece, Dictionary<string, int[]> special, VocabularyBuilder vocabulary)
    {
        if (piece.Find("SpecialToken") is { } token)
        {
            JsonCursor name = token["id"];
            int[] ids = special.TryGetValue(name.Text(), out int[]? listed) ? listed
                : [vocabulary.IdOf(name.Text()) ?? throw name.Error($"there is no token {name.Text()}")];
            return new TemplatePiece(-1, ids, token.Int("type_id", 0));
        }
        JsonCursor sequence = piece["Sequence"];
        return new TemplatePiece(sequence["id"].Text() switch
        {
            "A" => 0,
            "B" => 1,
            _ => throw sequence["id"].Error("expected \"A\" or \"B\""),
        }, [], sequence.Int("type_id", 0));
    }
}
