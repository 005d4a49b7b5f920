using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Values as texts: as Python's <c>str</c> and as JSON.</summary>
internal static class ValueText
{
    /// <summary>What a template writes for a value.</summary>
    public static string Of(object? value, Budget budget)
    {
        if (value is string text)
            return text;
        var builder = new StringBuilder();
        if (value is not Undefined)
            Write(builder, value, budget, 0);
        return builder.ToString();
    }

    private static void Write(StringBuilder text, object? value, Budget budget, int depth)
    {
        budget.CheckDepth(depth);
        int before = text.Length;
        switch (value)
        {
            case null: text.Append("None"); break;
            case bool flag: text.Append(flag ? "True" : "False"); break;
            case long whole: text.Append(whole.ToString(CultureInfo.InvariantCulture)); break;
            case double number: text.Append(PythonText.Of(number)); break;
            case string s: text.Append(PythonText.Quote(s)); break;
            case Undefined: text.Append("Undefined"); break;
            case Sequence { Kind: SequenceKind.List } list: WriteItems(text, '[', list.Items, ']', budget, depth); return;
            case Sequence { Kind: SequenceKind.Tuple } tuple: WriteItems(text, '(', tuple.Items, ')', budget, depth); return;
            case Mapping mapping: WriteEntries(text, mapping, budget, depth); return;
            default: throw new RuntimeFault($"{Kinds.Of(value)} cannot be written; a list of its items can, with 'list'");
        }
        budget.Allocate(text.Length - before);
    }

    private static void WriteItems(StringBuilder text, char open, List<object?> items, char close, Budget budget, int depth)
    {
        text.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0)
                text.Append(", ");
            Write(text, items[i], budget, depth + 1);
        }
        if (close == ')' && items.Count == 1)
            text.Append(',');
        text.Append(close);
    }

    private static void WriteEntries(StringBuilder text, Mapping mapping, Budget budget, int depth)
    {
        text.Append('{');
        bool first = true;
        foreach ((object? key, object? value) in mapping.Entries)
        {
            if (!first)
                text.Append(", ");
            first = false;
            Write(text, key, budget, depth + 1);
            text.Append(": ");
            Write(text, value, budget, depth + 1);
        }
        text.Append('}');
    }

    /// <summary>How JSON is written.</summary>
    /// <param name="Indent">What each level is indented by; null: all on one line.</param>
    public sealed record JsonStyle(string? Indent, string ItemSeparator, string KeySeparator, bool SortKeys, bool Ascii);

    /// <summary>JSON as Python's <c>json.dumps</c> writes it.</summary>
    public static string Json(object? value, JsonStyle style, Budget budget)
    {
        var text = new StringBuilder();
        WriteJson(text, value, style, budget, 0);
        return text.ToString();
    }

    private static void WriteJson(StringBuilder text, object? value, JsonStyle style, Budget budget, int depth)
    {
        budget.CheckDepth(depth);
        int before = text.Length;
        switch (value)
        {
            case null: text.Append("null"); break;
            case bool flag: text.Append(flag ? "true" : "false"); break;
            case long whole: text.Append(whole.ToString(CultureInfo.InvariantCulture)); break;
            case double number: text.Append(JsonNumber(number)); break;
            case string s: WriteJsonText(text, s, style.Ascii); break;
            case Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } list:
                WriteJsonItems(text, '[', ']', list.Items.Count, style, budget, depth, i => WriteJson(text, list.Items[i], style, budget, depth + 1));
                return;
            case Mapping mapping:
                (string Key, object? Value)[] entries = [.. mapping.Entries.Select(e => (JsonKey(e.Key), e.Value))];
                if (style.SortKeys)
                    Array.Sort(entries, (a, b) => PythonText.Compare(a.Key, b.Key));
                WriteJsonItems(text, '{', '}', entries.Length, style, budget, depth, i =>
                {
                    WriteJson(text, entries[i].Key, style, budget, depth + 1);
                    text.Append(style.KeySeparator);
                    WriteJson(text, entries[i].Value, style, budget, depth + 1);
                });
                return;
            default: throw (value as Undefined)?.Fault() ?? new RuntimeFault($"{Kinds.Of(value)} cannot be written as JSON");
        }
        budget.Allocate(text.Length - before);
    }

    private static void WriteJsonItems(StringBuilder text, char open, char close, int count, JsonStyle style, Budget budget, int depth, Action<int> write)
    {
        text.Append(open);
        for (int i = 0; i < count; i++)
        {
            if (i > 0)
                text.Append(style.ItemSeparator);
            NewLine(depth + 1);
            write(i);
        }
        if (count > 0)
            NewLine(depth);
        text.Append(close);

        void NewLine(int level)
        {
            if (style.Indent is not { } indent)
                return;
            budget.Allocate(1 + (long)level * indent.Length);
            text.Append('\n').Insert(text.Length, indent, level);
        }
    }

    private static string JsonNumber(double number) => double.IsNaN(number) ? "NaN" : double.IsPositiveInfinity(number) ? "Infinity"
        : double.IsNegativeInfinity(number) ? "-Infinity" : PythonText.Of(number);

    private static string JsonKey(object? key) => key switch
    {
        string text => text,
        null => "null",
        bool flag => flag ? "true" : "false",
        long whole => whole.ToString(CultureInfo.InvariantCulture),
        _ => JsonNumber((double)key),
    };

    private static void WriteJsonText(StringBuilder text, string value, bool ascii)
    {
        text.Append('"');
        foreach (char c in value)
        {
            string? escape = c switch { '"' => "\\\"", '\\' => "\\\\", '\n' => "\\n", '\r' => "\\r", '\t' => "\\t", '\f' => "\\f", '\b' => "\\b", _ => null };
            if (escape is null && (c < ' ' || (ascii && c > '~')))
                escape = $"\\u{(int)c:x4}";
            if (escape is null)
                text.Append(c);
            else
                text.Append(escape);
        }
        text.Append('"');
    }
}
