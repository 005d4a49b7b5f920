using Cleave.Formats.Gguf;
using Cleave.Formats.SentencePiece;
using Cleave.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.Reading;
using Cleave.Tokenizers.SentencePiece;

namespace Cleave.Formats.HuggingFace;

/// <summary>Loads a tokenizer from wherever it is: a folder, a file of any of the common forms, or a GGUF file.</summary>
public static class TokenizerFile
{
    private const int Llama3Ranks = 128000, Llama3Special = 256;

    /// <param name="path">A model folder, a GGUF file, or a tokenizer's own file.</param>
    /// <exception cref="ModelFileException">There is no tokenizer, or it is damaged or of a kind that is not supported.</exception>
    public static Tokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            return TokenizerFolder.Load(path);
        if (IsGguf(path))
        {
            using GgufFile file = GgufFile.Open(path);
            return GgufTokenizer.Load(file);
        }
        TokenizerConfig config = TokenizerConfig.Load(Path.GetDirectoryName(Path.GetFullPath(path))!);
        return config.Apply(LoadPlain(path, config));
    }

    /// <summary>A file that is not GGUF, told by what it holds.</summary>
    internal static Tokenizer LoadPlain(string path, TokenizerConfig config)
    {
        byte[] bytes = JsonFile.ReadBytes(path);
        if (bytes.AsSpan().TrimStart("\uFEFF \t\r\n"u8) is [(byte)'{', ..])
            return LoadJson(bytes, path, config);
        if (path.EndsWith(".bin", StringComparison.OrdinalIgnoreCase))
            return Llama2cReader.Read(bytes, path);
        if (path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase))
            return new Tokenizer(BertVocabularyReader.Read(bytes, config.Bert(), path));
        return TiktokenReader.Accepts(bytes) ? LoadRanks(bytes, path, config) : LoadPieces(bytes, path, config);
    }

    private static bool IsGguf(string path)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = ModelBytes.Open(path);
        Span<byte> magic = stackalloc byte[4];
        return RandomAccess.GetLength(handle) >= 4 && RandomAccess.Read(handle, magic, 0) == 4 && magic.SequenceEqual("GGUF"u8);
    }

    /// <summary>A tokenizer.json, or a vocabulary with its merges beside it.</summary>
    private static Tokenizer LoadJson(byte[] bytes, string path, TokenizerConfig config)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string merges = Path.Combine(folder, Path.GetFileName(path) == "encoder.json" ? "vocab.bpe" : "merges.txt");
        bool isTokenizer = JsonCursor.Parse(bytes, path).Find("model") is { Kind: System.Text.Json.JsonValueKind.Object };
        return !isTokenizer && File.Exists(merges) ? TokenizerFolder.LoadPair(path, merges, config) : Tokenizer.Load(bytes, path);
    }

    private static Tokenizer LoadRanks(byte[] bytes, string path, TokenizerConfig config)
    {
        IReadOnlyList<AddedToken> added = config.AddedTokens();
        int ranks = bytes.AsSpan().Count((byte)'\n');
        if (added.Count == 0 && ranks is Llama3Ranks or Llama3Ranks - 1)
            added = Llama3Tokens();
        return new Tokenizer(TiktokenReader.Read(bytes, added, null, path, added.FirstOrDefault(t => t.Content == "<|begin_of_text|>")?.Id));
    }

    private static Tokenizer LoadPieces(byte[] bytes, string path, TokenizerConfig config)
    {
        SentencePieceModel model = SentencePieceFile.Read(bytes, path);
        bool bos = config.Flag("add_bos_token") ?? !config.Class.StartsWith("T5", StringComparison.Ordinal);
        bool eos = config.Flag("add_eos_token") ?? !config.Class.StartsWith("Llama", StringComparison.Ordinal);
        return SentencePieceReader.Read(model with { Adds = (bos, eos) }, path, config.AddedTokens());
    }

    /// <summary>The control tokens of Llama 3, whose file of ranks does not hold them.</summary>
    private static List<AddedToken> Llama3Tokens()
    {
        List<string> names = ["<|begin_of_text|>", "<|end_of_text|>", Reserved(0), Reserved(1), Reserved(2), Reserved(3),
            "<|start_header_id|>", "<|end_header_id|>", Reserved(4), "<|eot_id|>"];
        for (int number = 5; names.Count < Llama3Special; number++)
            names.Add(Reserved(number));
        return [.. names.Select((name, i) => new AddedToken(Llama3Ranks + i, name, Special: true))];

        static string Reserved(int number) => $"<|reserved_special_token_{number}|>";
    }
}
