using System.Text;

namespace Cleave.Serving.Pipelines;

/// <summary>Cuts texts into parts that a module is asked about one by one; no part begins or ends with white space.</summary>
public static class TextChunks
{
    // Words longer than this are looked at piece by piece, so that a text without white space costs no more than others.
    private const int MostCharactersOfToken = 16;
    private const string Enders = ".!?…", WideEnders = "。！？", Closers = "\"'”’»)]}」』）";

    /// <summary>
    /// Sentences: up to a line's end; up to <c>. ! ? …</c> and the quotation marks and brackets that close behind it, where white
    /// space follows, unless a lower-case letter comes next behind a full stop or the full stop belongs to a single letter
    /// (an initial); up to <c>。 ！ ？</c>.
    /// </summary>
    public static IReadOnlyList<Range> Sentences(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sentences = new List<Range>();
        int start = 0, at = 0;
        while (at < text.Length)
        {
            int end = at + 1;
            bool ends = text[at] is '\n' or '\r' or '\u2028' or '\u2029';
            if (Enders.Contains(text[at]) || WideEnders.Contains(text[at]))
            {
                while (end < text.Length && (Enders.Contains(text[end]) || WideEnders.Contains(text[end])))
                    end++;
                char last = text[end - 1];
                bool initial = last == '.' && end - at == 1 && IsInitial(text, at);
                while (end < text.Length && Closers.Contains(text[end]))
                    end++;
                ends = WideEnders.Contains(last) || (!initial && IsGap(text, end, last));
            }
            if (ends)
            {
                Add(sentences, text, start, end);
                start = end;
            }
            at = end;
        }
        Add(sentences, text, start, text.Length);
        return sentences;
    }

    /// <summary>Stretches of whole words, each as long as it can be; a word that is longer by itself is cut.</summary>
    /// <param name="most">Most tokens of a stretch.</param>
    /// <param name="count">Tokens of a text; more for a longer one.</param>
    public static IReadOnlyList<Range> Tokens(string text, int most, Func<string, int> count)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        ArgumentNullException.ThrowIfNull(count);
        var stretches = new List<Range>();
        int start = 0, longest = (int)Math.Min(int.MaxValue, (long)most * MostCharactersOfToken);
        while (NextWord(text, start, longest) is { } word)
        {
            start = word.Start;
            int[] ends = [.. Ends(text, start, most, longest)];
            int fit = Longest(ends.Length, i => count(text[start..ends[i]]) <= most);
            int end = fit > 0 ? ends[fit - 1] : CutWord(text, start, ends[0], most, count);
            stretches.Add(start..end);
            start = end;
        }
        return stretches;
    }

    // The ends of the next words: no more than a stretch can have, as a word is a token at least.
    private static IEnumerable<int> Ends(string text, int start, int most, int longest)
    {
        for (int n = 0; n < most && NextWord(text, start, longest) is { } word; n++)
            yield return start = word.End;
    }

    private static int CutWord(string text, int start, int end, int most, Func<string, int> count)
    {
        var cuts = new List<int>();
        int at = start;
        foreach (Rune rune in text.AsSpan(start, end - start).EnumerateRunes())
            cuts.Add(at += rune.Utf16SequenceLength);
        int fit = Longest(cuts.Count, i => count(text[start..cuts[i]]) <= most);
        return cuts[Math.Max(0, fit - 1)]; // a character that is more than a stretch by itself is one
    }

    /// <summary>How many of the first indices hold, by doubling and halving.</summary>
    private static int Longest(int count, Func<int, bool> holds)
    {
        int low = 0, step = 1; // the first 'low' hold
        while (low + step <= count && holds(low + step - 1))
        {
            low += step;
            step *= 2;
        }
        for (; step > 0; step /= 2)
        {
            if (low + step <= count && holds(low + step - 1))
                low += step;
        }
        return low;
    }

    private static (int Start, int End)? NextWord(string text, int from, int longest)
    {
        while (from < text.Length && char.IsWhiteSpace(text[from]))
            from++;
        int end = from;
        while (end < text.Length && !char.IsWhiteSpace(text[end]) && (end - from < longest || char.IsLowSurrogate(text[end])))
            end++;
        return end > from ? (from, end) : null;
    }

    private static bool IsInitial(string text, int stop) =>
        stop > 0 && char.IsUpper(text[stop - 1]) && (stop == 1 || !char.IsLetterOrDigit(text[stop - 2]));

    // What follows a full stop in lower case goes on with the sentence ("e.g. this").
    private static bool IsGap(string text, int end, char last)
    {
        if (end == text.Length)
            return true;
        if (!char.IsWhiteSpace(text[end]))
            return false;
        int next = NextWord(text, end, 1)?.Start ?? end;
        return last != '.' || !char.IsLower(text[next]);
    }

    private static void Add(List<Range> parts, string text, int start, int end)
    {
        while (start < end && char.IsWhiteSpace(text[start]))
            start++;
        while (end > start && char.IsWhiteSpace(text[end - 1]))
            end--;
        if (end > start)
            parts.Add(start..end);
    }
}
