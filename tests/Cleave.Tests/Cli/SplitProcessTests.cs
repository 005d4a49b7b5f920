using System.Diagnostics;
using System.Text.Json;
using Cleave.Numerics;
using Cleave.Splitting.Releases;
using Cleave.Tests.Splitting;
using static Cleave.Tests.Cli.CleaveProcess;

namespace Cleave.Tests.Cli;

/// <summary>A split as a process: ended by force, asked to end, and given places where it cannot write.</summary>
public sealed class SplitProcessTests : IDisposable
{
    private readonly SmallProject _project = new();

    public void Dispose() => _project.Dispose();

    private string Folder(string name) => Path.Combine(_project.Folder, name);

    [UnixFact]
    public async Task A_split_that_is_killed_again_and_again_gives_the_same_release()
    {
        (int exit, string output, string error) = await Run("split", _project.Folder, "--out", Folder("whole"), "--json", "--quiet");
        Assert.True(exit is 0 or 1, error);
        string whole = Manifest(output);
        var rng = new Rng(11);
        for (int kill = 0; kill < 5; kill++)
        {
            using Process process = Start("split", _project.Folder, "--out", Folder("killed"), "--resume", "--quiet");
            await Task.Delay(300 + (int)(2500 * rng.NextSingle()));
            process.Kill(); // SIGKILL
            await Exit(process);
            if (Directory.Exists(Folder("killed")))
                break; // it was done before; a release is there whole or not at all
        }
        if (!Directory.Exists(Folder("killed")))
        {
            (exit, output, error) = await Run("split", _project.Folder, "--out", Folder("killed"), "--resume", "--json", "--quiet");
            Assert.True(exit is 0 or 1, error);
            Assert.Equal(whole, Manifest(output));
        }
        using Release release = Release.Open(Folder("killed")); // checks every file's hash
        Assert.Equal(whole, release.Manifest.Hash);
    }

    [UnixFact]
    public async Task A_split_that_is_asked_to_end_says_how_to_go_on()
    {
        using Process process = Start("split", _project.Folder, "--out", Folder("asked"));
        while (!process.HasExited && !Directory.Exists(Folder("asked.work"))) // until it is at work
            await Task.Delay(10);
        Signal(process, "TERM");
        Task<string> error = process.StandardError.ReadToEndAsync();
        Assert.Equal(130, await Exit(process));
        Assert.Contains("--resume", await error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder("asked")));
    }

    [UnixFact]
    public async Task A_folder_that_cannot_be_written_is_one_line_and_status_two()
    {
        // Not even an administrator can make a folder there.
        (int exit, string output, string error) = await Run("split", _project.Folder, "--out", "/proc/cleave/release", "--quiet");
        Assert.Equal((2, ""), (exit, output));
        Assert.Matches(@"^cleave: [^\n]*/proc/cleave[^\n]*\n$", error);
    }

    private static string Manifest(string json)
    {
        using JsonDocument summary = JsonDocument.Parse(json);
        return summary.RootElement.GetProperty("manifest_sha256").GetString()!;
    }
}
