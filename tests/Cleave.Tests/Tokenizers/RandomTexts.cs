using Cleave.Numerics;

namespace Cleave.Tests.Tokenizers;

/// <summary>Texts that visit every class of character, well formed or not.</summary>
internal static class RandomTexts
{
    private static readonly string[] Pieces =
    [
        " ", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085", "a", "b", "ab", "the", "Z", "é", "ß", "ж", "你", "好", "한",
        "1", "23", "½", "Ⅷ", "٣", ".", "!", "...", "'", "'s", "'S", "'ll", "'Re", "’", "_", "-", "/", "\0", "\u0301", "\u200d", "\ufeff",
        "👍", "🏽", "𝐀", "𝟘", "𐍈", "\U000E0061", "\uFFFD",
    ];

    public static string WellFormed(Rng random, int pieces) =>
        string.Concat(Enumerable.Range(0, pieces).Select(_ => Pieces[random.NextInt(Pieces.Length)]));

    /// <summary>UTF-16 units at will: lone surrogates in every position.</summary>
    public static string Broken(Rng random, int length) => string.Create(length, random, static (text, r) =>
    {
        foreach (ref char c in text)
            c = r.NextInt(3) == 0 ? (char)(0xD800 + r.NextInt(0x800)) : (char)r.NextInt(0x10000);
    });

    /// <summary>The text with each lone surrogate replaced by U+FFFD.</summary>
    public static string Repaired(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
