using System.Text;
using Cleave.Json;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tokenizers;

/// <summary>Reads and checks the tokenizer.json of a byte-level BPE; anything it does not implement is refused by name.</summary>
internal static class BpeReader
{
    public static BpeDefinition Read(ReadOnlySpan<byte> utf8, string file)
    {
        JsonCursor root = JsonCursor.Parse(utf8, file);
        foreach (string absent in (string[])["normalizer", "truncation", "padding"])
        {
            if (root.Find(absent) is { } unsupported && !IsEmptySequence(unsupported))
                throw unsupported.Error("is not supported for byte-level BPE; set it to null");
        }
        JsonCursor model = root["model"];
        CheckModel(model);
        CheckDecoder(root["decoder"]);
        JsonCursor? list = root.Find("added_tokens");
        var vocabulary = new BpeVocabulary(model["vocab"], list?.Items().Count() ?? 0);
        IReadOnlyList<AddedToken> added = list is null ? [] : vocabulary.AddTokens(list);
        (string[] tokens, bool[] inModel) = vocabulary.Build();
        string? unknown = model.Find("unk_token")?.Text();
        (int? bos, int? eos) = root.Find("post_processor") is { } post ? ReadPostProcessor(post, vocabulary) : (null, null);
        return new BpeDefinition
        {
            Tokens = tokens,
            InModel = inModel,
            Added = added,
            Merges = ReadMerges(model["merges"], vocabulary),
            PreTokenizer = PreTokenizerReader.Read(root["pre_tokenizer"]),
            IgnoreMerges = model.Flag("ignore_merges", false),
            UnknownToken = unknown,
            PostProcessor = root.Find("post_processor")?.Element,
            BosId = bos,
            EosId = eos,
        };
    }

    public static BpeDefinition ReadVocabularyAndMerges(
        ReadOnlySpan<byte> vocabularyJson, ReadOnlySpan<byte> mergesText, IReadOnlyList<string> specialTokens,
        PreTokenizer preTokenizer, string file)
    {
        var vocabulary = new BpeVocabulary(JsonCursor.Parse(vocabularyJson, file), added: 0);
        (string[] tokens, bool[] inModel) = vocabulary.Build();
        var added = specialTokens.Select(name => new AddedToken(
            vocabulary.IdOf(name) ?? throw new ModelFileException(file, $"the special token {name} is not in the vocabulary"), name, true));
        var merges = new MergeList(vocabulary);
        int number = 0;
        foreach (string line in Encoding.UTF8.GetString(mergesText).Split('\n'))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            if (merges.Add(line.TrimEnd('\r')) is { } problem)
                throw new ModelFileException(file, $"line {number} of the merges: {problem}");
        }
        return new BpeDefinition
        {
            Tokens = tokens,
            InModel = inModel,
            Added = [.. added],
            Merges = merges.Merges,
            PreTokenizer = preTokenizer,
        };
    }

    private static void CheckModel(JsonCursor model)
    {
        if (model.Find("type") is { } type && type.Text() != "BPE")
            throw type.Error($"{type.Text()} is not byte-level BPE");
        if (model.Find("dropout") is { } dropout && dropout.Number() != 0)
            throw dropout.Error("merge dropout is for training only; set it to null");
        if (model.Flag("byte_fallback", false))
            throw model["byte_fallback"].Error("is not part of byte-level BPE");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.Text(affix, "").Length > 0)
                throw model[affix].Error("is not supported for byte-level BPE");
        }
    }

    private static void CheckDecoder(JsonCursor decoder)
    {
        if (decoder["type"].Text() is var type && type != "ByteLevel")
            throw decoder["type"].Error($"the decoder {type} is not supported; a byte-level BPE has ByteLevel");
    }

    private static bool IsEmptySequence(JsonCursor component) =>
        component.Kind == System.Text.Json.JsonValueKind.Object && component.Text("type", "") == "Sequence"
        && component.Find("normalizers") is { } list && !list.Items().Any();

    private static List<(int, int, int)> ReadMerges(JsonCursor list, BpeVocabulary vocabulary)
    {
        var merges = new MergeList(vocabulary);
        foreach (JsonCursor item in list.Items())
        {
            string? problem;
            if (item.Kind == System.Text.Json.JsonValueKind.Array)
            {
                JsonCursor[] pair = [.. item.Items()];
                problem = pair.Length == 2 ? merges.Add(pair[0].Text(), pair[1].Text()) : "a merge has two parts";
            }
            else
            {
                problem = merges.Add(item.Text());
            }
            if (problem is not null)
                throw item.Error(problem);
        }
        return merges.Merges;
    }

    /// <summary>The post-processor adds tokens around a text; what it adds tells the begin and end tokens.</summary>
    private static (int? Bos, int? Eos) ReadPostProcessor(JsonCursor post, BpeVocabulary vocabulary)
    {
        string type = post["type"].Text();
        if (type == "ByteLevel")
            return (null, null);
        if (type == "Sequence")
        {
            (int? bos, int? eos) = (null, null);
            foreach (JsonCursor part in post["processors"].Items())
            {
                if (part["type"].Text() == "Sequence")
                    throw part.Error("a sequence in a sequence is not supported");
                (int? b, int? e) = ReadPostProcessor(part, vocabulary);
                (bos, eos) = (bos ?? b, eos ?? e);
            }
            return (bos, eos);
        }
        if (type != "TemplateProcessing")
            throw post["type"].Error($"the post-processor {type} is not supported");
        return ReadTemplate(post["single"], vocabulary);
    }

    private static (int? Bos, int? Eos) ReadTemplate(JsonCursor template, BpeVocabulary vocabulary)
    {
        int? bos = null, eos = null;
        bool before = true;
        foreach (JsonCursor piece in template.Items())
        {
            if (piece.Find("SpecialToken") is not { } special)
            {
                before = false;
                continue;
            }
            string name = special["id"].Text();
            int id = vocabulary.IdOf(name) ?? throw special["id"].Error($"there is no token {name}");
            if (before)
                bos ??= id;
            else
                eos ??= id;
        }
        return (bos, eos);
    }

    /// <summary>Merges as they are read, each checked against the vocabulary and those before.</summary>
    private sealed class MergeList(BpeVocabulary vocabulary)
    {
        private readonly HashSet<ulong> _seen = [];
        private char[] _result = new char[64];

        public List<(int, int, int)> Merges { get; } = [];

        /// <returns>What is wrong with it, or null.</returns>
        public string? Add(ReadOnlySpan<char> pair)
        {
            int blank = pair.IndexOf(' ');
            return blank < 0 || pair[(blank + 1)..].Contains(' ')
                ? "a merge is two tokens with one blank between them" : Add(pair[..blank], pair[(blank + 1)..]);
        }

        public string? Add(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
        {
            if (vocabulary.ModelIdOf(left) is not { } leftId)
                return $"the merge names {left}, which is not in the vocabulary";
            if (vocabulary.ModelIdOf(right) is not { } rightId)
                return $"the merge names {right}, which is not in the vocabulary";
            int length = left.Length + right.Length;
            if (_result.Length < length)
                _result = new char[2 * length];
            left.CopyTo(_result);
            right.CopyTo(_result.AsSpan(left.Length));
            if (vocabulary.ModelIdOf(_result.AsSpan(0, length)) is not { } result)
                return $"the merge makes {left}{right}, which is not in the vocabulary";
            if (!_seen.Add(((ulong)(uint)leftId << 32) | (uint)rightId))
                return $"the merge of {left} and {right} is there twice";
            Merges.Add((leftId, rightId, result));
            return null;
        }
    }
}
