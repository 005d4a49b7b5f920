using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Tokenizers.Reading;
using Cleave.Tokenizers.SentencePiece;

namespace Cleave.Formats.Gguf;

/// <summary>The tokenizer inside of a GGUF file: the keys <c>tokenizer.ggml.*</c> of ggml's format specification.</summary>
public static class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.";

    /// <exception cref="ModelFileException">There is no tokenizer in the file, or it is of a kind that is not supported.</exception>
    public static Tokenizer Load(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        GgufMetadata keys = file.Metadata;
        if (!keys.Contains(Prefix + "model"))
            throw new ModelFileException(file.Path, "there is no tokenizer in this file");
        string kind = keys.Text(Prefix + "model");
        return (kind switch
        {
            "llama" => ReadPieces(keys, file.Path, PieceAlgorithm.Bpe),
            "t5" => ReadPieces(keys, file.Path, PieceAlgorithm.Unigram),
            "gpt2" => ReadByteLevel(keys, file.Path),
            "bert" => ReadBert(keys, file.Path),
            _ => throw keys.Error(Prefix + "model", $"is '{kind}'; llama, gpt2, bert and t5 are supported"),
        }).WithControlTokens(Id(keys, "bos_token_id"), Id(keys, "eos_token_id"), Id(keys, "padding_token_id"));
    }

    private static Tokenizer ReadPieces(GgufMetadata keys, string path, PieceAlgorithm algorithm)
    {
        string[] tokens = keys.Texts(Prefix + "tokens");
        double[] scores = Numbers(keys, "scores", tokens.Length);
        PieceKind[] kinds = Kinds(keys, tokens.Length);
        return SentencePieceReader.Read(new SentencePieceModel
        {
            Pieces = [.. tokens.Select((t, id) => new ScoredPiece(t, (float)scores[id], kinds[id]))],
            Algorithm = algorithm,
            ByteFallback = kinds.Contains(PieceKind.Byte),
            CharsMap = CharsMap(keys),
            AddDummyPrefix = Flag(keys, "add_space_prefix", true),
            RemoveExtraWhitespaces = Flag(keys, "remove_extra_whitespaces", false),
            UnknownId = Id(keys, "unknown_token_id"),
            BosId = Id(keys, "bos_token_id") ?? (algorithm == PieceAlgorithm.Bpe ? 1 : null),
            EosId = Id(keys, "eos_token_id") ?? (algorithm == PieceAlgorithm.Bpe ? 2 : 1),
            PadId = Id(keys, "padding_token_id"),
            Adds = (Flag(keys, "add_bos_token", algorithm == PieceAlgorithm.Bpe), Flag(keys, "add_eos_token", algorithm == PieceAlgorithm.Unigram)),
        }, path);
    }

    private static Tokenizer ReadByteLevel(GgufMetadata keys, string path)
    {
        string[] tokens = keys.Texts(Prefix + "tokens");
        PieceKind[] kinds = Kinds(keys, tokens.Length);
        string name = keys.FindText(Prefix + "pre") ?? "default";
        string[] patterns = SplitPatterns.Find(name)
            ?? throw keys.Error(Prefix + "pre", $"is '{name}', a way to cut words that is not known; convert the model again or give its tokenizer.json");
        var vocabulary = new VocabularyBuilder(path, tokens.Length);
        foreach (string token in tokens)
            vocabulary.AppendModelToken(token);
        for (int id = 0; id < tokens.Length; id++)
        {
            bool special = kinds[id] is PieceKind.Control or PieceKind.Unknown;
            if (tokens[id].Length > 0 && (special || kinds[id] == PieceKind.UserDefined) && vocabulary.ModelIdOf(tokens[id]) == id)
                vocabulary.AddToken(new AddedToken(id, tokens[id], special));
        }
        int? bos = Id(keys, "bos_token_id"), eos = Id(keys, "eos_token_id");
        bool addsBos = Flag(keys, "add_bos_token", SplitPatterns.IgnoresMerges(name) && name != "tekken");
        return new Tokenizer(ByteLevelReader.Read(vocabulary, keys.Texts(Prefix + "merges"), patterns, SplitPatterns.IgnoresMerges(name),
            addsBos ? Checked(bos, tokens, keys) : null, Flag(keys, "add_eos_token", false) ? Checked(eos, tokens, keys) : null, path));
    }

    private static Tokenizer ReadBert(GgufMetadata keys, string path)
    {
        string[] tokens = keys.Texts(Prefix + "tokens");
        PieceKind[] kinds = Kinds(keys, tokens.Length);
        // Here a token that begins a word has the mark, and one that goes on with it has none.
        string[] pieces = [.. tokens.Select((t, id) => kinds[id] is PieceKind.Control or PieceKind.Unknown || (t.StartsWith('[') && t.EndsWith(']'))
            ? t : t.StartsWith('\u2581') ? t[1..] : "##" + t)];
        string Name(string key, string otherwise) => Id(keys, key) is { } id && id < pieces.Length ? pieces[id] : otherwise;
        var options = new BertOptions
        {
            Unknown = Name("unknown_token_id", "[UNK]"),
            Begin = Name("cls_token_id", Name("bos_token_id", "[CLS]")),
            End = Name("seperator_token_id", Name("separator_token_id", "[SEP]")),
            Pad = Name("padding_token_id", "[PAD]"),
            Mask = Name("mask_token_id", "[MASK]"),
            StripAccents = true,
        };
        return new Tokenizer(BertVocabularyReader.Build(pieces, options, path));
    }

    private static int? Checked(int? id, string[] tokens, GgufMetadata keys) => id is not { } given || given < tokens.Length ? id
        : throw keys.Error(Prefix + "tokens", $"has {tokens.Length} entries, but a control token has the id {given}");

    private static int? Id(GgufMetadata keys, string name)
    {
        if (keys.Find(Prefix + name) is not { } value)
            return null;
        int count = keys.Texts(Prefix + "tokens").Length;
        // −1 and 2³² − 1 say that there is no such token.
        return value is long id && id >= 0 && id < count ? (int)id
            : value is long and (-1 or uint.MaxValue) ? null
            : throw keys.Error(Prefix + name, $"is {value}, not one of the {count} tokens");
    }

    private static bool Flag(GgufMetadata keys, string name, bool otherwise) => keys.Find(Prefix + name) switch
    {
        null => otherwise,
        bool value => value,
        _ => throw keys.Error(Prefix + name, "is not true or false"),
    };

    private static double[] Numbers(GgufMetadata keys, string name, int count) => keys.Find(Prefix + name) switch
    {
        double[] values when values.Length == count => values,
        _ => throw keys.Error(Prefix + name, $"is not a list of {count} numbers, one for each token"),
    };

    private static PieceKind[] Kinds(GgufMetadata keys, int count) => keys.Find(Prefix + "token_type") switch
    {
        null => [.. Enumerable.Repeat(PieceKind.Normal, count)],
        long[] values when values.Length == count && values.All(v => v is >= 0 and <= 6) => [.. values.Select(v => v == 0 ? PieceKind.Normal : (PieceKind)v)],
        _ => throw keys.Error(Prefix + "token_type", $"is not a list of {count} types, one for each token"),
    };

    private static byte[] CharsMap(GgufMetadata keys) => keys.Find(Prefix + "precompiled_charsmap") switch
    {
        null => [],
        long[] values => [.. values.Select(v => unchecked((byte)v))],
        _ => throw keys.Error(Prefix + "precompiled_charsmap", "is not a list of bytes"),
    };
}
