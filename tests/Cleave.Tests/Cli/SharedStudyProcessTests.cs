using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Cleave.Formats.Durable;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Splitting;
using Cleave.Tests.Tuning.Storage;
using Cleave.Tests.Tuning.Storage.Postgres;
using Cleave.Tuning;
using Cleave.Tuning.Storage;
using static Cleave.Tests.Cli.CleaveProcess;

namespace Cleave.Tests.Cli;

/// <summary><c>cleave tune --storage</c> and <c>cleave worker</c> as processes that are killed, stopped and contradicted.</summary>
public abstract class SharedStudyProcesses : IDisposable
{
    // x squared, three steps with a checkpoint each, and a line in calls for each attempt and each end.
    private const string Objective = """
        while read -r line; do
          n=$(echo "$line" | sed 's/.*"trial":\([0-9]*\).*/\1/'); x=$(echo "$line" | sed 's/.*"x":\([-0-9.eE]*\).*/\1/')
          case $line in *checkpoint*) s=$(echo "$line" | sed 's/.*"checkpoint":"\([0-9]*\)".*/\1/');; *) s=0;; esac
          echo "begin $n $s" >> calls
          while [ $s -lt 3 ]; do
            sleep 0.1
            echo "{\"step\": $s, \"value\": 1, \"checkpoint\": \"$((s + 1))\"}"; read -r reply; s=$((s + 1))
          done
          echo "end $n" >> calls
          echo "made by $n" > file-$n.txt
          awk -v x="$x" -v n="$n" 'BEGIN { printf "{\"value\": %.9f, \"artifacts\": [\"file-%d.txt\"]}\n", x * x, n }'
        done
        """;

    private readonly TemporaryFolder _folder = new();

    public virtual void Dispose() => _folder.Dispose();

    protected string Folder => _folder.Path;

    /// <summary>The address of an empty storage, the same throughout a test.</summary>
    protected abstract string Address { get; }

    protected string Study(int trials, string more = "", string high = "10")
    {
        File.WriteAllText(_folder.File("objective.sh"), Objective);
        File.WriteAllText(_folder.File("study.yaml"), $$"""
            name: shared
            trials: {{trials}}
            sampler: random
            objective: {command: sh objective.sh, timeout: 20s}
            space:
              x: {type: float, low: -10, high: {{high}}}
            {{more}}
            """);
        return _folder.File("study.yaml");
    }

    private Process Worker(params string[] more) => Start(["worker", "--storage", Address, "--study", "shared", "--folder", Folder, .. more]);

    /// <summary>Stops a worker where it holds nothing that others wait for: who is stopped in its turn is told of, not waited for.</summary>
    protected virtual Task Freeze(Process worker)
    {
        Signal(worker, "STOP");
        return Task.CompletedTask;
    }

    protected string[] Calls(string what) => File.Exists(_folder.File("calls")) ? [.. File.ReadAllLines(_folder.File("calls")).Where(l => l.StartsWith(what, StringComparison.Ordinal))] : [];

