using System.CommandLine;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Tuning.Artifacts;
using Cleave.Tuning.Launch;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary>Options of the commands that work on shared studies.</summary>
internal static class StudyOptions
{
    public static readonly Option<string?> Storage = new("--storage")
    {
        Description = $"Where studies are that several processes share: postgres://user@host/database, or a folder for those of one machine; unless given, what {KubernetesLauncher.StorageVariable} says.",
        HelpName = "URL",
    };

    public static readonly Option<string?> Artifacts = new("--artifacts")
    {
        Description = "Where files that a trial names are copied: a folder that every worker sees, or s3://bucket/prefix.",
        HelpName = "PATH",
    };

    public static readonly Option<double> Lease = new("--lease")
    {
        Description = "Seconds after which a silent worker's trial goes to another one; for a new study.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 30,
    };

    public static readonly Option<int> Workers = new("--workers")
    {
        Description = "Processes of the command at once; with one, a seed decides everything. With --launch: in each worker.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    /// <summary>Where shared studies are, by the option or the environment; null for nowhere.</summary>
    public static string? Address(Call call)
    {
        string? address = call.Get(Storage) ?? (Environment.GetEnvironmentVariable(KubernetesLauncher.StorageVariable) is { Length: > 0 } set ? set : null);
        return address is { Length: > 0 } && !address.Contains("://", StringComparison.Ordinal) ? Path.GetFullPath(address) : address;
    }

    /// <summary>Where artifacts go; null leaves them where they are.</summary>
    public static IArtifactStore? ArtifactStore(Call call) => call.Get(Artifacts) is { } address ? ArtifactStores.Open(address) : null;

    /// <summary>Under which trials are started; two with one name do no harm.</summary>
    public static string WorkerName => string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}/{Environment.ProcessId}");

    public static StorageOptions For(Call call) => new() { Say = call.Say, Cancellation = call.Cancel };

    /// <exception cref="CleaveException">Too short to be kept, or too long to help.</exception>
    public static TimeSpan LeaseTime(Call call) => call.Get(Lease) is >= 1 and <= 86_400 and var seconds ? TimeSpan.FromSeconds(seconds)
        : throw new CleaveException("--lease is from 1 second to 86400, a day");
}
