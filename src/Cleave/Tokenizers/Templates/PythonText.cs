using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Templates;

/// <summary>Texts as Python has them: white space, quoting, and positions by code point.</summary>
internal static class PythonText
{
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>The text in quotes, as Python's <c>repr</c> writes it.</summary>
    public static string Quote(string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var quoted = new StringBuilder().Append(quote);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool pair = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            int code = pair ? char.ConvertToUtf32(c, text[i + 1]) : c;
            if (c == quote || c == '\\')
                quoted.Append('\\').Append(c);
            else if (c is '\n' or '\r' or '\t')
                quoted.Append('\\').Append(c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
            else if (c == ' ' || IsPrintable(code))
                quoted.Append(c).Append(pair ? text.AsSpan(i + 1, 1) : default);
            else
                quoted.Append(code < 0x100 ? $"\\x{code:x2}" : code < 0x10000 ? $"\\u{code:x4}" : $"\\U{code:x8}");
            if (pair)
                i++;
        }
        return quoted.Append(quote).ToString();
    }

    private static bool IsPrintable(int code) => CharUnicodeInfo.GetUnicodeCategory(code) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    /// <summary>The number of code points.</summary>
    public static int Length(string text)
    {
        int count = 0;
        for (int i = 0; i < text.Length; i += Width(text, i))
            count++;
        return count;
    }

    /// <summary>The text cut into its code points.</summary>
    public static string[] Characters(string text)
    {
        var characters = new List<string>(text.Length);
        for (int i = 0; i < text.Length; i += Width(text, i))
            characters.Add(text.Substring(i, Width(text, i)));
        return [.. characters];
    }

    private static int Width(string text, int i) => i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]) ? 2 : 1;

    /// <summary>The order of code points, which is that of UTF-16 units except beside surrogates.</summary>
    public static int Compare(string a, string b)
    {
        int at = a.AsSpan().CommonPrefixLength(b);
        if (at == a.Length || at == b.Length)
            return a.Length.CompareTo(b.Length);
        bool x = char.IsSurrogate(a[at]), y = char.IsSurrogate(b[at]);
        return x != y ? x.CompareTo(y) : a[at].CompareTo(b[at]);
    }

    /// <param name="characters">What is taken from the ends; null: white space.</param>
    public static string Strip(string text, string? characters, bool left, bool right)
    {
        int start = 0, end = text.Length;
        while (left && start < end && Goes(text[start]))
            start++;
        while (right && end > start && Goes(text[end - 1]))
            end--;
        return text[start..end];

        bool Goes(char c) => characters is null ? IsSpace(c) : characters.Contains(c);
    }

    public static string Capitalize(string text) => text.Length == 0 ? text : Up(text[..Width(text, 0)]) + Down(text[Width(text, 0)..]);

    /// <summary>Every run of letters with a capital at its front.</summary>
    public static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        bool inWord = false;
        foreach (char c in text)
        {
            title.Append(inWord ? Down(c.ToString()) : Up(c.ToString()));
            inWord = char.IsLetter(c);
        }
        return title.ToString();
    }

    /// <summary>Capitals; ß becomes SS as in Python, other letters that would become several stay.</summary>
    public static string Up(string text) => text.Replace("ß", "SS", StringComparison.Ordinal).ToUpperInvariant();

    public static string Down(string text) => text.ToLowerInvariant();

    /// <summary>A number as Python's <c>repr</c> writes it: the shortest digits that give it back.</summary>
    public static string Of(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        string scientific = value.ToString("E16", CultureInfo.InvariantCulture);
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        int exponent = int.Parse(scientific.AsSpan(scientific.IndexOf('E') + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        int e = shortest.IndexOf('E');
        string mantissa = e < 0 ? shortest : shortest[..e];
        if (e >= 0)
            exponent = int.Parse(shortest.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (value != 0 && exponent is < -4 or >= 16)
        {
            string digits = mantissa.Replace("-", "", StringComparison.Ordinal).Replace(".", "", StringComparison.Ordinal).TrimStart('0').TrimEnd('0');
            string point = digits.Length > 1 ? $"{digits[0]}.{digits[1..]}" : digits;
            return $"{(value < 0 ? "-" : "")}{point}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        if (e >= 0)
            mantissa = decimal.Parse(shortest, NumberStyles.Float, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
        return mantissa.Contains('.') ? mantissa : mantissa + ".0";
    }
}
