using Cleave.Models;
using Cleave.Numerics;
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
}
