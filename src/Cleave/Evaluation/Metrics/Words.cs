using System.Text;
using System.Text.RegularExpressions;

namespace Cleave.Evaluation.Metrics;

/// <summary>The two ways in which the field cuts a text into words for scoring.</summary>
internal static partial class Words
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    private static readonly char[] WhiteSpace = [.. Enumerable.Range(0, 0x10000).Select(c => (char)c).Where(char.IsWhiteSpace)];

    /// <summary>SQuAD: lower case, without ASCII punctuation and the words a, an, the, at white space (Rajpurkar et al.
    /// 2016).</summary>
    public static IReadOnlyList<string> Squad(string text)
    {
        var kept = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (!Punctuation.Contains(c))
                kept.Append(char.ToLowerInvariant(c));
        }
        return Articles().Replace(kept.ToString(), " ").Split(WhiteSpace, StringSplitOptions.RemoveEmptyEntries);
    }

    [GeneratedRegex(@"\b(?:a|an|the)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Articles();

    /// <summary>
    /// ROUGE as it is commonly computed: lower case, runs of a–z and 0–9. A text without any such character (another
    /// script) is cut into runs of letters and digits instead, where the common way would find no words at all.
    /// </summary>
    public static IReadOnlyList<string> Rouge(string text)
    {
        string lower = text.ToLowerInvariant();
        List<string> words = Runs(lower, char.IsAsciiLetterOrDigit);
        return words.Count > 0 ? words : Runs(lower, char.IsLetterOrDigit);
    }

    private static List<string> Runs(string text, Func<char, bool> inside)
    {
        var words = new List<string>();
        int start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && inside(text[i]))
                continue;
            if (i > start)
                words.Add(text[start..i]);
            start = i + 1;
        }
        return words;
    }
}
