using System.CommandLine;
using Cleave.Cli.Commands;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Threading;

namespace Cleave.Cli.Shell;

/// <summary>The whole program, in process: arguments and streams in, exit status out.</summary>
/// <param name="verbs">Names of commands and how each is built; only the one that is asked for is built.</param>
internal sealed class App(Streams streams, IReadOnlyList<(string Name, Func<Verb> Create)> verbs)
{
    private static readonly ParserConfiguration Parsing = new()
    {
        EnablePosixBundling = false,
        ResponseFileTokenReplacer = null, // a prompt may start with @
    };

    // What all processes of a job fail of is said by the first, which ends the others in this time.
    private static readonly TimeSpan Courtesy = TimeSpan.FromSeconds(2);

    private Call? _call;

    /// <summary>Sets the number of threads that kernels use.</summary>
    public Action<int> ConfigureThreads { get; init; } = ThreadTeam.Configure;

    public App(Streams streams) : this(streams, Verbs.All) { }

    public static string Version => typeof(App).Assembly.GetName().Version!.ToString(3);

    public int Run(string[] args, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args is ["help", ..])
            args = [.. args[1..], "--help"];
        try
        {
            int status = Dispatch(args, cancel);
            streams.Out.Flush();
            streams.OutBytes.Flush();
            return status;
        }
        catch (Exception e)
        {
            FlushQuietly();
            LetTheFirstSpeak();
            int status = Failure.Report(e, streams.Error, _call?.Verbose ?? false, _call?.Resumable ?? false, cancel);
            _call?.Ranks?.Abort(status);
            return status;
        }
    }

    /// <summary>What is wrong with a command line, or null where it can be run; runs nothing.</summary>
    internal string? Check(string[] args) =>
        CommandName(args) is not { } name ? null
        : Parse(args, name) is { } parsed ? Usage.Problem(parsed, args)
        : Usage.UnknownCommand(name, verbs.Select(v => v.Name), "cleave");

    private int Dispatch(string[] args, CancellationToken cancel)
    {
        if (CommandName(args) is not { } name)
            return WithoutCommand(args);
        if (Parse(args, name) is not { } parsed)
            return Wrong(Usage.UnknownCommand(name, verbs.Select(v => v.Name), "cleave"));
        var verb = (Verb)parsed.CommandResult.Command;
        if (parsed.GetValue(SharedOptions.Help))
        {
            HelpText.Write(verb, streams.Out);
            return Exit.Done;
        }
        if (Usage.Problem(parsed, args) is { } problem)
            return Wrong(problem);
        _call = new Call(parsed, streams, cancel);
        if (_call.Threads is { } threads)
        {
            if (threads < 1 || threads > Environment.ProcessorCount)
                return Wrong($"--threads {threads} must be from 1 to this machine's {Environment.ProcessorCount} processors");
            ConfigureThreads(threads);
        }
        return verb.Handler!(_call);
    }

    private static string? CommandName(string[] args) => Array.Find(args, a => !a.StartsWith('-'));

    private ParseResult? Parse(string[] args, string name)
    {
        Func<Verb>? create = verbs.FirstOrDefault(v => v.Name == name).Create;
        if (create is null)
            return null;
        var root = new Verb("cleave", "") { SharedOptions.Help, SharedOptions.Quiet, SharedOptions.Verbose };
        root.Add(create());
        return root.Parse(args, Parsing);
    }

    private int WithoutCommand(string[] args)
    {
        string[] known = ["--version", "--help", "-h", "-?", "--quiet", "--verbose"];
        if (Array.Find(args, a => !known.Contains(a)) is { } stranger)
            return Wrong(Usage.UnknownOption(stranger, known, "cleave"));
        if (args.Contains("--version"))
            streams.Out.WriteLine($"cleave {Version}");
        else
            HelpText.WriteRoot(verbs.Select(v => v.Create()), streams.Out);
        return Exit.Done;
    }

    private int Wrong(string problem)
    {
        LetTheFirstSpeak();
        streams.Error.WriteLine($"cleave: {problem}");
        return Exit.Wrong;
    }

    private static void LetTheFirstSpeak()
    {
        if (JobLaunch.Current is { Rank: > 0 })
            Thread.Sleep(Courtesy);
    }

    // What was produced before the failure belongs to the reader; a second failure adds nothing.
    private void FlushQuietly()
    {
        try
        {
            streams.Out.Flush();
        }
        catch (Exception e) when (e is BrokenPipeException or CleaveException or IOException)
        {
            // The first failure is the one to report.
        }
    }
}
