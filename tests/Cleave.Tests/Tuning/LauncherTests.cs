using System.Diagnostics;
using System.Text.Json;
using Cleave.Tests.Cli;
using Cleave.Tests.Formats.Durable;
using Cleave.Tuning.Launch;

namespace Cleave.Tests.Tuning;

[Trait("Kernels", "unused")]
public sealed class LauncherTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private WorkerJob Job(string study, params string[] program) => new(study, 5, program, _folder.Path, _folder.File("out"));

    [Theory]
    [InlineData("local:8", "local", 8)]
    [InlineData("slurm", "slurm", 4)]
    [InlineData("kubernetes:10000", "kubernetes", 10_000)]
    public void Where_and_how_many_are_read(string text, string kind, int count) => Assert.Equal((kind, count), Launchers.Parse(text));

    [Theory]
    [InlineData("pbs:3")]
    [InlineData("slurm:0")]
    [InlineData("slurm:x")]
    [InlineData("local:10001")]
    public void Anything_else_is_refused(string text) => Assert.Contains("local:N, slurm:N or kubernetes:N", Assert.Throws<CleaveException>(() => Launchers.Parse(text)).Message, StringComparison.Ordinal);

    /// <summary>The shell reads the words of a job script back as they were meant.</summary>
    [UnixFact]
    public void A_job_script_runs_the_workers_command_word_for_word()
    {
        string[] words = ["printf", "[%s]", "plain", "two words", "it's", "$HOME `id` \"x\" \\n *", "", "a;b|c&d", "-", "ä=ü"];
        string script = new SlurmLauncher(Job("my study/1", words), ["--partition=long", "--time=1:00:00"]).Preview;
        string[] lines = script.Split('\n');
        Assert.Equal(["#!/bin/sh", "#SBATCH --job-name=cleave-my-study-1", "#SBATCH --array=1-5", $"#SBATCH --chdir={_folder.Path}",
            $"#SBATCH --output={_folder.File("out")}/worker-%a.log", "#SBATCH --partition=long", "#SBATCH --time=1:00:00"], lines[..7]);
        string path = _folder.File("job.sh");
        File.WriteAllText(path, script);
        using Process shell = Process.Start(new ProcessStartInfo("sh", [path]) { RedirectStandardOutput = true })!;
        Assert.Equal(string.Concat(words[2..].Select(w => $"[{w}]")), shell.StandardOutput.ReadToEnd());
    }

    [Theory]
    [InlineData("partition=long")]
    [InlineData("--x\n#SBATCH --y")]
    public void What_is_no_option_of_sbatch_is_refused(string option) =>
        Assert.Throws<CleaveException>(() => new SlurmLauncher(Job("s", "true"), [option]).Preview);

    /// <summary>Every field of the manifest is one that the published API has, of its type, and none that it requires is missing.</summary>
    [Theory]
    [InlineData("my study/ÄÖ-1", null)]
    [InlineData("a-study-with-a-name-that-is-longer-than-kubernetes-allows-for-names", "place")]
    [InlineData("---", "place")]
    public void A_manifest_is_what_the_published_API_says(string study, string? secret)
    {
        string text = new KubernetesLauncher(Job(study, "cleave", "worker", "--study", study), new KubernetesOptions("registry/image:1", "ns", secret)).Preview;
        using JsonDocument manifest = JsonDocument.Parse(text);
        string[][] table = [.. File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Golden", "Tuning", "kubernetes-job-fields.tsv")).Select(l => l.Split('\t'))];
        int fields = Check(manifest.RootElement, "io.k8s.api.batch.v1.Job", table.ToLookup(r => r[0]));
        Assert.True(fields >= 20, $"{fields}");
        JsonElement root = manifest.RootElement;
        Assert.Equal(("batch/v1", "Job"), (root.GetProperty("apiVersion").GetString(), root.GetProperty("kind").GetString()));
        JsonElement metadata = root.GetProperty("metadata");
        Assert.Matches("^[a-z0-9]([a-z0-9-]{0,55})-$", metadata.GetProperty("generateName").GetString()); // and five characters more: a DNS label
        Assert.Matches("^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", metadata.GetProperty("labels").GetProperty("app.kubernetes.io/instance").GetString());
        Assert.Equal(secret is null, !text.Contains("secretKeyRef", StringComparison.Ordinal));
    }

    private static int Check(JsonElement value, string type, ILookup<string, string[]> definitions)
    {
        switch (type)
        {
            case "string":
                Assert.Equal(JsonValueKind.String, value.ValueKind);
                return 1;
            case "integer":
                Assert.True(value.TryGetInt32(out _));
                return 1;
            case "boolean":
                Assert.True(value.ValueKind is JsonValueKind.True or JsonValueKind.False);
                return 1;
        }
        if (type[0] == '[')
            return value.EnumerateArray().Sum(v => Check(v, type[1..^1], definitions));
        if (type[0] == '{')
            return value.EnumerateObject().Sum(m => Check(m.Value, type[1..^1], definitions));
        Assert.True(definitions.Contains(type), $"the table has no {type}");
        var fields = definitions[type].ToDictionary(r => r[1]);
        Assert.All(fields.Values.Where(r => r[3] == "required"), r => Assert.True(value.TryGetProperty(r[1], out _), $"{type} lacks {r[1]}"));
        return value.EnumerateObject().Sum(m =>
        {
            Assert.True(fields.ContainsKey(m.Name), $"{type} has no {m.Name}");
            return Check(m.Value, fields[m.Name][2], definitions);
        });
    }
}
