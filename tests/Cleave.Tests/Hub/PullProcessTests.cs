using System.Diagnostics;
using System.Text.Json;
using Cleave.Models;
using Cleave.Tests.Cli;
using Cleave.Tests.Models;

namespace Cleave.Tests.Hub;

/// <summary><c>cleave pull</c> as processes: killed, two at once, offline, and then used as a model.</summary>
[Trait("Kernels", "unused")]
public sealed class PullProcessTests : IAsyncLifetime
{
    private readonly string _home = Directory.CreateTempSubdirectory("cleave-hub").FullName;
    private FakeHub _hub = null!;

    public async Task InitializeAsync()
    {
        _hub = await FakeHub.StartAsync();
        string folder = Path.Combine(_home, "made");
        ModelFolder.Save(folder, TinyModel.Create(), WeightType.F32);
        foreach (string file in Directory.GetFiles(folder))
            _hub.Add(Path.GetFileName(file), await File.ReadAllBytesAsync(file), large: file.EndsWith(".safetensors", StringComparison.Ordinal));
    }

    public async Task DisposeAsync()
    {
        await _hub.DisposeAsync();
        Directory.Delete(_home, recursive: true);
    }

    private Process Start(bool offline, params string[] args)
    {
        var info = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string arg in (string[])[Path.Combine(AppContext.BaseDirectory, "Cleave.Cli.dll"), .. args])
            info.ArgumentList.Add(arg);
        foreach (string name in info.Environment.Keys.Where(k => k.StartsWith("HF_", StringComparison.Ordinal)).ToArray())
            info.Environment.Remove(name);
        (info.Environment["HF_HOME"], info.Environment["HF_ENDPOINT"]) = (Path.Combine(_home, "hf"), _hub.Endpoint.ToString());
        if (offline)
            info.Environment["HF_HUB_OFFLINE"] = "1";
        return Process.Start(info)!;
    }

    private async Task<(int Exit, string Output, string Error)> Run(bool offline, params string[] args)
    {
        using Process process = Start(offline, args);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        return (await CleaveProcess.Exit(process), await output, await error);
    }

    [Fact]
    public async Task A_killed_pull_is_continued_and_the_model_is_used_by_its_name()
    {
        byte[] weights = _hub.Files["model.safetensors"];
        var half = new TaskCompletionSource();
        var end = new TaskCompletionSource();
        int requests = 0;
        _hub.Intercept = async c =>
        {
            if (!c.Request.Path.StartsWithSegments("/lfs") || Interlocked.Increment(ref requests) > 1)
                return false;
            await FakeHub.SendPart(c, weights, weights.Length / 2);
            half.SetResult();
            await end.Task;
            return true;
        };
        (int missing, _, string complaint) = await Run(false, "logits", "hf:acme/tiny", "--tokens", "1");
        Assert.Equal((2, true), (missing, complaint.Contains("cleave pull hf:acme/tiny", StringComparison.Ordinal)));

        using (Process killed = Start(false, "pull", "hf:acme/tiny"))
        {
            await half.Task.WaitAsync(TimeSpan.FromSeconds(120));
            string incomplete = Path.Combine(_home, "hf", "hub", "models--acme--tiny", "blobs", _hub.HashOf("model.safetensors") + ".incomplete");
            for (int i = 0; i < 600 && new FileInfo(incomplete) is not { Exists: true, Length: > 0 }; i++)
                await Task.Delay(50);
            killed.Kill();
            await CleaveProcess.Exit(killed);
        }
        end.SetResult();

        (int exit, string output, string error) = await Run(false, "pull", "hf:acme/tiny", "--json");
        Assert.True(exit == 0, error);
        Assert.Matches("^bytes=[1-9][0-9]*-$", _hub.FromStorage.Last().Range!);
        string place = JsonDocument.Parse(output).RootElement.GetProperty("path").GetString()!;
        Assert.Equal(weights, await File.ReadAllBytesAsync(Path.Combine(place, "model.safetensors")));

        int seen = _hub.Requests.Count;
        (int offline, string where, string why) = await Run(true, "pull", "hf:acme/tiny");
        Assert.True(offline == 0, why);
        Assert.Equal(place, where.Trim());
        (int used, string logits, string trouble) = await Run(true, "logits", "hf:acme/tiny", "--tokens", "1,2", "--json");
        Assert.True(used == 0, trouble);
        (_, string expected, _) = await Run(true, "logits", Path.Combine(_home, "made"), "--tokens", "1,2", "--json");
        Assert.Equal(expected, logits);
        Assert.Equal(seen, _hub.Requests.Count);
    }

    [Fact]
    public async Task Two_processes_fetch_one_model_once()
    {
        _hub.Intercept = async c =>
        {
            if (c.Request.Path.StartsWithSegments("/lfs"))
                await Task.Delay(1500);
            return false;
        };
        (int Exit, string Output, string Error)[] both = await Task.WhenAll(Run(false, "pull", "hf:acme/tiny"), Run(false, "pull", "hf:acme/tiny"));
        Assert.All(both, b => Assert.True(b.Exit == 0, b.Error));
        Assert.Equal(both[0].Output, both[1].Output);
        Assert.Single(_hub.FromStorage);
    }
}
