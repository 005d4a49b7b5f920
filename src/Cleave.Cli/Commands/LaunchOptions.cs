using System.CommandLine;
using System.Reflection;
using Cleave.Cli.Shell;
using Cleave.Tuning.Launch;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary>How <c>cleave tune</c> and <c>cleave split</c> are told to start workers elsewhere.</summary>
internal static class LaunchOptions
{
    public static readonly Option<string?> Launch = new("--launch")
    {
        Description = "Start N workers that take the trials, and follow them: local:N processes, a slurm:N job array, or a kubernetes:N Job.",
        HelpName = "WHERE:N",
    };

    public static readonly Option<bool> DryRun = new("--dry-run") { Description = "With --launch: print what would be submitted, and do nothing." };

    public static readonly Option<string[]> Sbatch = new("--sbatch") { Description = "With --launch slurm: an option of sbatch, such as --sbatch=--partition=long; may be repeated.", HelpName = "OPTION" };

    public static readonly Option<string?> Image = new("--image") { Description = "With --launch kubernetes: the container image with cleave, and for a study with its command.", HelpName = "NAME" };

    public static readonly Option<string?> Namespace = new("--namespace") { Description = "With --launch kubernetes: the namespace, in place of kubectl's own.", HelpName = "NAME" };

    public static readonly Option<string?> Secret = new("--secret") { Description = "With --launch kubernetes: a Secret whose key 'storage' is the workers' --storage.", HelpName = "NAME" };

    public static readonly Option<string?> Volume = new("--volume") { Description = "With --launch kubernetes: a PersistentVolumeClaim and where the workers see it, such as --volume data:/data.", HelpName = "CLAIM:PATH" };

    private static readonly (Option Option, string Kind)[] OfOneKind = [(Sbatch, "slurm"), (Image, "kubernetes"), (Namespace, "kubernetes"), (Secret, "kubernetes"), (Volume, "kubernetes")];

    /// <summary>All of them, as a verb takes them.</summary>
    public static Option[] All => [Launch, DryRun, Sbatch, Image, Namespace, Secret, Volume];

    /// <summary>The launcher that is asked for; null for none.</summary>
    /// <param name="name">What the workers work on.</param>
    /// <param name="address">Where the workers find it.</param>
    /// <param name="folder">Where workers begin.</param>
    /// <param name="output">Where logs and scripts go.</param>
    /// <param name="arguments">A worker's command line behind the program and before the address, by where it runs.</param>
    /// <exception cref="CleaveException">Options that do not fit together.</exception>
    public static ILauncher? Create(Call call, string name, string? address, string folder, string output, Func<string, IEnumerable<string>> arguments)
    {
        (string Kind, int Count)? asked = Asked(call);
        if (asked is null && call.Get(DryRun))
            throw new CleaveException("--dry-run is for --launch");
        foreach ((Option option, string kind) in OfOneKind)
        {
            if (call.Given(option) && asked?.Kind != kind)
                throw new CleaveException($"{option.Name} is for --launch {kind}");
        }
        if (asked is not var (where, count))
            return null;
        if (where != "local" && (address is null || !StudyCatalogs.SpansMachines(address)))
            throw new CleaveException($"--launch {where} needs studies that every machine reaches: give --storage postgres://…");
        var job = new WorkerJob(name, count, [.. Program(where), .. arguments(where), .. StorageArguments(call, where, address!)], folder, Path.GetFullPath(output));
        return where switch
        {
            "local" => new LocalLauncher(job),
            "slurm" => new SlurmLauncher(job, call.Get(Sbatch) ?? []),
            _ => new KubernetesLauncher(job, new KubernetesOptions(
                call.Get(Image) ?? throw new CleaveException("--launch kubernetes needs --image: a container image with cleave"), call.Get(Namespace), call.Get(Secret), Mount(call))),
        };
    }

    /// <summary>Where workers are to be started, and how many; null for nowhere.</summary>
    public static (string Kind, int Count)? Asked(Call call) => call.Get(Launch) is { } text ? Launchers.Parse(text) : null;

    /// <summary>Prints what would be started.</summary>
    public static int Preview(Call call, ILauncher launcher)
    {
        if (call.Json)
        {
            call.WriteJson(w =>
            {
                w.WriteStartObject();
                w.WriteString("launch", launcher.Preview);
                w.WriteEndObject();
            });
        }
        else
        {
            call.Out.Write(launcher.Preview);
        }
        return Exit.Done;
    }

    private static (string Claim, string Path)? Mount(Call call) => call.Get(Volume) is not { } text ? null
        : text.Split(':', 2) is [{ Length: > 0 } claim, ['/', ..] path] ? (claim, path)
        : throw new CleaveException($"--volume {text}: is a PersistentVolumeClaim and an absolute path, such as data:/data");

    /// <summary>This program; in a container, the one that is installed there.</summary>
    private static string[] Program(string where) => where == "kubernetes" ? ["cleave"]
        : Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.ProcessPath!, Assembly.GetEntryAssembly()!.Location]
        : [Environment.ProcessPath!];

    private static IEnumerable<string> StorageArguments(Call call, string where, string address)
    {
        // What the environment says, it says to the workers, too; so a password need not be written down.
        if (where == "kubernetes" ? call.Get(Secret) is not null : !call.Given(StudyOptions.Storage) && StudyCatalogs.SpansMachines(address))
            yield break;
        if (StudyCatalogs.HasPassword(address))
            throw new CleaveException($"--storage holds a password, which does not belong on a worker's command line: give the address by {KubernetesLauncher.StorageVariable} or --secret, or the password by PGPASSFILE");
        yield return "--storage";
        yield return address;
    }
}
