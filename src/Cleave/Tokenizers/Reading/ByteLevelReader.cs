using System.Text;
using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Tokenizers.Algorithms;

namespace Cleave.Tokenizers.Reading;

/// <summary>Makes a byte-level encoding of tokens, merges and patterns that came without a tokenizer.json.</summary>
internal static class ByteLevelReader
{
    /// <param name="patterns">Each cuts what the one before left.</param>
    /// <param name="bos">Put before every text, where not null.</param>
    /// <param name="eos">Put after every text, where not null.</param>
    public static TokenizerDefinition Read(VocabularyBuilder vocabulary, IReadOnlyList<string> merges, string[] patterns, bool ignoreMerges,
        int? bos, int? eos, string file)
    {
        var list = new MergeReader(vocabulary, "");
        for (int i = 0; i < merges.Count; i++)
        {
            if (list.Add(merges[i]) is { } problem)
                throw new ModelFileException(file, $"merge {i}: {problem}");
        }
        return Build(vocabulary, new BpeRules { Merges = list.Merges, IgnoreMerges = ignoreMerges }, patterns, bos, eos, file);
    }

    public static TokenizerDefinition Build(VocabularyBuilder vocabulary, BpeRules rules, string[] patterns, int? bos, int? eos, string file)
    {
        var around = new JsonObject
        {
            ["pre_tokenizer"] = JsonNode.Parse(TiktokenReader.PreTokenizerJson(patterns)),
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true },
        };
        if (bos is not null || eos is not null)
            around["post_processor"] = Template(vocabulary.Build(), bos, eos);
        return TokenizerJsonReader.Read(JsonCursor.Parse(Encoding.UTF8.GetBytes(around.ToJsonString()), file), vocabulary,
            (all, _) => ByteBpe.TryCreate(rules, all) ?? (TokenModel)new CharacterBpe(rules, all), null);
    }

    /// <summary>A template that puts one token before a text and one after it.</summary>
    public static JsonObject Template(Vocabulary tokens, int? bos, int? eos)
    {
        var special = new JsonObject();
        JsonArray single = Around("A", 0), pair = Around("A", 0);
        foreach (JsonNode? piece in Around("B", 1).ToArray())
            pair.Add(piece!.DeepClone());
        return new JsonObject { ["type"] = "TemplateProcessing", ["single"] = single, ["pair"] = pair, ["special_tokens"] = special };

        JsonArray Around(string sequence, int type)
        {
            var pieces = new JsonArray();
            Add(pieces, bos, type);
            pieces.Add(new JsonObject { ["Sequence"] = new JsonObject { ["id"] = sequence, ["type_id"] = type } });
            Add(pieces, eos, type);
            return pieces;
        }

        void Add(JsonArray pieces, int? id, int type)
        {
            if (id is not { } token)
                return;
            string name = tokens.TokenOf(token);
            special[name] = new JsonObject { ["id"] = name, ["ids"] = new JsonArray(token), ["tokens"] = new JsonArray(name) };
            pieces.Add(new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = name, ["type_id"] = type } });
        }
    }
}
