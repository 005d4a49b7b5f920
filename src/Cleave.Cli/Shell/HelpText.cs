using System.CommandLine;
using System.Text;

namespace Cleave.Cli.Shell;

/// <summary>The help pages: description, usage, commands, arguments, options, examples.</summary>
internal static class HelpText
{
    private const int MaxLine = 100;

    public static void WriteRoot(IEnumerable<Verb> verbs, TextWriter output)
    {
        output.WriteLine("cleave: split one general language model into small specialist modules, prove each one, serve them as one");
        output.WriteLine();
        output.WriteLine("usage: cleave COMMAND [options]");
        Section(output, "commands", [.. verbs.Select(v => (v.Name, FirstSentence(v.Description)))]);
        Section(output, "options",
        [
            ("--version", "Show the version."),
            .. new Option[] { SharedOptions.Help, SharedOptions.Quiet, SharedOptions.Verbose }.Select(Row),
        ]);
        output.WriteLine();
        output.WriteLine("exit status: 0 done, 1 the verdict is no, 2 the request was wrong, 130 interrupted");
        output.WriteLine("cleave COMMAND --help tells more, with examples");
    }

    public static void Write(Verb verb, TextWriter output)
    {
        string path = Path(verb);
        output.WriteLine($"{path}: {verb.Description}");
        output.WriteLine();
        output.Write($"usage: {path}");
        if (verb.Handler is null)
            output.Write(" COMMAND");
        foreach (Argument argument in verb.Arguments)
            output.Write(argument.Arity.MinimumNumberOfValues > 0 ? $" {argument.Name}" : $" [{argument.Name}]");
        output.WriteLine(" [options]");
        if (verb.Subcommands.Count > 0)
            Section(output, "commands", [.. verb.Subcommands.Select(c => (c.Name, FirstSentence(c.Description ?? "")))]);
        if (verb.Arguments.Count > 0)
            Section(output, "arguments", [.. verb.Arguments.Select(a => (a.Name, a.Description ?? ""))]);
        Section(output, "options",
        [
            .. verb.Options.Where(o => !o.Recursive).Select(Row),
            .. new Option[] { SharedOptions.Help, SharedOptions.Quiet, SharedOptions.Verbose }.Select(Row),
        ]);
        if (verb.Guide is { } guide)
            Section(output, guide.Title, guide.Rows);
        if (verb.Examples.Count > 0)
        {
            output.WriteLine();
            output.WriteLine("examples:");
            foreach ((string line, string what) in verb.Examples)
            {
                output.WriteLine($"  # {what}");
                output.WriteLine($"  {line}");
            }
        }
    }

    /// <summary><c>cleave eval perplexity</c>: the command with those above it.</summary>
    public static string Path(Command command)
    {
        Command? parent = command.Parents.OfType<Command>().FirstOrDefault();
        return parent is null ? command.Name : $"{Path(parent)} {command.Name}";
    }

    private static (string, string) Row(Option option)
    {
        string name = option.Aliases.Where(a => a != "-?").Append(option.Name).OrderBy(n => n.Length).Aggregate((a, b) => $"{a}, {b}");
        if (option.ValueType != typeof(bool))
            name += $" {option.HelpName ?? "VALUE"}";
        string text = option.Description ?? "";
        if (option.Required)
            text += " Required.";
        else if (option.ValueType != typeof(bool) && option.HasDefaultValue && option.GetDefaultValue() is { } value and not "")
            text += $" [default: {value}]";
        return (name, text);
    }

    private static string FirstSentence(string? text)
    {
        int stop = text?.IndexOf(". ", StringComparison.Ordinal) ?? -1;
        return stop < 0 ? text ?? "" : text![..(stop + 1)];
    }

    private static void Section(TextWriter output, string title, IReadOnlyList<(string Name, string Text)> rows)
    {
        if (rows.Count == 0)
            return;
        output.WriteLine();
        output.WriteLine($"{title}:");
        int column = Math.Min(28, rows.Max(r => r.Name.Length)) + 4;
        foreach ((string name, string text) in rows)
        {
            string start = "  " + name;
            if (start.Length > column - 2)
            {
                output.WriteLine(start);
                start = "";
            }
            foreach (string line in Wrap(text, MaxLine - column))
            {
                output.WriteLine((start.PadRight(column) + line).TrimEnd());
                start = "";
            }
        }
    }

    private static List<string> Wrap(string text, int width)
    {
        var lines = new List<string>();
        var line = new StringBuilder();
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                lines.Add(line.ToString());
                line.Clear();
            }
            if (line.Length > 0)
                line.Append(' ');
            line.Append(word);
        }
        lines.Add(line.ToString());
        return lines;
    }
}
