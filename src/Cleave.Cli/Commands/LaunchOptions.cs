using System.CommandLine;
using System.Globalization;
using System.Reflection;
using Cleave.Cli.Shell;
using Cleave.Tuning.Launch;
using Cleave.Tuning.Objectives;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary>How <c>cleave tune</c> is told to start workers elsewhere.</summary>
internal static class LaunchOptions
{
    public static readonly Option<string?> Launch = new("--launch")
    {
        Description = "Start N workers and follow the study: local:N processes, a slurm:N job array, or a kubernetes:N Job.",
        HelpName = "WHERE:N",
    };

    public static readonly Option<bool> DryRun = new("--dry-run") { Description = "With --launch: print what would be submitted, and do nothing." };

    public static readonly Option<string[]> Sbatch = new("--sbatch") { Description = "With --launch slurm: an option of sbatch, such as --sbatch=--partition=long; may be repeated.", HelpName = "OPTION" };

    public static readonly Option<string?> Image = new("--image") { Description = "With --launch kubernetes: the container image with cleave and the study's command.", HelpName = "NAME" };

    public static readonly Option<string?> Namespace = new("--namespace") { Description = "With --launch kubernetes: the namespace, in place of kubectl's own.", HelpName = "NAME" };

    public static readonly Option<string?> Secret = new("--secret") { Description = "With --launch kubernetes: a Secret whose key 'storage' is the workers' --storage.", HelpName = "NAME" };

    private static readonly (Option Option, string Kind)[] OfOneKind = [(Sbatch, "slurm"), (Image, "kubernetes"), (Namespace, "kubernetes"), (Secret, "kubernetes")];

    /// <summary>The launcher that is asked for; null for none.</summary>
    /// <param name="address">Where the workers find the study.</param>
    /// <param name="folder">Where logs and scripts go.</param>
    /// <exception cref="CleaveException">Options that do not fit together.</exception>
    public static ILauncher? Create(Call call, StudyFile file, string? address, string folder)
    {
        (string Kind, int Count)? asked = call.Get(Launch) is { } text ? Launchers.Parse(text) : null;
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
        var job = new WorkerJob(file.Definition.Name, count, [.. Program(where), .. Arguments(call, file, where, address!)], file.Folder, Path.GetFullPath(folder));
        return where switch
        {
            "local" => new LocalLauncher(job),
            "slurm" => new SlurmLauncher(job, call.Get(Sbatch) ?? []),
            _ => new KubernetesLauncher(job, new KubernetesOptions(
                call.Get(Image) ?? throw new CleaveException("--launch kubernetes needs --image: a container image with cleave and the study's command"), call.Get(Namespace), call.Get(Secret))),
        };
    }

    /// <summary>This program; in a container, the one that is installed there.</summary>
    private static string[] Program(string where) => where == "kubernetes" ? ["cleave"]
        : Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.ProcessPath!, Assembly.GetEntryAssembly()!.Location]
        : [Environment.ProcessPath!];

    private static IEnumerable<string> Arguments(Call call, StudyFile file, string where, string address)
    {
        yield return "worker";
        // What the environment says, it says to the workers, too; so a password need not be written down.
        if (where == "kubernetes" ? call.Get(Secret) is null : call.Given(StudyOptions.Storage) || !StudyCatalogs.SpansMachines(address))
        {
            if (StudyCatalogs.HasPassword(address))
                throw new CleaveException($"--storage holds a password, which does not belong on a worker's command line: give the address by {KubernetesLauncher.StorageVariable} or --secret, or the password by PGPASSFILE");
            yield return "--storage";
            yield return address;
        }
        yield return "--study";
        yield return file.Definition.Name;
        if (call.Given(StudyOptions.Workers))
        {
            yield return "--workers";
            yield return call.Positive(StudyOptions.Workers).ToString(CultureInfo.InvariantCulture);
        }
        if (where != "kubernetes")
        {
            yield return "--folder";
            yield return file.Folder;
        }
        if (call.Get(StudyOptions.Artifacts) is { } artifacts)
        {
            yield return "--artifacts";
            yield return Path.GetFullPath(artifacts);
        }
    }
}
