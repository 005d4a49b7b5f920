using System.CommandLine;

namespace Cleave.Cli.Shell;

/// <summary>Exit status, the same for every command.</summary>
internal static class Exit
{
    /// <summary>The job is done.</summary>
    public const int Done = 0;

    /// <summary>The job ran and the verdict is no.</summary>
    public const int No = 1;

    /// <summary>The request was wrong, or could not be carried out; one line on standard error says why.</summary>
    public const int Wrong = 2;

    /// <summary>Interrupted by Ctrl-C or SIGTERM.</summary>
    public const int Interrupted = 130;
}

/// <summary>One command: what System.CommandLine knows, plus examples for its help and the code that runs.</summary>
internal sealed class Verb(string name, string description) : Command(name, description)
{
    private readonly List<(string Line, string What)> _examples = [];

    public IReadOnlyList<(string Line, string What)> Examples => _examples;

    /// <summary>What helps to choose among an option's values.</summary>
    public (string Title, IReadOnlyList<(string Name, string Text)> Rows)? Guide { get; private set; }

    /// <summary>The code behind the command; null for a group that only has subcommands.</summary>
    public Func<Call, int>? Handler { get; private set; }

    /// <summary>Options that several verbs share.</summary>
    public void Add(IEnumerable<Option> options)
    {
        foreach (Option option in options)
            Add(option);
    }

    public Verb Example(string line, string what)
    {
        _examples.Add((line, what));
        return this;
    }

    public Verb Advice(string title, params IReadOnlyList<(string Name, string Text)> rows)
    {
        Guide = (title, rows);
        return this;
    }

    public Verb Runs(Func<Call, int> handler)
    {
        Handler = handler;
        SetAction(static _ => Exit.Done); // never invoked: it tells the parser that no subcommand is needed
        return this;
    }
}