    protected static async Task Until(Func<bool> condition, string what)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(50))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), what);
    }

    protected IReadOnlyList<Trial> Trials()
    {
        using IStudyCatalog catalog = StudyCatalogs.Open(Address, new StorageOptions());
        using IStudyStorage storage = catalog.Open("shared");
        return [.. storage.Trials];
    }

    protected static void AllComplete(int count, IReadOnlyList<Trial> trials)
    {
        Assert.Equal(Enumerable.Range(0, count), trials.Select(t => t.Number));
        Assert.All(trials, t =>
        {
            Assert.Equal(TrialState.Complete, t.State);
            Assert.Equal(Math.Pow(t.Parameters!["x"].AsDouble(), 2), t.Values[0], 1e-6);
            Assert.Equal([0, 1, 2], t.Steps.Select(s => s.Step));
        });
    }

    [ContractFact]
    public async Task Workers_that_are_killed_and_stopped_cost_no_trial_and_finish_none_twice()
    {
        const int Count = 60;
        using Process tune = Start("tune", Study(Count), "--storage", Address, "--lease", "4", "--json", "--artifacts", _folder.File("kept"));
        await Until(() => Calls("begin").Length > 0, "the study starts");
        using Process killed = Worker(), stopped = Worker(), last = Worker("--workers", "2", "--json");
        await Until(() => Trials().Select(t => t.Worker).Distinct().Count(w => w is not null) >= 4, "four workers take trials");
        killed.Kill();
        await Freeze(stopped);
        Assert.Equal(0, await Exit(tune));
        Assert.Equal(0, await Exit(last));
        Signal(stopped, "CONT");
        Assert.Equal(0, await Exit(stopped));
        IReadOnlyList<Trial> trials = Trials();
        AllComplete(Count, trials);
        int moved = trials.Sum(t => t.Losses);
        Assert.True(moved >= 1); // more where the machine is so busy that others fall silent
        Assert.Equal(trials.Sum(t => t.Attempt), trials.Count + moved);
        Assert.All(trials, t => Assert.Equal("made by " + t.Number.ToString(CultureInfo.InvariantCulture), File.ReadAllText(_folder.File(t.Artifacts[^1].StartsWith("shared/", StringComparison.Ordinal)
            ? "kept/" + t.Artifacts[^1] : t.Artifacts[^1])).Trim()));
        JsonElement answer = JsonDocument.Parse(tune.StandardOutput.ReadToEnd()).RootElement;
        Assert.Equal((Count, Count), (answer.GetProperty("trials").GetInt32(), answer.GetProperty("complete").GetInt32()));
        Assert.Contains("shared: ", stopped.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
    }

    [ContractFact]
    public async Task An_interrupted_worker_gives_its_trial_back_at_once()
    {
        using Process tune = Start("tune", Study(6), "--storage", Address, "--lease", "600", "--json");
        await Until(() => Calls("begin").Length > 0, "the study starts");
        Signal(tune, "TERM");
        Assert.Equal(130, await Exit(tune));
        Assert.Contains("--resume continues", tune.StandardError.ReadToEnd(), StringComparison.Ordinal);
        Assert.DoesNotContain(Trials(), t => t.State == TrialState.Running);
        using Process worker = Worker();
        Assert.Equal(0, await Exit(worker));
        AllComplete(6, Trials());
        (int exit, string output, string error) = await Run("tune", _folder.File("study.yaml"), "--storage", Address, "--resume", "--trials", "8", "--json");
        Assert.True(exit == 0, error);
        Assert.Equal(8, JsonDocument.Parse(output).RootElement.GetProperty("trials").GetInt32());
    }

    [ContractFact]
    public async Task What_does_not_fit_is_refused_in_one_line()
    {
        string study = Study(2);
        await Refused($"{Place}: has no study (start one with cleave tune STUDY --storage)", "worker", "--storage", Address);
        Assert.Equal(0, (await Run("tune", study, "--storage", Address, "--quiet")).Exit);
        await Refused("a study shared is there; continue it with --resume", "tune", study, "--storage", Address);
        await Refused("holds a study with another space", "tune", Study(2, high: "11"), "--storage", Address, "--resume");
        await Refused("has no study 'other' (it has shared)", "worker", "--storage", Address, "--study", "other");
        await Refused("is not a folder", "worker", "--storage", Address, "--folder", _folder.File("absent"));
        using (IStudyCatalog catalog = StudyCatalogs.Open(Address, new StorageOptions()))
        using (IStudyStorage storage = catalog.Open("shared"))
            storage.Configure(storage.Settings!.Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal));
        await Refused("whose studies this version does not run", "worker", "--storage", Address);
        Assert.Equal(0, (await Run("tune", Study(2, high: "11"), "--storage", Address, "--force", "--quiet")).Exit);
    }

    [ContractFact]
    public async Task Local_workers_are_launched_followed_and_end_with_the_study()
    {
        (int exit, string output, string error) = await Run("tune", Study(18), "--storage", Address, "--launch", "local:3", "--json", "--out", _folder.File("out"));
        Assert.True(exit == 0, error);
        Assert.Equal(18, JsonDocument.Parse(output).RootElement.GetProperty("complete").GetInt32());
        AllComplete(18, Trials());
        Assert.Equal(3, Directory.GetFiles(_folder.File("out"), "worker-*.log").Length);
        Assert.True(Trials().Select(t => t.Worker).Distinct().Count() >= 2);
    }

    protected abstract string Place { get; }

    protected static async Task Refused(string complaint, params string[] args)
    {
        (int exit, _, string error) = await Run(args);
        Assert.Equal((2, 1), (exit, error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length));
        Assert.Contains(complaint, error, StringComparison.Ordinal);
    }
}

