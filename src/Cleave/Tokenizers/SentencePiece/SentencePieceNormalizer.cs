using System.Text;
using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.Normalizers;

namespace Cleave.Tokenizers.SentencePiece;

/// <summary>
/// SentencePiece's own normalization: at every place the longest entry of the character map, but user-defined pieces as
/// they stand; then blanks.
/// </summary>
internal sealed class SentencePieceNormalizer(SentencePieceModel model, CharsMap? map, AddedTokenMatcher userDefined) : Normalizer
{
    private const char Mark = '\u2581';

    /// <summary>Keys of a map are a few characters; a damaged one must not be followed without end.</summary>
    private const int LongestKeyBytes = 256;

    private readonly char _blank = model.EscapeWhitespaces ? Mark : ' ';

    public override AlignedText Apply(AlignedText text)
    {
        string source = text.Text;
        byte[] bytes = map is null ? [] : Encoding.UTF8.GetBytes(source);
        int[]? scan = userDefined.Scan(source);
        var output = new AlignedTextBuilder(text, source.Length + 1);
        bool leading = model.RemoveExtraWhitespaces, afterBlank = model.RemoveExtraWhitespaces, begun = false;
        NextUserDefined(source, 0, scan, out int userStart, out int userEnd);
        for (int at = 0, byteAt = 0; at < source.Length;)
        {
            if (at > userStart)
                NextUserDefined(source, at, scan, out userStart, out userEnd);
            int start = at;
            string? mapped = null;
            if (at == userStart)
                at = userEnd;
            else if (map?.Longest(bytes.AsSpan(byteAt, Math.Min(LongestKeyBytes, bytes.Length - byteAt)), out int keyBytes) is { } found)
                (mapped, at) = (found, at + Characters(bytes.AsSpan(byteAt, keyBytes)));
            else
                at += Rune.DecodeFromUtf16(source.AsSpan(at), out _, out int length) == System.Buffers.OperationStatus.Done ? length : 1;
            if (map is not null)
                byteAt += Encoding.UTF8.GetByteCount(source.AsSpan(start, at - start));
            ReadOnlySpan<char> piece = mapped ?? source.AsSpan(start, at - start);
            if (leading && piece is " ")
                continue;
            leading = false;
            if (!begun && model.AddDummyPrefix && !model.WhitespaceAsSuffix)
                output.Append(_blank, start, start);
            begun = true;
            while (afterBlank && piece is [' ', ..])
                piece = piece[1..];
            foreach (char c in piece)
                output.Append(c == ' ' ? _blank : c, start, at);
            if (!piece.IsEmpty)
                afterBlank = piece[^1] == ' ';
            afterBlank &= model.RemoveExtraWhitespaces;
        }
        while (model.RemoveExtraWhitespaces && output.Length > 0 && output.Last == _blank)
            output.RemoveLast();
        if (begun && model.AddDummyPrefix && model.WhitespaceAsSuffix)
            output.Append(_blank, source.Length, source.Length);
        return output.Build();
    }

    private void NextUserDefined(string text, int from, int[]? scan, out int start, out int end)
    {
        (start, end) = (int.MaxValue, int.MaxValue);
        if (!userDefined.IsEmpty && userDefined.Next(text, from, scan, out int found, out int last) is not null)
            (start, end) = (found, last);
    }

    /// <summary>How many UTF-16 units a key of the map takes; one that ends inside of a character takes all of it.</summary>
    private static int Characters(ReadOnlySpan<byte> key)
    {
        int count = 0;
        foreach (byte b in key)
            count += b < 0x80 || b >= 0xC0 ? (b >= 0xF0 ? 2 : 1) : 0;
        return count;
    }
}
