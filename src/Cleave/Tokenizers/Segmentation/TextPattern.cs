using System.Buffers;
using System.Text;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>A part of a text that a pattern found, or one that lies between; together they are the text.</summary>
internal readonly record struct TextMatch(int Start, int End, bool IsMatch);

/// <summary>Finds parts of a text.</summary>
internal abstract class TextPattern
{
    /// <summary>Appends the matches and what lies between them, in order; a match may be empty.</summary>
    public abstract void Find(string text, int start, int end, List<TextMatch> matches);

    public void Find(string text, List<TextMatch> matches) => Find(text, 0, text.Length, matches);

    /// <summary>What lies between the last match and this place, if anything.</summary>
    protected static void Gap(int done, int start, List<TextMatch> matches)
    {
        if (start > done)
            matches.Add(new TextMatch(done, start, IsMatch: false));
    }
}

/// <summary>A text as it stands.</summary>
internal sealed class LiteralPattern(string literal) : TextPattern
{
    public override void Find(string text, int start, int end, List<TextMatch> matches)
    {
        int done = start;
        while (literal.Length > 0 && text.AsSpan(done, end - done).IndexOf(literal, StringComparison.Ordinal) is var step and >= 0)
        {
            Gap(done, done + step, matches);
            matches.Add(new TextMatch(done + step, done + step + literal.Length, IsMatch: true));
            done += step + literal.Length;
        }
        Gap(done, end, matches);
    }
}

/// <summary>Every character of a kind, each a match of its own.</summary>
internal sealed class CharacterPattern(Func<Rune, bool> accepts) : TextPattern
{
    /// <summary>ASCII that is not of the kind is passed over many characters at once.</summary>
    private readonly SearchValues<char> _passed =
        SearchValues.Create([.. Enumerable.Range(0, 0x80).Select(c => (char)c).Where(c => !accepts(new Rune(c)))]);

    public override void Find(string text, int start, int end, List<TextMatch> matches)
    {
        int done = start;
        for (int at = start; at < end;)
        {
            int step = text.AsSpan(at, end - at).IndexOfAnyExcept(_passed);
            if (step < 0)
                break;
            at += step;
            Rune.DecodeFromUtf16(text.AsSpan(at, end - at), out Rune rune, out int length);
            if (accepts(rune))
            {
                Gap(done, at, matches);
                matches.Add(new TextMatch(at, done = at + length, IsMatch: true));
            }
            at += length;
        }
        Gap(done, end, matches);
    }
}

/// <summary>Runs of word characters and runs of what is neither a word character nor white space: <c>\w+|[^\w\s]+</c>.</summary>
internal sealed class WordPattern : TextPattern
{
    public override void Find(string text, int start, int end, List<TextMatch> matches)
    {
        int from = start, kind = -1;
        for (int at = start; at < end;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(at, end - at), out Rune rune, out int length);
            int found = Rune.IsWhiteSpace(rune) ? 0 : Cleave.Tokenizers.Characters.CharacterKinds.IsWord(rune) ? 1 : 2;
            if (found != kind && at > from)
            {
                matches.Add(new TextMatch(from, at, IsMatch: kind > 0));
                from = at;
            }
            kind = found;
            at += length;
        }
        if (end > from)
            matches.Add(new TextMatch(from, end, IsMatch: kind > 0));
    }
}
