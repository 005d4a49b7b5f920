using System.Text;
using Cleave.Cli.Shell;

namespace Cleave.Tests.Cli;

/// <summary>Runs the program in process and keeps what it wrote.</summary>
internal sealed record CommandLine(int Status, string Output, string Error)
{
    public static CommandLine Run(params string[] args) => RunWith("", CancellationToken.None, args);

    public static CommandLine RunWith(string input, CancellationToken cancel, params string[] args)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter { NewLine = "\n" };
        using var streams = new Streams(new StringReader(input), output, error);
        int status = new App(streams).Run(args, cancel);
        return new CommandLine(status, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    public static CommandLine RunVerb(Verb verb, CancellationToken cancel, params string[] args)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter { NewLine = "\n" };
        using var streams = new Streams(TextReader.Null, output, error);
        int status = new App(streams, [(verb.Name, () => verb)]).Run([verb.Name, .. args], cancel);
        return new CommandLine(status, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    /// <summary>Standard error as the one line that a wrong request gives.</summary>
    public string OneLineError()
    {
        Assert.EndsWith("\n", Error, StringComparison.Ordinal);
        Assert.StartsWith("cleave: ", Error, StringComparison.Ordinal);
        string line = Error[..^1];
        Assert.DoesNotContain('\n', line);
        return line;
    }
}
