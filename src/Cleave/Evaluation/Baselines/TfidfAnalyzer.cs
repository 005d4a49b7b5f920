using System.Globalization;
using System.Text;

namespace Cleave.Evaluation.Baselines;

/// <summary>Which terms scikit-learn's vectorizer takes from a text.</summary>
public enum TermKind
{
    /// <summary>Word n-grams: words are runs of at least two letters, digits or underscores, joined by one blank.</summary>
    Words,

    /// <summary>Character n-grams inside blank-separated words with a blank at each end (<c>char_wb</c>).</summary>
    Characters,
}

/// <summary>
/// Cuts a text into terms as scikit-learn's <c>TfidfVectorizer</c> does by default (lower case, its token
/// pattern). Case mapping is the simple one: the few characters whose lower case is two differ.
/// </summary>
internal sealed class TfidfAnalyzer(TermKind kind, int minOrder, int maxOrder)
{
    private readonly StringBuilder _words = new();
    private readonly List<(int Start, int End)> _tokens = [];
    private readonly List<int> _points = [];

    /// <summary>Calls <paramref name="term"/> for every term, repeats included.</summary>
    public void Analyze(string text, Action<ReadOnlySpan<char>> term)
    {
        text = text.ToLowerInvariant();
        if (kind == TermKind.Words)
            Words(text, term);
        else
            Characters(text, term);
    }

    private void Words(string text, Action<ReadOnlySpan<char>> term)
    {
        _words.Clear();
        _tokens.Clear();
        for (int i = 0; i < text.Length;)
        {
            int start = i, points = 0;
            while (i < text.Length && IsWord(text, i, out int units))
            {
                i += units;
                points++;
            }
            if (points >= 2)
            {
                _words.Append(_words.Length > 0 ? " " : "");
                _tokens.Add((_words.Length, _words.Length + i - start));
                _words.Append(text, start, i - start);
            }
            if (i == start)
                i++;
        }
        string joined = _words.ToString();
        for (int order = minOrder; order <= maxOrder; order++)
        {
            for (int first = 0; first + order <= _tokens.Count; first++)
                term(joined.AsSpan(_tokens[first].Start.._tokens[first + order - 1].End));
        }
    }

    private void Characters(string text, Action<ReadOnlySpan<char>> term)
    {
        for (int i = 0; i < text.Length;)
        {
            int start = i;
            while (i < text.Length && !IsWhite(text[i]))
                i++;
            if (i > start)
                Word(string.Concat(" ", text.AsSpan(start, i - start), " "), term);
            else
                i++;
        }
    }

    private void Word(string padded, Action<ReadOnlySpan<char>> term)
    {
        _points.Clear();
        for (int i = 0; i < padded.Length; i += char.IsSurrogatePair(padded, i) ? 2 : 1)
            _points.Add(i);
        _points.Add(padded.Length);
        int length = _points.Count - 1;
        for (int order = minOrder; order <= Math.Min(maxOrder, length); order++)
        {
            for (int first = 0; first + order <= length; first++)
                term(padded.AsSpan(_points[first].._points[first + order]));
        }
        // A word shorter than the smallest order counts once, whole.
        if (length < minOrder)
            term(padded);
    }

    /// <summary>Python's <c>\w</c>: letters, numbers of every kind, underscore.</summary>
    private static bool IsWord(string text, int at, out int units)
    {
        Rune.DecodeFromUtf16(text.AsSpan(at), out Rune rune, out units);
        if (rune.Value == '_' || Rune.IsLetterOrDigit(rune))
            return true;
        return Rune.GetUnicodeCategory(rune) is UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
    }

    /// <summary>What Python's <c>str.split</c> splits at.</summary>
    private static bool IsWhite(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';
}
