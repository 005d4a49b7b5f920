using System.Diagnostics;
using System.Text;
using Cleave.Tests.Cli;
using Cleave.Tests.Formats.Durable;
using Cleave.Tuning.Artifacts;

namespace Cleave.Tests.Tuning.Artifacts;

[Trait("Kernels", "unused")]
public sealed class S3ArtifactsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [UnixFact]
    public async Task A_trials_files_are_kept_in_a_bucket_also_where_it_is_busy_at_first()
    {
        await using FakeS3 store = await FakeS3.StartAsync();
        store.Busy = 2;
        (int exit, string error) = await Tune(store, "s3://kept/of/us/", FakeS3.Secret);
        Assert.True(exit == 0, error);
        Assert.Equal(["of/us/arts/0.1/sub/a b.txt", "of/us/arts/1.1/sub/a b.txt"], store.Objects.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("made by 1\n", Encoding.UTF8.GetString(store.Objects["of/us/arts/1.1/sub/a b.txt"]));
    }

    [UnixFact]
    public async Task What_a_store_refuses_is_one_line()
    {
        await using FakeS3 store = await FakeS3.StartAsync();
        await Refused("SignatureDoesNotMatch", "s3://kept", "another secret");
        await Refused("NoSuchBucket", "s3://lost", FakeS3.Secret);
        await Refused("names no bucket", "s3://A", FakeS3.Secret);
        await Refused("in a folder, or in an S3-compatible store", "gs://kept", FakeS3.Secret);
        Assert.Empty(store.Objects);

        async Task Refused(string problem, string address, string secret)
        {
            (int exit, string error) = await Tune(store, address, secret);
            Assert.Equal(2, exit);
            Assert.Contains(problem, error, StringComparison.Ordinal);
            Assert.Matches("^cleave: [^\n]*\n$", error);
        }
    }

    [Fact]
    public void Other_processes_are_given_addresses_that_they_understand()
    {
        Assert.Equal("s3://kept/x", ArtifactStores.Absolute("s3://kept/x"));
        Assert.Equal(Path.GetFullPath("x"), ArtifactStores.Absolute("x"));
    }

    private async Task<(int Exit, string Error)> Tune(FakeS3 store, string address, string secret)
    {
        File.WriteAllText(_folder.File("objective.sh"), """
            mkdir -p sub; n=0
            while read -r line; do echo "made by $n" > 'sub/a b.txt'; n=$((n + 1)); echo '{"value": 1, "artifacts": ["sub/a b.txt"]}'; done
            """);
        File.WriteAllText(_folder.File("study.yaml"), "name: arts\ntrials: 2\nsampler: random\nobjective: {command: sh objective.sh}\nspace:\n  x: {type: float, low: 0, high: 1}\n");
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Cleave.Cli.dll"), "tune", _folder.File("study.yaml"), "--artifacts", address, "--force", "--quiet"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        (info.Environment["AWS_ENDPOINT_URL"], info.Environment["AWS_ACCESS_KEY_ID"], info.Environment["AWS_SECRET_ACCESS_KEY"]) = (store.Endpoint, FakeS3.Key, secret);
        foreach (string other in new[] { "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_PROFILE" })
            info.Environment.Remove(other);
        using Process process = Process.Start(info)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        int exit = await CleaveProcess.Exit(process);
        await output;
        return (exit, await error);
    }
}
