using System.Text.Json;
using static Cleave.Tokenizers.PreTokenizers.CharacterClasses;

namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>
/// GPT-2's split pattern as a hand-written scanner, linear in the text:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// </summary>
internal sealed class Gpt2PreTokenizer(bool addPrefixSpace) : PreTokenizer
{
    public const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public override bool AddPrefixSpace => addPrefixSpace;

    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        for (int position = 0; position < text.Length;)
            ends.Add(position = Next(text, position));
    }

    private static int Next(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is var length and > 0)
            return start + 1 + length;
        int body = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        byte kind = At(text, body, out int first);
        if (kind < Blank)
            return EndOfRun(text, body + first, kind);
        // White space: the last of it goes with the word that follows, unless it is alone.
        int end = EndOfWhiteSpace(text, start, out _);
        return end < text.Length && end - start > 1 ? end - 1 : end;
    }

    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty)
            return 0;
        char second = rest.Length > 1 ? rest[1] : '\0';
        return rest[0] switch
        {
            's' or 't' or 'm' or 'd' => 1,
            'r' or 'v' when second == 'e' => 2,
            'l' when second == 'l' => 2,
            _ => 0,
        };
    }

    internal override bool Covers(string pattern) => pattern == Pattern;

    internal override void Write(Utf8JsonWriter json) => WriteByteLevel(json, addPrefixSpace, useRegex: true);
}
