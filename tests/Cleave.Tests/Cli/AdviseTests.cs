using System.Text.Json.Nodes;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Serving;
using Cleave.Tuning.Advice;

namespace Cleave.Tests.Cli;

/// <summary><c>cleave advise</c>, and <c>cleave tune</c> with advice.</summary>
[Trait("Kernels", "unused")]
public sealed class AdviseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Study(string more, int trials = 12)
    {
        // value = (x - 3)^2
        File.WriteAllText(_folder.File("objective.sh"), """
            while read -r line; do
              x=$(echo "$line" | sed 's/.*"x":\([-0-9.eE]*\).*/\1/')
              awk -v x="$x" 'BEGIN { printf "{\"value\": %.9f}\n", (x - 3) * (x - 3) }'
            done
            """);
        string path = _folder.File("study.yaml");
        File.WriteAllText(path, $$"""
            name: square
            trials: {{trials}}
            objective: {command: sh objective.sh}
            space:
              x: {type: float, low: -10, high: 10}
              learning-rate: {type: float, low: 1e-6, high: 1e-1, log: true}
              batch_size: {type: int, low: 1, high: 256}
              optimizer: {type: categorical, choices: [adamw, sgd]}
            {{more}}
            """);
        return path;
    }

    private const string Ask = "learning rate between 1e-4 and 5e-6, batch size at least 32, and something that is quick";

    private static string Answer(double x) => "{\"proposals\": [{\"reason\": \"near the middle\", \"params\": {\"x\": " + x.ToString("R", System.Globalization.CultureInfo.InvariantCulture)
        + ", \"learning-rate\": \"1e-5\", \"batch_size\": 64, \"optimizer\": \"adamw\"}}, {\"reason\": \"too much\", \"params\": {\"x\": 99}}], "
        + "\"narrow\": [{\"name\": \"x\", \"low\": -5, \"high\": 5, \"reason\": \"it is there\"}]}";

    [Fact]
    public void Without_a_model_it_says_what_was_understood_and_what_is_left()
    {
        CommandLine run = CommandLine.Run("advise", Study(""), "--ask", Ask);
        Assert.Equal((0, ""), (run.Status, run.Error));
        Assert.Contains("0.000005 <= learning-rate <= 0.0001   (\"learning rate between 1e-4 and 5e-6\")", run.Output, StringComparison.Ordinal);
        Assert.Contains("batch_size >= 32", run.Output, StringComparison.Ordinal);
        Assert.Contains("      batch_size: {type: int, low: 32, high: 256}", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("proposed", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_built_in_proposer_is_asked_without_a_server_and_hears_of_the_studys_trials()
    {
        string path = Study("sampler: proposer", trials: 8);
        CommandLine early = CommandLine.Run("advise", path, "--model", "proposer", "--proposals", "2");
        Assert.Equal((0, ""), (early.Status, early.Error));
        Assert.Contains("spread evenly", early.Output, StringComparison.Ordinal);
        CommandLine tuned = CommandLine.Run("tune", path, "--quiet");
        Assert.True(tuned.Status == 0, tuned.Error);
        CommandLine later = CommandLine.Run("advise", path, "--model", "proposer", "--proposals", "3", "--ask", "batch size at least 32", "--json");
        Assert.True(later.Status == 0, later.Error);
        JsonArray proposals = JsonNode.Parse(later.Output)![0]!["proposals"]!.AsArray();
        Assert.Equal(3, proposals.Select(p => p!["params"]!.ToJsonString()).Distinct().Count());
        Assert.All(proposals, p => Assert.True((int)p!["params"]!["batch_size"]! >= 32));
    }

    [Fact]
    public async Task A_servers_proposals_come_with_reasons_and_what_is_to_be_pasted_is_a_study()
    {
        await using FakeEndpoint server = await FakeEndpoint.SayingAsync(_ => Answer(2.5));
        string path = Study("");
        CommandLine run = CommandLine.Run("advise", path, "--ask", Ask, "--endpoint", server.Endpoint.ToString(), "--model", "fake", "--json");
        Assert.True(run.Status == 0, run.Error);
        JsonNode answer = JsonNode.Parse(run.Output)![0]!;
        Assert.Equal("near the middle", (string)answer["proposals"]![0]!["reason"]!);
        Assert.Single(answer["proposals"]![0]!["repairs"]!.AsArray());
        Assert.Contains("'x' is -10 to 10, not 99", (string)answer["refused"]![0]!, StringComparison.Ordinal);
        Assert.Equal("-5 <= x <= 5", (string)answer["narrowed"]![0]!["constraint"]!);
        // What the model is told is what the user said, and the space that it leaves.
        JsonNode told = JsonNode.Parse((string)Assert.Single(server.Requests).Body["messages"]![1]!["content"]!)!;
        Assert.Equal(Ask, (string)told["request"]!);
        Assert.Equal(32, (int)told["space"]!["properties"]!["batch_size"]!["minimum"]!);
        Assert.Single(File.ReadLines(_folder.File("square.study/recommendations.jsonl")));

        string[] lines = File.ReadAllLines(path);
        File.WriteAllText(path, string.Join('\n', lines.TakeWhile(l => l != "space:")) + "\n" + (string)answer["yaml"]!);
        JsonNode tuned = JsonNode.Parse(CommandLine.Run("tune", path, "--trials", "2", "--json", "--quiet").Output)!;
        Assert.Equal(0.25, (double)tuned["history"]![0]!, 1e-6);
        Assert.Contains("leaves nothing of 'batch_size', which can be 32 to 256", CommandLine.Run("advise", path, "--ask", "batch size below 32").OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_fails_is_status_1_and_what_was_understood_is_there_all_the_same()
    {
        await using FakeEndpoint server = await FakeEndpoint.StartAsync((context, _) => { context.Response.StatusCode = 500; return Task.CompletedTask; });
        CommandLine run = CommandLine.Run("advise", Study(""), "--ask", Ask, "--endpoint", server.Endpoint.ToString(), "--model", "fake");
        Assert.Equal(1, run.Status);
        Assert.Contains("no advice: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("batch_size >= 32", run.Output, StringComparison.Ordinal);
    }

    [UnixFact]
    public async Task Advice_is_tried_counted_kept_and_replayed()
    {
        double x = 9;
        await using FakeEndpoint server = await FakeEndpoint.SayingAsync(_ => Answer(x *= 0.75));
        string path = Study($"sampler: advisor\nadvisor: {{endpoint: \"{server.Endpoint}\", model: fake, ask: \"{Ask}\", sampler: random}}");
        CommandLine run = CommandLine.Run("tune", path, "--json", "--quiet");
        Assert.True(run.Status == 0, run.Error);
        JsonNode answer = JsonNode.Parse(run.Output)!;
        Assert.InRange((int)answer["advice"]!["tried"]!, 3, 12);
        Assert.Equal((int)answer["advice"]!["asked"]!, server.Requests.Count);
        Assert.All(File.ReadAllLines(_folder.File("square.study/advice.jsonl")), l => Assert.NotNull(JsonNode.Parse(l)!["answer"]));

        Directory.CreateDirectory(_folder.File("again"));
        File.Copy(_folder.File("square.study/advice.jsonl"), _folder.File("again/advice.jsonl"));
        int asked = server.Requests.Count;
        JsonNode again = JsonNode.Parse(CommandLine.Run("tune", path, "--json", "--quiet", "--out", _folder.File("again")).Output)!;
        Assert.True(JsonNode.DeepEquals(answer["history"], again["history"]));
        Assert.Equal(asked, server.Requests.Count);

        Assert.Contains("one process", CommandLine.Run("tune", path, "--storage", _folder.File("shared")).OneLineError(), StringComparison.Ordinal);
        CommandLine.Run("tune", path, "--force", "--trials", "2", "--quiet");
        Assert.True(server.Requests.Count > asked);
    }

    [UnixFact]
    public async Task A_study_ends_well_beside_a_server_that_never_does()
    {
        await using FakeEndpoint server = await FakeEndpoint.StartAsync((context, _) => { context.Abort(); return Task.CompletedTask; });
        CommandLine run = CommandLine.Run("tune", Study($"sampler: advisor\nadvisor: {{endpoint: \"{server.Endpoint}\", model: fake, timeout: 2s}}"), "--json", "--quiet");
        Assert.True(run.Status == 0, run.Error);
        JsonNode answer = JsonNode.Parse(run.Output)!;
        Assert.Equal((12, 0, 3), ((int)answer["complete"]!, (int)answer["advice"]!["tried"]!, (int)answer["advice"]!["failed"]!));
    }

    [Theory]
    [InlineData("sampler: advisor", "needs a section 'advisor'")]
    [InlineData("sampler: advisor\nadvisor: {endpoint: \"http://h/v1\"}", "'advisor.model' is missing")]
    [InlineData("advisor: {endpoint: \"http://h/v1\", model: m, key: sk-123}", "never the key itself")]
    [InlineData("advisor: {endpoint: \"ftp://h\", model: m}", "'advisor.endpoint' is an address")]
    [InlineData("advisor: {endpoint: \"http://me:word@h/v1\", model: m}", "without a password")]
    [InlineData("advisor: {model: m, key: KEY}", "needs none")]
    [InlineData("advisor: {model: m, share: 2}", "'advisor.share'")]
    [InlineData("advisor: {model: m, sampler: advisor}", "'advisor.sampler' cannot be 'advisor'")]
    [InlineData("advisor: {model: m, modle: n}", "unknown key 'advisor.modle'")]
    [InlineData("advisor: {model: m, ask: batch size above 256}", "leaves nothing of 'batch_size'")]
    [InlineData("start: [{x: 1}]", "'learning-rate' is missing")]
    [InlineData("start: 3", "'start' is a list")]
    public void Mistakes_are_said_with_their_line(string more, string expected)
    {
        CommandLine run = CommandLine.Run("tune", Study(more));
        Assert.Equal(2, run.Status);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Contains("line ", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("sk-123", run.Error, StringComparison.Ordinal);
    }
}
