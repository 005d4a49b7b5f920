using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>
/// Any other split pattern, through .NET's regular expressions: matches are words, and so is what lies between
/// them. A pattern without look-around runs in linear time; any other has a time limit a match.
/// </summary>
internal sealed class RegexPreTokenizer : PreTokenizer
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly string _pattern;
    private readonly Regex _regex;

    /// <exception cref="ArgumentException">The pattern is not one that .NET understands.</exception>
    public RegexPreTokenizer(string pattern)
    {
        if (pattern.Any(char.IsSurrogate))
            throw new ArgumentException("characters beyond U+FFFF are not supported in a pattern");
        _pattern = pattern;
        try
        {
            _regex = new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Limit);
        }
        catch (NotSupportedException)
        {
            _regex = new Regex(pattern, RegexOptions.CultureInvariant, Limit);
        }
    }

    /// <exception cref="CleaveException">The pattern takes too long on this text.</exception>
    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        try
        {
            if (text.ContainsAnyInRange('\uD800', '\uDFFF'))
                SplitPairs(text, ends);
            else
                SplitPlain(text, ends);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new CleaveException($"the tokenizer's split pattern {_pattern} takes too long on a text of {text.Length} characters; "
                + "shorten the text or use a tokenizer with a simpler pattern", e);
        }
    }

    private void SplitPlain(ReadOnlySpan<char> text, List<int> ends)
    {
        int done = 0;
        foreach (ValueMatch match in _regex.EnumerateMatches(text))
        {
            if (match.Length == 0)
                continue;
            if (match.Index > done)
                ends.Add(match.Index);
            ends.Add(done = match.Index + match.Length);
        }
        if (done < text.Length)
            ends.Add(text.Length);
    }

    /// <summary>
    /// .NET's patterns see UTF-16 units. A surrogate pair is shown to them as one stand-in of its own category.
    /// </summary>
    private void SplitPairs(ReadOnlySpan<char> text, List<int> ends)
    {
        var shown = new StringBuilder(text.Length);
        var positions = new List<int>(text.Length + 1);
        for (int i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text[i..], out Rune rune, out int length);
            positions.Add(i);
            shown.Append(length == 2 ? StandIn(Rune.GetUnicodeCategory(rune)) : (char)rune.Value);
            i += length;
        }
        positions.Add(text.Length);
        int first = ends.Count;
        SplitPlain(shown.ToString(), ends);
        for (int i = first; i < ends.Count; i++)
            ends[i] = positions[ends[i]];
    }

    private static char StandIn(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\u0416',
        UnicodeCategory.LowercaseLetter => '\u0436',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.ModifierLetter => '\u02B0',
        UnicodeCategory.OtherLetter => '\u4E00',
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

    internal override void Write(Utf8JsonWriter json) => WriteSplitThenByteLevel(json, _pattern);
}
