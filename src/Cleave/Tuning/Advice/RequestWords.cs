using System.Globalization;
using System.Text.RegularExpressions;

namespace Cleave.Tuning.Advice;

/// <summary>One word, number or sign of a request.</summary>
/// <param name="Text">In lower case, without a plural's s; empty for a number.</param>
/// <param name="Number">Null for anything else; NaN for digits that could be read in two ways.</param>
/// <param name="From">Where it begins in the request.</param>
internal readonly record struct RequestWord(string Text, double? Number, int From, int To)
{
    /// <summary>Whether a sentence or a part of one ends here.</summary>
    public bool IsEnd => Text is "." or ";" or "!" or "?" or "\n";
}

/// <summary>Plain words taken apart: names in snake_case, kebab-case and camelCase are several words.</summary>
internal static partial class RequestWords
{
    /// <summary>The longest request; what is longer is no request.</summary>
    public const int MostCharacters = 20_000;

    private static readonly Dictionary<string, double> Spelled = new(StringComparer.Ordinal)
    {
        ["zero"] = 0,
        ["one"] = 1,
        ["two"] = 2,
        ["three"] = 3,
        ["four"] = 4,
        ["five"] = 5,
        ["six"] = 6,
        ["seven"] = 7,
        ["eight"] = 8,
        ["nine"] = 9,
        ["ten"] = 10,
        ["eleven"] = 11,
        ["twelve"] = 12,
    };

    /// <exception cref="CleaveException">The text is too long.</exception>
    public static List<RequestWord> Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MostCharacters)
            throw new CleaveException($"a request has at most {MostCharacters} characters, not {text.Length}");
        var words = new List<RequestWord>();
        foreach (Match match in Token().Matches(text))
        {
            if (match.Groups["number"].Success)
                words.Add(Number(match, words, text));
            else if (match.Groups["word"].Success)
                AddParts(words, match);
            else if (!Joins(text, match.Index))
                words.Add(new RequestWord(match.Value, null, match.Index, match.Index + match.Length));
        }
        return words;
    }

    /// <summary>The words of a name or of a choice, for comparison with those of a request.</summary>
    public static string[] OfName(string name) => [.. Of(name).Select(Plain)];

    public static string Plain(RequestWord word) => word.Number is { } n ? n.ToString("R", CultureInfo.InvariantCulture) : word.Text;

    /// <summary>A number's value, spelled or in digits; null for anything else.</summary>
    public static double? Value(RequestWord word) => word.Number ?? (Spelled.TryGetValue(word.Text, out double value) ? value : null);

    private static void AddParts(List<RequestWord> words, Match match)
    {
        foreach (Match part in Part().Matches(match.Value))
        {
            int from = match.Index + part.Index;
            words.Add(new RequestWord(Singular(part.Value.ToLowerInvariant()), null, from, from + part.Length));
        }
    }

    /// <summary>The hyphen of learning-rate; not that of 3-10.</summary>
    private static bool Joins(string text, int at) =>
        text[at] == '-' && at > 0 && at + 1 < text.Length && char.IsLetter(text[at - 1]) && char.IsLetterOrDigit(text[at + 1]);

    private static string Singular(string word) => word.Length > 3 && word[^1] == 's' && word[^2] != 's' ? word[..^1] : word;

    private static RequestWord Number(Match match, List<RequestWord> before, string text)
    {
        int from = match.Index, to = from + match.Length;
        string digits = match.Groups["digits"].Value.Replace('−', '-');
        // 3-10 is a range, and so is 3 -10; a sign stands where no number stands before it.
        if (digits[0] is '-' or '+' && before.Count > 0 && before[^1].Number is not null)
        {
            before.Add(new RequestWord("-", null, from, from + 1));
            (digits, from) = (digits[1..], from + 1);
        }
        double value = match.Groups["grouped"].Success ? double.NaN // 16,320 is one number or two
            : double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed) && double.IsFinite(parsed) ? parsed : double.NaN;
        if (match.Groups["power"].Success)
            value = (match.Groups["times"].Success ? value : 1) * Math.Pow(10, int.Parse(match.Groups["power"].Value.Replace('−', '-'), CultureInfo.InvariantCulture));
        bool percent = match.Groups["unit"].Value == "%" && before.Count > 1 && before[^1].Text is "to" or "-" or "–" or "and" or "or";
        if (percent && before[^2].Number is { } first && text[before[^2].To - 1] != '%')
            before[^2] = before[^2] with { Number = Rounded(first * 0.01) }; // 5 to 10%
        value *= match.Groups["unit"].Value switch { "k" or "K" => 1e3, "M" => 1e6, "%" => 0.01, _ => 1 };
        return new RequestWord("", double.IsFinite(value) ? Rounded(value) : double.NaN, from, to);
    }

    // 5 × 10^-6 is not to be 4.9999999999999996e-06.
    private static double Rounded(double value) => double.Parse(value.ToString("G15", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    [GeneratedRegex("""
        (?<number>
            (?<digits>(?<sign>(?<![\w)\]])[-+−])?(?<!\w)(?<!\w\.)10)\^(?<power>[-−]?\d{1,3})(?!\w)
          | (?<digits>(?<sign>(?<![\w)\]])[-+−])?(?<!\w)(?<!\w\.)\d+(?<grouped>(?:,\d{3})+(?!\d))?(?:\.\d+)?(?:[eE][-+]?\d+)?)
                (?<times>\s?[x×*·]\s?10\^(?<power>[-−]?\d{1,3}))?(?<unit>[kKM](?!\w)|%)?(?!\w)
          | (?<digits>(?<sign>(?<![\w)\]])[-+−])?(?<![\w.])\.\d+(?:[eE][-+]?\d+)?)(?<unit>%)?(?!\w)
        )
        | (?<word>\w+)
        | \.\. | >= | <= | != | \.(?=\s|$) | \n(?=\s*(?:\n|[-*•]\s)) | [;!?=<>≥≤\[\]{}(),:/–—+-]
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Token();

    [GeneratedRegex("[A-Z]+(?![a-z])|[A-Z]?[^A-Z_]+", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Part();
}
