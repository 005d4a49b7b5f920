using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cleave.Splitting.Releases;
using Cleave.Tests.Splitting;
using Cleave.Tuning.Storage;
using static Cleave.Tests.Cli.CleaveProcess;

namespace Cleave.Tests.Cli;

/// <summary>A split whose trials several processes take, some of which are killed; what they compute is checked elsewhere under every instruction set.</summary>
[Trait("Kernels", "unused")]
public sealed class SharedSplitTests : IDisposable
{
    private readonly SmallProject _project = new();

    public void Dispose() => _project.Dispose();

    private string At(string name) => Path.Combine(_project.Folder, name);

    [UnixFact]
    public async Task Two_launched_processes_take_every_trial_once()
    {
        (int exit, string output, string error) = await Run("split", _project.Folder, "--out", At("out"), "--launch", "local:2", "--json");
        Assert.True(exit is 0 or 1, error);
        Assert.Contains("started 2 processes of this machine", error, StringComparison.Ordinal);
        Assert.Equal(2, JsonDocument.Parse(output).RootElement.GetProperty("tasks").GetArrayLength());
        string[] ended = [.. Directory.GetFiles(At("out.logs")).SelectMany(File.ReadAllLines).Select(l => Regex.Match(l, @"small/\w+@\w+: trial \d+: (?=\w)", RegexOptions.None, TimeSpan.FromSeconds(1)).Value).Where(l => l.Length > 0)];
        Assert.Equal(6, ended.Length); // three trials of two tasks
        Assert.Equal(6, ended.Distinct().Count());
        Assert.False(Directory.Exists(At("out.work")));
        using Release release = Release.Open(At("out"));
        Assert.Equal(["mood", "thing"], release.Tasks);
    }

    /// <summary>Trials one after the other are the same whoever runs them.</summary>
    [UnixFact]
    public async Task Killed_leaders_and_workers_change_nothing()
    {
        string whole = _project.Split("whole").ManifestHash;
        using (Process leader = Start("split", _project.Folder, "--out", At("out"), "--storage", At("studies"), "--lease", "1", "--quiet"))
        {
            await Until(() => Directory.Exists(At("studies")) && Directory.EnumerateFiles(At("studies"), "*.journal").Count(JournalStudyStorage.HasBegun) == 2, "the studies are made");
            leader.Kill(); // SIGKILL
            await Exit(leader);
        }
        using (Process worker = Start("split", _project.Folder, "--out", At("out"), "--storage", At("studies"), "--join", "--quiet"))
        {
            await Until(() => Directory.EnumerateDirectories(At("out.work"), "studies-*").Any(d => Directory.EnumerateDirectories(d, "*", SearchOption.AllDirectories).Any()), "a trial is begun");
            worker.Kill();
            await Exit(worker);
        }
        (int exit, string output, string error) = await Run("split", _project.Folder, "--out", At("out"), "--storage", At("studies"), "--resume", "--json", "--quiet");
        Assert.True(exit is 0 or 1, error);
        Assert.Equal(whole, JsonDocument.Parse(output).RootElement.GetProperty("manifest_sha256").GetString());
        Assert.Empty(Directory.EnumerateFiles(At("studies"), "*.journal")); // what they found is in the release
    }

    [UnixFact]
    public async Task What_cannot_be_shared_is_refused_in_a_line()
    {
        await Refused("no split is under way there", "--join", "--out", At("nowhere"));
        await Refused("--resume is for the process that leads", "--join", "--resume");
        await Refused("--lease is for a split by several", "--lease", "5");
        await Refused("--dry-run is for --launch", "--dry-run");
        await Refused("needs studies that every machine reaches", "--launch", "slurm:2");
        await Refused("is a PersistentVolumeClaim and an absolute path", "--launch", "kubernetes:2", "--storage", "postgres://me@db/x", "--image", "i", "--volume", "data", "--dry-run");
        File.WriteAllText(_project.ProjectPath, File.ReadAllText(_project.ProjectPath).Replace("trials: 3", "trials: 3, minutes: 10", StringComparison.Ordinal));
        await Refused("search.minutes is for a split by one process", "--launch", "local:1");
        await Refused("of several processes: continue it with --launch", "--resume");
    }

    private async Task Refused(string problem, params string[] args)
    {
        (int exit, _, string error) = await Run(["split", _project.Folder, .. args, "--quiet"]);
        Assert.Equal(2, exit);
        Assert.Contains(problem, error, StringComparison.Ordinal);
        Assert.Matches("^cleave: [^\n]*\n$", error);
    }

    private static async Task Until(Func<bool> condition, string what)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(20))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), what);
    }
}
