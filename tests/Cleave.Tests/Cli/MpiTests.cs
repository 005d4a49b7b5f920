using System.Diagnostics;
using System.Text.Json;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Models;

namespace Cleave.Tests.Cli;

/// <summary>A test that starts processes by Open MPI; skipped, and said so, where it is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MpiFactAttribute : FactAttribute
{
    public MpiFactAttribute() => Skip = File.Exists("/usr/bin/mpirun") ? null : "needs Open MPI (apt-get install openmpi-bin)";
}

/// <summary>Training by several real processes.</summary>
public sealed class MpiTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public MpiTests()
    {
        ModelFolder.Save(_folder.File("base"), TinyModel.Create(layers: 2), WeightType.BF16);
        var rng = new Rng(1);
        File.WriteAllLines(_folder.File("train.jsonl"), Enumerable.Range(0, 200).Select(i =>
        {
            bool good = rng.NextInt(2) > 0;
            return $$"""{"text": "{{(good ? "thank you, the" : "please help, my")}} parcel {{i}} {{(good ? "was very quick" : "has not arrived yet")}}", "label": "{{(good ? "good" : "bad")}}"}""";
        }));
    }

    public void Dispose() => _folder.Dispose();

    [MpiFact]
    public async Task Two_processes_train_what_one_does_and_the_first_speaks_and_writes()
    {
        (int exit, string output, string error) = await Mpirun(2, Args("two", "--json"));
        Assert.True(exit == 0, error);
        JsonElement two = JsonDocument.Parse(output).RootElement; // one document
        CommandLine one = CommandLine.Run(Args("one", "--json"));
        Assert.True(one.Status == 0, one.Error);
        JsonElement expected = JsonDocument.Parse(one.Output).RootElement;
        Assert.Equal(expected.GetProperty("updates").GetInt32(), two.GetProperty("updates").GetInt32());
        Assert.Equal(expected.GetProperty("validation_loss").GetDouble(), two.GetProperty("validation_loss").GetDouble(), 1e-5);
        Assert.InRange(Distance("one", "two"), 0, 1e-5);
        Assert.False(Directory.Exists(_folder.File("two.work")));
    }

    /// <summary>A killed process ends the job; what was saved is whole and is continued by any number of processes.</summary>
    [MpiFact]
    public async Task A_killed_process_ends_the_job_and_it_can_be_continued()
    {
        int epochs = 12;
        while (!await IsKilled(Args("killed", "--quiet", epochs)))
        {
            Assert.True((epochs *= 2) < 400, "each of the runs was over before it could be killed");
            foreach (string left in Directory.GetDirectories(_folder.Path, "killed*"))
                Directory.Delete(left, recursive: true);
        }
        using (SafetensorsFile file = SafetensorsFile.Open(Checkpoint))
            Assert.Contains(file.Names, n => n.EndsWith(".adam_second", StringComparison.Ordinal));
        CommandLine rest = CommandLine.Run([.. Args("killed", "--quiet", epochs), "--resume"]);
        Assert.True(rest.Status == 0, rest.Error);
        CommandLine whole = CommandLine.Run(Args("whole", "--quiet", epochs));
        Assert.True(whole.Status == 0, whole.Error);
        Assert.InRange(Distance("whole", "killed"), 0, 1e-3); // many updates of rounding
    }

    private string Checkpoint => _folder.File("killed.work/checkpoint.safetensors");

    /// <summary>Two processes of which the second is killed once something is saved; false where they were done before.</summary>
    private async Task<bool> IsKilled(string[] args)
    {
        using Process job = Start(2, args);
        Task<string> error = job.StandardError.ReadToEndAsync();
        bool isRunning = CleaveProcess.Saw(job, () => File.Exists(Checkpoint));
        // Of mpirun's children the last: rank 1. None where it has just ended.
        string list = $"/proc/{job.Id}/task/{job.Id}/children";
        int[] children = isRunning && File.Exists(list) ? [.. File.ReadAllText(list).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)] : [];
        if (children.Length == 2)
            CleaveProcess.Signal(children[1], "KILL");
        int exit = await CleaveProcess.Exit(job);
        Assert.True(exit == 0 || children.Length == 2, await error);
        Assert.DoesNotContain("internal error", await error, StringComparison.Ordinal);
        // mpirun may end before those that it has told to.
        for (var clock = Stopwatch.StartNew(); children.Any(c => Directory.Exists($"/proc/{c}")); await Task.Delay(20))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "a process of the job goes on");
        return exit != 0 && !Directory.Exists(_folder.File("killed"));
    }

    [MpiFact]
    public async Task What_all_processes_fail_of_is_said_once()
    {
        (int exit, _, string error) = await Mpirun(2, Args("odd", accumulate: 3));
        Assert.Equal(2, exit);
        Assert.Equal(["cleave: an update's 3 micro-batches cannot be dealt evenly to 2 processes: set accumulate to a multiple of 2, such as 4"], Said(error));
        (exit, _, error) = await Mpirun(2, Args("wild", "--learning-rate 100 --alpha 1000000 --optimizer sgd --clip-norm 0 --warmup 0"));
        Assert.Equal(2, exit);
        Assert.Contains("is not finite from update", Assert.Single(Said(error)), StringComparison.Ordinal);
    }

    [UnixFact]
    public async Task Processes_that_cannot_find_each_other_are_told()
    {
        // As a launcher would start them, but there is none.
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Cleave.Cli.dll"), .. Args("alone")]) { RedirectStandardError = true };
        (info.Environment["PMI_SIZE"], info.Environment["PMI_RANK"]) = ("2", "0");
        using Process process = Process.Start(info)!;
        string error = await process.StandardError.ReadToEndAsync();
        Assert.Equal(2, await CleaveProcess.Exit(process));
        string line = Assert.Single(Said(error));
        Assert.Contains(File.Exists("/usr/bin/mpirun") ? "2 processes were started and Open MPI finds 1 of them" : "is not installed here; install it (Debian: openmpi-bin)", line, StringComparison.Ordinal);
    }

    private static string[] Said(string error) => [.. error.Split('\n').Where(l => l.StartsWith("cleave:", StringComparison.Ordinal))];

    private string[] Args(string output, string more = "", int epochs = 2, int accumulate = 4) => ["train", _folder.File("base"), "--task", "classify", "--train", _folder.File("train.jsonl"), "--method", "lora",
        "--epochs", $"{epochs}", "--batch-tokens", "64", "--accumulate", $"{accumulate}", "--validate-every", "5", "--out", _folder.File(output), .. more.Split(' ', StringSplitOptions.RemoveEmptyEntries)];

    private static Process Start(int processes, string[] args)
    {
        string[] launcher = ["-n", $"{processes}", "--oversubscribe", "--bind-to", "none", "dotnet", Path.Combine(AppContext.BaseDirectory, "Cleave.Cli.dll")];
        var info = new ProcessStartInfo("mpirun", [.. launcher, .. args]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        (info.Environment["OMPI_ALLOW_RUN_AS_ROOT"], info.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]) = ("1", "1");
        return Process.Start(info)!;
    }

    private static async Task<(int Exit, string Output, string Error)> Mpirun(int processes, string[] args)
    {
        using Process job = Start(processes, args);
        job.StandardInput.Close();
        Task<string> output = job.StandardOutput.ReadToEndAsync(), error = job.StandardError.ReadToEndAsync();
        return (await CleaveProcess.Exit(job), await output, await error);
    }

    private double Distance(string expected, string actual)
    {
        float[] e = Weights(expected), a = Weights(actual);
        return Math.Sqrt(e.Zip(a, (x, y) => Math.Pow((double)x - y, 2)).Sum() / e.Sum(x => (double)x * x));
    }

    private float[] Weights(string output)
    {
        using SafetensorsFile file = SafetensorsFile.Open(_folder.File(Path.Combine(output, "adapter_model.safetensors")));
        return [.. file.Names.SelectMany(name =>
        {
            var values = new float[file.Entry(name).Elements];
            file.ReadSingle(name, values);
            return values;
        })];
    }
}
