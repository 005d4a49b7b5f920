using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Characters;

/// <summary>Questions about a character as tokenizers ask them.</summary>
internal static class CharacterKinds
{
    /// <summary>Unicode's property White_Space.</summary>
    public static bool IsWhiteSpace(Rune rune) => Rune.IsWhiteSpace(rune);

    /// <summary>General category P, or any of ASCII's 32 marks.</summary>
    public static bool IsPunctuation(Rune rune) =>
        rune.IsAscii ? rune.Value is > ' ' and < 0x7F && !char.IsAsciiLetterOrDigit((char)rune.Value) : Rune.IsPunctuation(rune);

    /// <summary>General category N.</summary>
    public static bool IsNumeric(Rune rune) => Rune.IsNumber(rune);

    /// <summary><c>\w</c> of UTS #18: alphabetic, marks, decimal digits, connectors, joiners.</summary>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        <= UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.ConnectorPunctuation => true,
        // Circled and squared Latin letters are symbols, and alphabetic all the same.
        UnicodeCategory.OtherSymbol => rune.Value is >= 0x24B6 and <= 0x24E9 or >= 0x1F130 and <= 0x1F149
            or >= 0x1F150 and <= 0x1F169 or >= 0x1F170 and <= 0x1F189,
        _ => rune.Value is 0x200C or 0x200D,
    };

    public static bool IsNonSpacingMark(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark;

    /// <summary>General category M.</summary>
    public static bool IsMark(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    /// <summary>Controls, format and private characters, but not tab and line breaks.</summary>
    public static bool IsControl(Rune rune) => rune.Value is not ('\t' or '\n' or '\r')
        && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse;

    /// <summary>The blocks of Chinese characters as BERT lists them.</summary>
    public static bool IsChinese(Rune rune) => rune.Value is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF
        or >= 0x20000 and <= 0x2A6DF or >= 0x2A700 and <= 0x2B73F or >= 0x2B740 and <= 0x2B81F or >= 0x2B920 and <= 0x2CEAF
        or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;

    /// <summary>The text with each lone surrogate as U+FFFD, which takes as much room.</summary>
    public static string WithoutLoneSurrogates(string text)
    {
        int at = FirstLone(text, 0);
        if (at < 0)
            return text;
        char[] repaired = text.ToCharArray();
        for (; at >= 0; at = FirstLone(text, at + 1))
            repaired[at] = '\uFFFD';
        return new string(repaired);
    }

    private static int FirstLone(string text, int from)
    {
        for (int at = from; at < text.Length; at++)
        {
            int step = text.AsSpan(at).IndexOfAnyInRange('\uD800', '\uDFFF');
            if (step < 0)
                return -1;
            at += step;
            if (at + 1 >= text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
                return at;
            at++;
        }
        return -1;
    }
}
