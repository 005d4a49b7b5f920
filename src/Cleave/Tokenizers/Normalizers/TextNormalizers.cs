using System.Buffers;
using System.Text;
using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.Normalizers;

/// <summary>Puts a text before every text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        if (text.Text.Length == 0)
            return text;
        var output = new AlignedTextBuilder(text, text.Text.Length + prefix.Length);
        output.Append(prefix, 0, 0);
        output.Copy(0, text.Text.Length);
        return output.Build();
    }
}

/// <summary>Takes white space from the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        int start = 0, end = text.Text.Length;
        while (left && start < end && char.IsWhiteSpace(text.Text[start]))
            start++;
        while (right && end > start && char.IsWhiteSpace(text.Text[end - 1]))
            end--;
        if (end - start == text.Text.Length)
            return text;
        var output = new AlignedTextBuilder(text, end - start);
        output.Copy(start, end);
        return output.Build();
    }
}

/// <summary>Replaces what a pattern finds.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, string content) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var matches = new List<TextMatch>();
        pattern.Find(text.Text, matches);
        if (!matches.Exists(m => m.IsMatch))
            return text;
        var output = new AlignedTextBuilder(text, text.Text.Length);
        foreach (TextMatch match in matches)
        {
            if (match.IsMatch)
                output.Append(content, match.Start, match.End);
            else
                output.Copy(match.Start, match.End);
        }
        return output.Build();
    }
}

/// <summary>Every byte of the text as one character of the byte-level alphabet.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var output = new AlignedTextBuilder(text, text.Text.Length);
        ByteAlphabet.Append(text.Text, 0, text.Text.Length, output);
        return output.Build();
    }
}

/// <summary>
/// SentencePiece's compiled character map as Hugging Face's library applies it: whole grapheme clusters of up to five
/// bytes, else character by character; of several entries that fit, the shortest.
/// </summary>
internal sealed class CharsMapNormalizer(CharsMap map) : Normalizer
{
    private const int LongestCluster = 5;

    private readonly SearchValues<char> _staying =
        SearchValues.Create([.. Enumerable.Range(0, 0x80).Select(c => (char)c).Where(c => c != '\r' && map.Shortest([(byte)c]) is null)]);

    public override AlignedText Apply(AlignedText text)
    {
        ReadOnlySpan<char> rest = text.Text;
        var output = new AlignedTextBuilder(text, rest.Length);
        Span<byte> bytes = stackalloc byte[8];
        for (int at = 0; at < rest.Length;)
        {
            // ASCII that no entry begins with stays; the last of a run may belong to what follows it.
            int run = rest[at..].IndexOfAnyExcept(_staying);
            run = run < 0 ? rest.Length - at : run - 1;
            if (run > 0)
            {
                output.Copy(at, at + run);
                at += run;
                continue;
            }
            int length = ClusterLength(rest[at..]);
            ReadOnlySpan<char> cluster = rest.Slice(at, length);
            if (length <= LongestCluster && Encoding.UTF8.GetByteCount(cluster) <= LongestCluster
                && map.Shortest(bytes[..Encoding.UTF8.GetBytes(cluster, bytes)]) is { } whole)
            {
                output.Append(whole, at, at + length);
            }
            else
            {
                AppendEach(text, at, at + length, output, bytes);
            }
            at += length;
        }
        return output.Build();
    }

    /// <summary>As far as a cluster decides anything: beyond the limit the text goes character by character anyway.</summary>
    private static int ClusterLength(ReadOnlySpan<char> text)
    {
        // Two characters of ASCII never join, but for CR LF.
        if (text.Length > 1 && text[0] < 0x80 && text[1] < 0x80 && text[0] != '\r')
            return 1;
        return System.Globalization.StringInfo.GetNextTextElementLength(text);
    }

    private void AppendEach(AlignedText text, int start, int end, AlignedTextBuilder output, Span<byte> bytes)
    {
        for (int at = start; at < end;)
        {
            Rune.DecodeFromUtf16(text.Text.AsSpan(at), out Rune rune, out int length);
            if (map.Shortest(bytes[..rune.EncodeToUtf8(bytes)]) is { } mapped)
                output.Append(mapped, at, at + length);
            else
                output.Append(rune, at, at + length);
            at += length;
        }
    }
}
