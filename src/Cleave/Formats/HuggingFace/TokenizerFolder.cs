using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Formats.HuggingFace;

/// <summary>The tokenizer of a model folder.</summary>
public static class TokenizerFolder
{
    public const string FileName = "tokenizer.json", ConfigName = TokenizerConfig.FileName;

    private static readonly (string Vocabulary, string Merges)[] Pairs = [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")];
    private static readonly string[] Models = ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "*.model", "*.tiktoken"];

    /// <summary>
    /// Loads <c>tokenizer.json</c>; else the older <c>vocab.json</c> with <c>merges.txt</c>, a SentencePiece or tiktoken
    /// model, BERT's <c>vocab.txt</c>, or llama2.c's <c>tok*.bin</c>. The control tokens are those that
    /// <c>tokenizer_config.json</c> names, where it is there.
    /// </summary>
    /// <exception cref="ModelFileException">There is no tokenizer, or it is damaged or of a kind that is not supported.</exception>
    public static Tokenizer Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TokenizerConfig config = TokenizerConfig.Load(folder);
        string path = Path.Combine(folder, FileName);
        if (File.Exists(path))
            return config.Apply(Tokenizer.Load(JsonFile.ReadBytes(path), path));
        foreach ((string vocabulary, string merges) in Pairs)
        {
            (string first, string second) = (Path.Combine(folder, vocabulary), Path.Combine(folder, merges));
            if (File.Exists(first) && File.Exists(second))
                return config.Apply(LoadPair(first, second, config));
        }
        string? other = Models.Select(name => Only(folder, name)).FirstOrDefault(f => f is not null)
            ?? Only(folder, "vocab.txt") ?? Only(folder, "tok*.bin");
        if (other is null)
        {
            throw new ModelFileException(folder, $"there is no tokenizer: neither {FileName}, vocab.json with merges.txt, "
                + "tokenizer.model, vocab.txt nor tokenizer.bin");
        }
        return config.Apply(TokenizerFile.LoadPlain(other, config));
    }

    internal static Tokenizer LoadPair(string vocabulary, string merges, TokenizerConfig config)
    {
        string[] special = config.Special();
        PreTokenizer words = config.Class.StartsWith("Qwen2", StringComparison.Ordinal) ? PreTokenizer.Qwen2
            : config.Flag("add_prefix_space") == true ? new Gpt2PreTokenizer(addPrefixSpace: true) : PreTokenizer.Gpt2;
        return Tokenizer.FromVocabularyAndMerges(JsonFile.ReadBytes(vocabulary), JsonFile.ReadBytes(merges),
            special.Length > 0 ? special : ["<|endoftext|>"], words, vocabulary);
    }

    private static string? Only(string folder, string pattern)
    {
        string[] found = Directory.GetFiles(folder, pattern);
        return found.Length <= 1 ? found.FirstOrDefault()
            : throw new ModelFileException(folder, $"there is no {FileName}, and several files could be the tokenizer: {string.Join(", ", found.Select(Path.GetFileName))}; give the file itself");
    }
}
