using System.Text.Json;
using Cleave.Json;
using Cleave.Tokenizers.Algorithms;

namespace Cleave.Tokenizers.Reading;

/// <summary>Reads the <c>model</c> value of tokenizer.json.</summary>
internal static class ModelReader
{
    /// <summary>The kind of the model; older files do not say it.</summary>
    public static string KindOf(JsonCursor model)
    {
        if (model.Find("type") is { } type)
        {
            return type.Text() is ("BPE" or "Unigram" or "WordPiece" or "WordLevel") and var kind ? kind
                : throw type.Error($"the model {type.Text()} is not supported; BPE, Unigram, WordPiece and WordLevel are");
        }
        return model.Find("merges") is not null ? "BPE" : model["vocab"].Kind == JsonValueKind.Array ? "Unigram"
            : model.Find("max_input_chars_per_word") is not null ? "WordPiece" : "WordLevel";
    }

    /// <summary>The tokens of the model itself.</summary>
    public static VocabularyBuilder ReadVocabulary(JsonCursor model, int added)
    {
        JsonCursor vocabulary = model["vocab"];
        if (KindOf(model) != "Unigram")
            return VocabularyBuilder.Read(vocabulary, added);
        var builder = new VocabularyBuilder(model.File, vocabulary.Items().Count() + added);
        foreach (JsonCursor item in vocabulary.Items())
        {
            JsonCursor[] pair = [.. item.Items()];
            if (pair.Length != 2)
                throw item.Error("expected a token and its score");
            builder.AppendModelToken(pair[0].Text());
        }
        return builder;
    }

    /// <summary>Reads what the model needs of the file while the vocabulary is still being made.</summary>
    /// <returns>The model over the finished vocabulary; told whether pieces are text whose bytes are the symbols.</returns>
    public static Func<Vocabulary, bool, TokenModel> Read(JsonCursor model, VocabularyBuilder vocabulary)
    {
        switch (KindOf(model))
        {
            case "Unigram":
                UnigramRules unigram = ReadUnigram(model, vocabulary);
                return (tokens, _) => new Unigram(unigram, tokens);
            case "WordPiece":
                string unknown = model.Text("unk_token", "[UNK]"), prefix = model.Text("continuing_subword_prefix", "##");
                int longest = model.Find("max_input_chars_per_word")?.Int(0) ?? 100;
                return (tokens, _) => new WordPiece(tokens, unknown, prefix, longest);
            case "WordLevel":
                string word = model.Text("unk_token", "<unk>");
                return (tokens, _) => new WordLevel(tokens, word);
            default:
                BpeRules rules = ReadBpe(model, vocabulary);
                return (tokens, bytes) => (bytes ? ByteBpe.TryCreate(rules, tokens) : null) ?? (TokenModel)new CharacterBpe(rules, tokens);
        }
    }

    private static BpeRules ReadBpe(JsonCursor model, VocabularyBuilder vocabulary)
    {
        string prefix = model.Text("continuing_subword_prefix", "");
        var merges = new MergeReader(vocabulary, prefix);
        merges.Read(model["merges"]);
        // Dropout of merges is for training; it has no part in encoding.
        model.Find("dropout")?.Number();
        return new BpeRules
        {
            Merges = merges.Merges,
            Prefix = prefix,
            Suffix = model.Text("end_of_word_suffix", ""),
            UnknownToken = model.Find("unk_token")?.Text(),
            ByteFallback = model.Flag("byte_fallback", false),
            FuseUnknown = model.Flag("fuse_unk", false),
            IgnoreMerges = model.Flag("ignore_merges", false),
        };
    }

    private static UnigramRules ReadUnigram(JsonCursor model, VocabularyBuilder vocabulary)
    {
        double[] scores = [.. model["vocab"].Items().Select(item => item.Items().ElementAt(1).Number())];
        return new UnigramRules
        {
            Scores = scores,
            UnknownId = model.Find("unk_id")?.Int(0, Math.Max(0, vocabulary.Count - 1)),
            ByteFallback = model.Flag("byte_fallback", false),
        };
    }
}