[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsUnixAttribute : NeedsAttribute
{
    public override string? Missing => OperatingSystem.IsWindows() ? "signals and pipes of Unix" : null;
}

[NeedsUnix]
[Trait("Kernels", "unused")]
public sealed class FolderProcessTests : SharedStudyProcesses
{
    protected override string Address => Path.Combine(Folder, "studies");

    protected override string Place => Address;

    protected override async Task Freeze(Process worker)
    {
        string journal = Path.Combine(Address, "shared.journal");
        for (int attempt = 0; attempt < 50; attempt++)
        {
            Signal(worker, "STOP");
            // A thread that waited for a processor inside of a call to the system takes the journal even now, and stops with it.
            await Until(() => IsStopped(worker), "the worker stops");
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(3); await Task.Delay(5))
            {
                using FileLock? turn = FileLock.TryAcquire(journal + ".lock", journal);
                if (turn is not null)
                    return;
            }
            Signal(worker, "CONT");
            await Task.Delay(20);
        }
        Assert.Fail("the worker holds the journal each time");
    }

    // Every thread; where the system does not tell, it is believed.
    private static bool IsStopped(Process process)
    {
        string threads = $"/proc/{process.Id}/task";
        try
        {
            return !Directory.Exists(threads) || Directory.EnumerateDirectories(threads).All(thread =>
            {
                string status = File.ReadAllText(Path.Combine(thread, "stat"));
                return status[status.LastIndexOf(')') + 2] is 'T' or 't';
            });
        }
        catch (IOException)
        {
            return false; // a thread has just ended
        }
    }

    /// <summary>Without --storage the launched workers share the study's own folder.</summary>
    [UnixFact]
    public async Task A_launch_needs_no_storage_on_one_machine()
    {
        (int exit, string output, string error) = await Run("tune", Study(4), "--launch", "local:2", "--json", "--out", Path.Combine(Folder, "out"));
        Assert.True(exit == 0, error);
        Assert.Equal(4, JsonDocument.Parse(output).RootElement.GetProperty("complete").GetInt32());
    }

    [UnixFact]
    public async Task A_storage_that_is_full_ends_the_worker_with_a_line_and_loses_no_result()
    {
        // A file of its own size limit stands for a disk that is full.
        string study = Study(40);
        var info = new ProcessStartInfo("sh", ["-c", $"trap '' XFSZ; ulimit -f 10; exec dotnet {Path.Combine(AppContext.BaseDirectory, "Cleave.Cli.dll")} tune {study} --storage {Address} --workers 4 --quiet"])
        {
            RedirectStandardError = true,
        };
        info.Environment["DOTNET_EnableDiagnostics"] = "0";
        info.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // which needs a big file in memory
        using Process process = Process.Start(info)!;
        string error = await process.StandardError.ReadToEndAsync();
        Assert.Equal(2, await Exit(process));
        Assert.Contains("cannot be written", error, StringComparison.Ordinal);
        Assert.Contains("free space there and resume", error, StringComparison.Ordinal);
        int before = Trials().Count(t => t.IsFinished);
        Assert.InRange(before, 1, 39);
        Assert.Equal(0, (await Run("tune", study, "--storage", Address, "--resume", "--workers", "8", "--quiet")).Exit);
        AllComplete(40, Trials());
    }
}

[Collection(PostgresCollection.Name)]
[NeedsPostgres]
[Trait("Kernels", "unused")]
public sealed class PostgresProcessTests(PostgresServer server) : SharedStudyProcesses
{
    private string? _address;

    protected override string Address => _address ??= server.CreateDatabase();

    protected override string Place => Address;

