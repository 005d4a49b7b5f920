using System.CommandLine;

namespace Cleave.Cli.Shell;

/// <summary>Options that mean the same in every command; a command adds those that it honours.</summary>
internal static class SharedOptions
{
    public static readonly Option<bool> Help = new("--help", "-h", "-?")
    {
        Description = "Show this help.",
        Recursive = true,
    };

    public static readonly Option<bool> Quiet = new("--quiet")
    {
        Description = "No progress and no remarks on standard error, only errors.",
        Recursive = true,
    };

    public static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "More detail on standard error; stack traces with errors.",
        Recursive = true,
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "One JSON document (or JSON lines) on standard output and nothing else.",
    };

    public static readonly Option<ulong> Seed = new("--seed")
    {
        Description = "Seed of everything random: the same seed and thread count give the same result.",
        HelpName = "N",
        DefaultValueFactory = _ => 7,
    };

    public static readonly Option<int?> Threads = new("--threads")
    {
        Description = "Threads to compute with, at most the machine's processors; unless given, one for each physical core.",
        HelpName = "N",
    };

    public static readonly Option<string?> Out = new("--out")
    {
        Description = "Where the result goes; nothing is overwritten without --force.",
        HelpName = "PATH",
    };

    public static readonly Option<bool> Resume = new("--resume")
    {
        Description = "Continue an interrupted run; the result is the same as without the interruption.",
    };

    public static readonly Option<bool> Force = new("--force")
    {
        Description = "Overwrite what is at --out.",
    };
}
