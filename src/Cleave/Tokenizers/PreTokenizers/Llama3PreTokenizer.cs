using System.Text.Json;
using static Cleave.Tokenizers.PreTokenizers.CharacterClasses;

namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>Llama 3's split pattern, or Qwen 2's, as a hand-written scanner, linear in the text; see <see cref="Pattern"/>.</summary>
/// <param name="mostDigits">Digits of a word: 3 for Llama 3, 1 for Qwen 2.</param>
internal sealed class Llama3PreTokenizer(int mostDigits) : PreTokenizer
{
    public const string Pattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public static readonly string QwenPattern = Pattern.Replace(@"\p{N}{1,3}", @"\p{N}", StringComparison.Ordinal);

    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        for (int position = 0; position < text.Length;)
            ends.Add(position = Next(text, position));
    }

    private int Next(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is var length and > 0)
            return start + 1 + length;
        byte kind = At(text, start, out int first);
        if (kind == Letter)
            return EndOfRun(text, start + first, Letter);
        if (kind == Number)
            return Numbers(text, start);
        byte next = start + first < text.Length ? At(text, start + first, out _) : Newline;
        if (next == Letter && kind != Newline)
            return EndOfRun(text, start + first, Letter);
        if (kind == Other || (next == Other && text[start] == ' '))
        {
            int end = EndOfRun(text, start + first, Other);
            while (end < text.Length && text[end] is '\r' or '\n')
                end++;
            return end;
        }
        return WhiteSpace(text, start);
    }

    private static int WhiteSpace(ReadOnlySpan<char> text, int start)
    {
        int end = EndOfWhiteSpace(text, start, out int lastNewline);
        if (lastNewline >= 0)
            return lastNewline + 1;
        // The last blank goes with the word that follows, unless it is alone.
        return end < text.Length && end - start > 1 ? end - 1 : end;
    }

    private int Numbers(ReadOnlySpan<char> text, int position)
    {
        for (int count = 0; count < mostDigits && position < text.Length; count++)
        {
            if (At(text, position, out int length) != Number)
                break;
            position += length;
        }
        return position;
    }

    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty)
            return 0;
        char second = rest.Length > 1 ? (char)(rest[1] | 0x20) : '\0';
        return rest[0] switch
        {
            // U+017F, the long s, is an s to a pattern that ignores case.
            's' or 'S' or '\u017F' or 't' or 'T' or 'm' or 'M' or 'd' or 'D' => 1,
            'r' or 'R' or 'v' or 'V' when second == 'e' => 2,
            'l' or 'L' when second == 'l' => 2,
            _ => 0,
        };
    }

    internal override bool Covers(string pattern) => pattern == (mostDigits == 1 ? QwenPattern : Pattern);

    internal override void Write(Utf8JsonWriter json) => WriteSplitThenByteLevel(json, mostDigits == 1 ? QwenPattern : Pattern);
}