    [ContractFact]
    public async Task A_database_that_is_killed_in_mid_trial_loses_nothing_and_the_workers_wait_for_it()
    {
        const int Count = 20;
        using Process tune = Start("tune", Study(Count), "--storage", Address, "--lease", "15", "--workers", "2", "--json");
        await Until(() => Calls("begin").Length > 0, "the study starts");
        await Until(() => Trials().Any(t => t.State == TrialState.Complete), "the study runs");
        server.Kill();
        await Task.Delay(1500);
        server.Start();
        await Until(() => Calls("end").Length >= 10, "the study goes on");
        server.Kill();
        server.Start();
        Assert.Equal(0, await Exit(tune));
        IReadOnlyList<Trial> trials = Trials();
        AllComplete(Count, trials);
        Assert.Contains("trying again", tune.StandardError.ReadToEnd(), StringComparison.Ordinal);
    }

    /// <summary>The job array of a real Slurm, from submission to the study's end, and one whose workers cannot work.</summary>
    [SlurmFact]
    public async Task Slurm_runs_the_workers_and_is_followed()
    {
        using var slurm = new SlurmCluster();
        Task<(int Exit, string Output, string Error)> Tune(params string[] args) => Submit(slurm, ["tune", .. args]);
        string study = Study(12), place = Path.Combine(Folder, "out");
        (int exit, string output, string error) = await Tune(study, "--launch", "slurm:3", "--sbatch=--time=10", "--json", "--out", place);
        Assert.True(exit == 0, error);
        Assert.Equal(12, JsonDocument.Parse(output).RootElement.GetProperty("complete").GetInt32());
        Assert.Contains("started Slurm job 1, 3 tasks (scancel 1 ends them)", error, StringComparison.Ordinal);
        AllComplete(12, Trials());
        Assert.Equal(["worker-1.log", "worker-2.log", "worker-3.log"], Directory.GetFiles(place, "worker-*.log").Select(Path.GetFileName).Order());
        Assert.True(Trials().Select(t => t.Worker).Distinct().Count() >= 2);
        // The address came by the environment and is written nowhere.
        Assert.DoesNotContain("postgres://", File.ReadAllText(Path.Combine(place, "workers.sbatch")), StringComparison.Ordinal);
        File.Delete(study);
        study = Study(5);
        File.WriteAllText(study, File.ReadAllText(study).Replace("sh objective.sh", "exit 7", StringComparison.Ordinal));
        (exit, _, error) = await Tune(study, "--launch", "slurm:1", "--force", "--trials", "100", "--quiet", "--out", place);
        Assert.Equal(2, exit);
        Assert.Contains("the workers have ended and 20 of 100 trials are finished; see", error, StringComparison.Ordinal);
        (exit, _, error) = await Tune(study, "--launch", "slurm:1", "--force", "--sbatch=--partition=none", "--quiet", "--out", place);
        Assert.Equal(2, exit);
        Assert.Contains("sbatch: ", error, StringComparison.Ordinal);
        Assert.Contains("invalid partition", error, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The trials of a split as a job array: the leader makes the monolith, and certifies what the workers have found.</summary>
    [SlurmFact]
    public async Task Slurm_runs_the_trials_of_a_split()
    {
        using var slurm = new SlurmCluster();
        using var project = new SmallProject();
        string place = Path.Combine(project.Folder, "out");
        (int exit, string output, string error) = await Submit(slurm, "split", project.Folder, "--out", place, "--launch", "slurm:2", "--sbatch=--time=10", "--threads", "1", "--json");
        Assert.True(exit is 0 or 1, error);
        Assert.Contains("started Slurm job 1, 2 tasks", error, StringComparison.Ordinal);
        Assert.Equal(2, JsonDocument.Parse(output).RootElement.GetProperty("tasks").GetArrayLength());
        using IStudyCatalog catalog = StudyCatalogs.Open(Address, new StorageOptions());
        Assert.Empty(catalog.Names());
    }

    private async Task<(int Exit, string Output, string Error)> Submit(SlurmCluster slurm, params string[] args)
    {
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Cleave.Cli.dll"), .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["SLURM_CONF"] = slurm.Configuration;
        info.Environment["CLEAVE_STORAGE"] = Address;
        using Process process = Process.Start(info)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        return (await CleaveProcess.Exit(process), await output, await error);
    }
}
