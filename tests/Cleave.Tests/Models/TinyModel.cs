using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Models;

/// <summary>A model of a few thousand random weights with a tokenizer that knows some English.</summary>
public static class TinyModel
{
    private static readonly string[] Text =
        ["the parcel has not arrived yet, please help", "I want a refund for my order", "thank you, that was very quick", "where is my order number 12345"];

    public static Tokenizer Tokenizer { get; } =
        BpeTrainer.Train(Text, 320, ["<|endoftext|>"], new Gpt2PreTokenizer(addPrefixSpace: false)).WithControlTokens(0, 0);

    public static LanguageModel Create(int layers = 3, int width = 32, ulong seed = 1) =>
        new(Transformer.Create(TransformerSpec.Uniform(Tokenizer.VocabularySize, width, layers, 4, 2, 64, 64), new Rng(seed)), Tokenizer, []);

    /// <summary>BERT's shape and kind of tokenizer, with the heads that it is published with.</summary>
    public static LanguageModel CreateEncoder(int layers = 2, ulong seed = 1) => new(Transformer.Create(Plain(WordPiece, layers) with
    {
        Family = "bert",
        Bidirectional = true,
        NormPlace = NormPlace.AfterSum,
        EmbeddingNorm = true,
        TokenTypes = 2,
        VocabularyHead = VocabularyHead.Masked,
        Pooler = PoolerKind.Tanh,
        Activation = Activation.Gelu,
    }, new Rng(seed)), WordPiece, []);

    /// <summary>GPT-2's shape.</summary>
    public static LanguageModel CreateGpt2(int layers = 2, ulong seed = 1) =>
        new(Transformer.Create(Plain(Tokenizer, layers) with { Family = "gpt2", Activation = Activation.GeluTanh }, new Rng(seed)), Tokenizer, []);

    /// <summary>BERT's tokenizer with a few words, and the pieces of all others.</summary>
    public static Tokenizer WordPiece { get; } = MakeWordPiece();

    // What BERT and GPT-2 share.
    private static TransformerSpec Plain(Tokenizer tokenizer, int layers) => TransformerSpec.Uniform(tokenizer.VocabularySize, 32, layers, 4, 4, 64, 64) with
    {
        Norm = NormKind.Layer,
        Position = PositionKind.Learned,
        Gated = false,
        Biases = Biases.All,
    };

    private static Tokenizer MakeWordPiece()
    {
        string[] characters = [.. Enumerable.Range('!', 94).Select(c => $"{(char)c}").Where(c => !char.IsAsciiLetterUpper(c[0]))];
        string[] words = [.. Text.SelectMany(t => t.ToLowerInvariant().Split([' ', ','], StringSplitOptions.RemoveEmptyEntries)).Where(w => w.Length > 1).Distinct()];
        string folder = Directory.CreateTempSubdirectory("cleave-wordpiece").FullName;
        try
        {
            File.WriteAllLines(Path.Combine(folder, "vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. characters, .. characters.Select(c => "##" + c), .. words]);
            return TokenizerFile.Load(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
