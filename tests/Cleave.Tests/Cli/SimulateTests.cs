using System.Text.Json;
using Cleave.Data;
using Cleave.Serving.Allocation;

namespace Cleave.Tests.Cli;

[Trait("Kernels", "unused")]
public sealed class SimulateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-").FullName;
    private readonly string _file;

    public SimulateTests()
    {
        _file = Path.Combine(_folder, "footprint.json");
        new Footprints(new FootprintMachine("p", 2, "Avx2"), "", 0.5,
        [
            new ModuleFootprint("intent", TaskKind.Classify, 1_000_000, 0, 0, 10, true, new CostCurve([new(1, 0.5), new(100, 2)]), null),
            new ModuleFootprint("reply", TaskKind.Generate, 5_000_000, 50_000, 512, 50, true, new CostCurve([new(1, 1), new(256, 40)]), new CostCurve([new(1, 1), new(32, 6)])),
        ]).Save(_file);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_fleet_is_one_document_and_the_seed_decides_it()
    {
        string trace = Path.Combine(_folder, "trace.jsonl");
        CommandLine run = CommandLine.Run("simulate", _file, "--rate", "40", "--requests", "2000", "--mix", "intent=3:20,reply=1:24:30", "--price", "0.5", "--save-trace", trace, "--json");
        Assert.Equal((0, ""), (run.Status, run.Error));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(["machines", "seconds", "requests_per_s", "processor", "busiest_processor", "reloads", "cost_per_day", "cost_per_million_requests", "bottleneck", "modules", "all"], json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(12, json.RootElement.GetProperty("cost_per_day").GetDouble());
        Assert.Equal(2000, json.RootElement.GetProperty("all").GetProperty("requests").GetInt32() + json.RootElement.GetProperty("all").GetProperty("refused").GetInt32());
        CommandLine replayed = CommandLine.Run("simulate", _file, "--trace", trace, "--price", "0.5", "--json");
        using JsonDocument again = JsonDocument.Parse(replayed.Output);
        Assert.Equal(P95(json), P95(again), 1);
        Assert.Contains("bottleneck: ", CommandLine.Run("simulate", _file, "--trace", trace).Output, StringComparison.Ordinal);

        static double P95(JsonDocument document) => document.RootElement.GetProperty("all").GetProperty("latency_ms").GetProperty("p95").GetDouble();
    }

    [Fact]
    public void A_target_gives_a_number_of_machines_or_a_no()
    {
        string[] asked = ["simulate", _file, "--rate", "400", "--requests", "2000", "--mix", "reply=1:24:30", "--p95", "200"];
        CommandLine run = CommandLine.Run([.. asked, "--json"]);
        Assert.Equal(0, run.Status);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.True(json.RootElement.GetProperty("meets_target").GetBoolean());
        Assert.InRange(json.RootElement.GetProperty("machines").GetInt32(), 2, 30);
        CommandLine no = CommandLine.Run([.. asked, "--machines", "1"]);
        Assert.Equal(1, no.Status);
        Assert.Contains("even 1 machines do not answer", no.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("give --trace FILE to replay traffic, or --rate N to make some")]
    [InlineData("--rate makes traffic, and --trace replays it", "--trace", "x", "--rate", "3")]
    [InlineData("--rate 0 must be above 0", "--rate", "0")]
    [InlineData("there is no footprint of a module 'other'", "--rate", "1", "--mix", "other=1")]
    [InlineData("'intent=1:2:3': 'intent' does not write", "--rate", "1", "--mix", "intent=1:2:3")]
    [InlineData("'intent' must be a module's name, = and its part", "--rate", "1", "--mix", "intent")]
    [InlineData("'intent' is there twice", "--rate", "1", "--mix", "intent=1,intent=2")]
    [InlineData("must be a size such as 512MB or 2GB", "--rate", "1", "--memory", "12")]
    [InlineData("'reply' needs 5.0 MB", "--rate", "1", "--memory", "4MB")]
    [InlineData("there is no module 'replay' to share with", "--rate", "1", "--weights", "replay=2")]
    [InlineData("'reply=0' must be above 0", "--rate", "1", "--weights", "reply=0")]
    [InlineData("the shares sum to 1.2", "--rate", "1", "--min-share", "reply=0.6,intent=0.6")]
    [InlineData("machines of 1 cores", "--rate", "1", "--cores", "1")]
    [InlineData("no such file", "--trace", "/nowhere/trace.jsonl")]
    public void A_wrong_request_is_one_line(string message, params string[] options)
    {
        CommandLine run = CommandLine.Run(["simulate", _file, .. options]);
        Assert.Equal(2, run.Status);
        string line = run.OneLineError();
        Assert.True(line.Contains(message, StringComparison.Ordinal) || (message == "no such file" && line.Contains("cannot be read", StringComparison.Ordinal)), line);
    }
}
