using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>
/// A regular expression in the syntax of tokenizer.json, run by .NET's. One without look-around takes time in
/// proportion to the text; any other has a time limit a match.
/// </summary>
internal sealed class RegexPattern : TextPattern
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly string _pattern;
    private readonly Regex _regex;

    /// <exception cref="ArgumentException">The pattern is not one that .NET understands.</exception>
    public RegexPattern(string pattern)
    {
        _pattern = pattern;
        string translated = PatternSyntax.Translate(pattern);
        const RegexOptions options = RegexOptions.CultureInvariant | RegexOptions.Multiline;
        try
        {
            _regex = new Regex(translated, options | RegexOptions.NonBacktracking, Limit);
        }
        catch (NotSupportedException)
        {
            _regex = new Regex(translated, options, Limit);
        }
    }

    /// <exception cref="CleaveException">The pattern takes too long on this text.</exception>
    public override void Find(string text, int start, int end, List<TextMatch> matches)
    {
        ReadOnlySpan<char> part = text.AsSpan(start, end - start);
        int first = matches.Count;
        try
        {
            if (part.ContainsAnyInRange('\uD800', '\uDFFF'))
                FindPairs(part, matches);
            else
                FindPlain(part, matches);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new CleaveException($"the tokenizer's pattern {_pattern} takes too long on a text of {part.Length} characters; "
                + "shorten the text or use a tokenizer with a simpler pattern", e);
        }
        for (int i = first; start > 0 && i < matches.Count; i++)
            matches[i] = matches[i] with { Start = matches[i].Start + start, End = matches[i].End + start };
    }

    private void FindPlain(ReadOnlySpan<char> text, List<TextMatch> matches)
    {
        int done = 0;
        foreach (ValueMatch match in _regex.EnumerateMatches(text))
        {
            Gap(done, match.Index, matches);
            matches.Add(new TextMatch(match.Index, done = match.Index + match.Length, IsMatch: true));
        }
        Gap(done, text.Length, matches);
    }

    /// <summary>.NET's patterns see UTF-16 units. A surrogate pair is shown to them as one stand-in of its own category.</summary>
    private void FindPairs(ReadOnlySpan<char> text, List<TextMatch> matches)
    {
        var shown = new StringBuilder(text.Length);
        var positions = new List<int>(text.Length + 1);
        for (int i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text[i..], out Rune rune, out int length);
            positions.Add(i);
            shown.Append(length == 2 ? StandIn(rune) : (char)rune.Value);
            i += length;
        }
        positions.Add(text.Length);
        int first = matches.Count;
        FindPlain(shown.ToString(), matches);
        for (int i = first; i < matches.Count; i++)
            matches[i] = matches[i] with { Start = positions[matches[i].Start], End = positions[matches[i].End] };
    }

    private static char StandIn(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter => '\u0416',
        UnicodeCategory.LowercaseLetter => '\u0436',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.ModifierLetter => '\u02B0',
        // The supplementary planes of Chinese characters, and letters of any other script.
        UnicodeCategory.OtherLetter => rune.Value >= 0x20000 ? '\u4E00' : '\u16A0',
        UnicodeCategory.NonSpacingMark => '\u0300',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u20DD',
        UnicodeCategory.DecimalDigitNumber => '\u0660',
        UnicodeCategory.LetterNumber => '\u2160',
        UnicodeCategory.OtherNumber => '\u2460',
        UnicodeCategory.MathSymbol => '\u2211',
        UnicodeCategory.CurrencySymbol => '\u20AC',
        UnicodeCategory.ModifierSymbol => '\u02C2',
        UnicodeCategory.OtherSymbol => '\u2603',
        UnicodeCategory.DashPunctuation => '\u2014',
        UnicodeCategory.OtherPunctuation => '\u203B',
        UnicodeCategory.Format => '\u200B',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\uFFFF',
    };
}
