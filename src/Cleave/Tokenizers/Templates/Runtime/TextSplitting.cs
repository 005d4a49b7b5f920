using System.Text;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Texts taken apart, put together, and changed in places; as Python does it.</summary>
internal static class TextSplitting
{
    public static Sequence Split(string text, Arguments arguments, Budget budget, bool fromRight)
    {
        object?[] a = arguments.Bind(fromRight ? "rsplit" : "split", "sep", "maxsplit");
        object? separator = Arguments.Or(a[0], null);
        long most = Arguments.Whole(a[1], -1, "'maxsplit'");
        budget.Allocate(text.Length);
        int splits = most is < 0 or > int.MaxValue ? int.MaxValue : (int)most;
        List<string> parts = separator is null ? AtSpace(text, splits, fromRight)
            : Arguments.Text(separator, "a separator") is { Length: > 0 } s ? At(text, s, splits, fromRight) : throw new RuntimeFault("the separator is empty");
        budget.Allocate(parts.Count);
        return new Sequence([.. parts]);
    }

    private static List<string> At(string text, string separator, int splits, bool fromRight)
    {
        var parts = new List<string>();
        int from = 0, to = text.Length;
        while (parts.Count < splits)
        {
            int at = fromRight ? text.AsSpan(0, to).LastIndexOf(separator) : text.IndexOf(separator, from, StringComparison.Ordinal);
            if (at < 0)
                break;
            parts.Add(fromRight ? text[(at + separator.Length)..to] : text[from..at]);
            (from, to) = fromRight ? (from, at) : (at + separator.Length, to);
        }
        parts.Add(text[from..to]);
        if (fromRight)
            parts.Reverse();
        return parts;
    }

    private static List<string> AtSpace(string text, int splits, bool fromRight)
    {
        var parts = new List<string>();
        string rest = PythonText.Strip(text, null, !fromRight, fromRight);
        while (rest.Length > 0)
        {
            int at = parts.Count >= splits ? -1 : fromRight ? LastSpace(rest) : FirstSpace(rest);
            if (at < 0)
            {
                parts.Add(PythonText.Strip(rest, null, fromRight, !fromRight && parts.Count < splits));
                break;
            }
            parts.Add(fromRight ? rest[(at + 1)..] : rest[..at]);
            rest = PythonText.Strip(fromRight ? rest[..at] : rest[at..], null, !fromRight, fromRight);
        }
        parts.RemoveAll(p => p.Length == 0);
        if (fromRight)
            parts.Reverse();
        return parts;
    }

    private static int FirstSpace(string text)
    {
        int at = 0;
        while (at < text.Length && !PythonText.IsSpace(text[at]))
            at++;
        return at < text.Length ? at : -1;
    }

    private static int LastSpace(string text)
    {
        int at = text.Length - 1;
        while (at >= 0 && !PythonText.IsSpace(text[at]))
            at--;
        return at;
    }

    public static Sequence Lines(string text, Arguments arguments, Budget budget)
    {
        bool keep = Arguments.Flag(arguments.Bind("splitlines", "keepends")[0], false);
        budget.Allocate(text.Length);
        return new Sequence([.. LinesOf(text, keep)]);
    }

    /// <summary>The lines of a text; a line break at the end begins no further one.</summary>
    public static IEnumerable<string> LinesOf(string text, bool keepEnds = false)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = start;
            while (end < text.Length && text[end] is not ('\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029'))
                end++;
            int next = end == text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            yield return text[start..(keepEnds ? next : end)];
            start = next;
        }
    }

    public static string Join(IEnumerable<string> parts, string separator, Budget budget)
    {
        var text = new StringBuilder();
        bool first = true;
        foreach (string part in parts)
        {
            budget.Allocate((long)part.Length + separator.Length);
            if (!first)
                text.Append(separator);
            first = false;
            text.Append(part);
        }
        return text.ToString();
    }

    public static long Count(string text, string part, Budget budget)
    {
        budget.Step(1 + text.Length / 4);
        if (part.Length == 0)
            return PythonText.Length(text) + 1;
        long count = 0;
        for (int at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length)
            count++;
        return count;
    }

    /// <param name="most">Below 0: all of them.</param>
    public static string Replace(string text, string old, string with, long most, Budget budget)
    {
        long count = Count(text, old, budget);
        count = most >= 0 ? Math.Min(count, most) : count;
        budget.Allocate(Math.Max(0, text.Length + count * ((long)with.Length - old.Length)));
        if (count == 0)
            return text;
        var changed = new StringBuilder();
        if (old.Length == 0)
        {
            string[] characters = PythonText.Characters(text);
            for (int i = 0; i <= characters.Length; i++)
                changed.Append(i < count ? with : "").Append(i < characters.Length ? characters[i] : "");
            return changed.ToString();
        }
        int from = 0;
        for (; count > 0; count--)
        {
            int at = text.IndexOf(old, from, StringComparison.Ordinal);
            changed.Append(text, from, at - from).Append(with);
            from = at + old.Length;
        }
        return changed.Append(text, from, text.Length - from).ToString();
    }
}
