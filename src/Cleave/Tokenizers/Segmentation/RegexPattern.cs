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
    private readonly StandIns _standIns;

    /// <exception cref="ArgumentException">The pattern is not one that .NET understands.</exception>
    public RegexPattern(string pattern)
    {
        _pattern = pattern;
        _standIns = new StandIns();
        string translated = PatternSyntax.Translate(pattern, _standIns);
        if (_standIns.Assign())
            translated = PatternSyntax.Translate(pattern, _standIns);
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
            if (_standIns.ChangeAny(part))
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

    /// <summary>.NET's patterns see UTF-16 units: a surrogate pair is shown to them as one stand-in.</summary>
    private void FindPairs(ReadOnlySpan<char> text, List<TextMatch> matches)
    {
        var shown = new StringBuilder(text.Length);
        var positions = new List<int>(text.Length + 1);
        for (int i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text[i..], out Rune rune, out int length);
            positions.Add(i);
            shown.Append(_standIns.Of(rune));
            i += length;
        }
        positions.Add(text.Length);
        int first = matches.Count;
        FindPlain(shown.ToString(), matches);
        for (int i = first; i < matches.Count; i++)
            matches[i] = matches[i] with { Start = positions[matches[i].Start], End = positions[matches[i].End] };
    }
}
