using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>What the split patterns ask of a character: <c>\p{L}</c>, <c>\p{N}</c>, <c>\s</c>, <c>[\r\n]</c> or none.</summary>
internal static class CharacterClasses
{
    public const byte Other = 0, Letter = 1, Number = 2, Blank = 3, Newline = 4;
    private const byte Surrogate = 5;

    private static readonly byte[] Table = Build();

    /// <summary>The class of the character at a position and its length in UTF-16 units; a lone surrogate is <see cref="Other"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte At(ReadOnlySpan<char> text, int position, out int length)
    {
        byte kind = Table[text[position]];
        length = 1;
        return kind < Surrogate ? kind : Pair(text[position..], out length);
    }

    /// <summary>The end of the run of characters of one class that begins here.</summary>
    public static int EndOfRun(ReadOnlySpan<char> text, int position, byte kind)
    {
        byte[] table = Table;
        while (position < text.Length)
        {
            byte found = table[text[position]];
            int length = 1;
            if (found == Surrogate)
                found = Pair(text[position..], out length);
            if (found != kind)
                break;
            position += length;
        }
        return position;
    }

    /// <summary>The end of the run of white space that begins here, and the position of the last line break in it or -1.</summary>
    public static int EndOfWhiteSpace(ReadOnlySpan<char> text, int position, out int lastNewline)
    {
        lastNewline = -1;
        for (; position < text.Length; position++)
        {
            byte kind = Table[text[position]];
            if (kind == Newline)
                lastNewline = position;
            else if (kind != Blank)
                break;
        }
        return position;
    }

    private static byte Pair(ReadOnlySpan<char> text, out int length)
    {
        Rune.DecodeFromUtf16(text, out Rune rune, out length);
        return Classify(Rune.GetUnicodeCategory(rune));
    }

    private static byte Classify(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Number,
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => Blank,
        _ => Other,
    };

    private static byte[] Build()
    {
        var table = new byte[char.MaxValue + 1];
        for (int c = 0; c < table.Length; c++)
            table[c] = char.IsSurrogate((char)c) ? Surrogate : Classify(CharUnicodeInfo.GetUnicodeCategory(c));
        table['\t'] = table['\v'] = table['\f'] = table['\u0085'] = Blank;
        table['\r'] = table['\n'] = Newline;
        return table;
    }
}
