using System.Text;

namespace Cleave.Tokenizers.Templates.Runtime;

internal static class TextFilters
{
    public static Dictionary<string, Filters.Body> All { get; } = new(StringComparer.Ordinal)
    {
        ["trim"] = (run, v, a) => Changed(run, v, s => PythonText.Strip(s, Arguments.Or(a.Bind("trim", "chars")[0], null) as string, true, true)),
        ["upper"] = (run, v, a) => Changed(run, v, PythonText.Up),
        ["lower"] = (run, v, a) => Changed(run, v, PythonText.Down),
        ["capitalize"] = (run, v, a) => Changed(run, v, PythonText.Capitalize),
        ["title"] = (run, v, a) => Changed(run, v, Title),
        ["string"] = (run, v, a) => ValueText.Of(v, run.Budget),
        ["safe"] = (run, v, a) => ValueText.Of(v, run.Budget),
        ["replace"] = Replace,
        ["join"] = Join,
        ["indent"] = Indent,
        ["wordcount"] = (run, v, a) => (long)Words(ValueText.Of(v, run.Budget), run.Budget),
        ["tojson"] = ToJson,
    };

    private static string Changed(Interpreter run, object? value, Func<string, string> change)
    {
        string text = ValueText.Of(value, run.Budget);
        run.Budget.Allocate(text.Length);
        return change(text);
    }

    // A word begins after white space, a hyphen or an opening bracket; unlike Python's own title().
    private static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        bool atStart = true;
        foreach (char c in text)
        {
            title.Append(atStart ? PythonText.Up(c.ToString()) : PythonText.Down(c.ToString()));
            atStart = PythonText.IsSpace(c) || c is '-' or '(' or '{' or '[' or '<';
        }
        return title.ToString();
    }

    private static string Replace(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind(2, "replace", "old", "new", "count");
        return TextSplitting.Replace(ValueText.Of(value, run.Budget), ValueText.Of(a[0], run.Budget), ValueText.Of(a[1], run.Budget),
            a[2] is null ? -1 : Arguments.Whole(a[2], -1, "the count"), run.Budget);
    }

    private static string Join(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("join", "d", "attribute");
        object? attribute = Arguments.Or(a[1], null);
        IEnumerable<object?> items = Lists.Items(value, run.Budget);
        if (attribute is not null)
            items = items.Select(i => Members.Path(i, attribute, run.Budget));
        return TextSplitting.Join(items.Select(i => ValueText.Of(i, run.Budget)), ValueText.Of(Arguments.Or(a[0], ""), run.Budget), run.Budget);
    }

    private static string Indent(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("indent", "width", "first", "blank");
        string by = a[0] as string ?? Blanks(Arguments.Whole(a[0], 4, "the width"), run.Budget);
        bool first = Arguments.Flag(a[1], false), blank = Arguments.Flag(a[2], false);
        string[] lines = [.. TextSplitting.LinesOf(Arguments.Text(value, "what is indented") + "\n")];
        run.Budget.Allocate(lines.Sum(l => (long)l.Length + 1 + by.Length));
        return string.Join('\n', lines.Select((line, i) => (i == 0 ? first : blank || line.Length > 0) ? by + line : line));
    }

    private static string Blanks(long count, Budget budget)
    {
        budget.Allocate(Math.Max(0, count));
        return new string(' ', (int)Math.Clamp(count, 0, int.MaxValue));
    }

    private static int Words(string text, Budget budget)
    {
        budget.Step(1 + text.Length / 4);
        int words = 0;
        bool inWord = false;
        foreach (char c in text)
        {
            bool now = char.IsLetterOrDigit(c) || c == '_';
            words += now && !inWord ? 1 : 0;
            inWord = now;
        }
        return words;
    }

    // As transformers redefines it for chat templates: json.dumps, which leaves <, > and & alone.
    private static string ToJson(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        object? indent = Arguments.Or(a[1], null);
        string? by = indent as string ?? (indent is null ? null : Blanks(Arguments.Whole(indent, 0, "the indent"), run.Budget));
        (string item, string key) = Arguments.Or(a[2], null) is Sequence { Items: [string i, string k] } ? (i, k) : (by is null ? ", " : ",", ": ");
        var style = new ValueText.JsonStyle(by, item, key, Arguments.Flag(a[3], false), Arguments.Flag(a[0], false));
        return ValueText.Json(value, style, run.Budget);
    }
}
