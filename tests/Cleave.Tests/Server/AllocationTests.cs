using System.Net;
using System.Text.Json;
using Cleave.Server;
using Cleave.Serving.Allocation;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving;
using Cleave.Tests.Splitting.Report;

namespace Cleave.Tests.Server;

public sealed class AllocationTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    private const string Ask = "{\"model\":\"reply\",\"prompt\":\"who is there?\"}";

    private async Task<(RunningServer Server, ServingAllocator Allocator, VersionedHost Host)> Start(string? audit = null)
    {
        var allocator = new ServingAllocator(new AllocatorOptions { MemoryBytes = 10_000_000 });
        var host = new VersionedHost(ReleaseVersion.Open(tiny.Folder, allocator), ReleaseVersion.Open);
        return (await RunningServer.StartAsync(host, new ServerOptions { Allocator = allocator, AuditFile = audit }), allocator, host);
    }

    [Fact]
    public async Task Administrators_see_and_change_how_modules_share()
    {
        string audit = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        (RunningServer server, ServingAllocator allocator, VersionedHost host) = await Start(audit);
        await using (server)
        {
            Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/completions", Ask)).StatusCode);
            using JsonDocument seen = JsonDocument.Parse(await server.Client.GetStringAsync("/admin/allocation"));
            Assert.Equal("none", seen.RootElement.GetProperty("bottleneck").GetProperty("kind").GetString());
            Assert.Equal(10_000_000, seen.RootElement.GetProperty("memory_limit_bytes").GetInt64());
            Assert.Equal(["monolith", "mood", "reply"], seen.RootElement.GetProperty("modules").EnumerateArray().Select(m => m.GetProperty("name").GetString()!).Order(StringComparer.Ordinal));

            HttpResponseMessage changed = await server.Post("/admin/allocation", "{\"weights\":{\"reply\":4},\"minimum_shares\":{\"monolith\":0.5},\"memory_bytes\":9000000}");
            Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
            using JsonDocument now = JsonDocument.Parse(await changed.Content.ReadAsStringAsync());
            Assert.Equal((4, 9_000_000), (now.RootElement.GetProperty("weights").GetProperty("reply").GetDouble(), now.RootElement.GetProperty("memory_limit_bytes").GetInt64()));
            await server.Post("/admin/allocation", "{\"weights\":{}}");
            Assert.Equal((0, 0.5), (allocator.State.Options.Weights.Count, allocator.State.Options.MinimumShares["monolith"]));

            foreach ((string body, int status, string message) in new[]
            {
                ("{\"weights\":{\"none\":1}}", 400, "there is no module of that name; there are: mood, reply, names, monolith"),
                ("{\"weights\":{\"reply\":0}}", 400, "must be above 0"),
                ("{\"weights\":3}", 400, "must be an object"),
                ("{\"minimum_shares\":{\"reply\":0.96}}", 400, "at most 0.95"),
                ("{\"memory_bytes\":1000}", 409, "allow more memory"),
                ("{\"cores\":3}", 400, "'cores' is not supported"),
            })
            {
                (int Status, string Message, string, string?, string?) error = await RunningServer.Error(await server.Post("/admin/allocation", body));
                Assert.Equal(status, error.Status);
                Assert.Contains(message, error.Message, StringComparison.Ordinal);
            }
            string metrics = await server.Client.GetStringAsync("/metrics");
            foreach (string part in new[] { "cleave_module_compute_seconds_total{module=\"reply\"} ", "cleave_module_memory_bytes{module=\"reply\",kind=\"weights\"} ", "cleave_module_share{module=\"monolith\"} 0.5", "cleave_bottleneck{kind=\"none\",module=\"\"} 1" })
                Assert.Contains(part, metrics, StringComparison.Ordinal);
        }
        host.Dispose();
        allocator.Dispose();
        string[] lines = await File.ReadAllLinesAsync(audit);
        File.Delete(audit);
        Assert.Contains(lines, l => l.Contains("\"action\":\"allocate\",\"outcome\":\"done\",\"weights\":\"{\\u0022reply\\u0022:4}\"", StringComparison.Ordinal));
    }

    [BrowserFact]
    public async Task The_dashboard_draws_cores_and_memory_and_names_the_bottleneck()
    {
        (RunningServer server, ServingAllocator allocator, VersionedHost host) = await Start();
        await using (server)
        {
            await server.Post("/v1/completions", Ask);
            (string dom, string[] console) = Browser.Open(new Uri(server.Client.BaseAddress!, "/dashboard"), 1280);
            Assert.Empty(console);
            string section = dom[dom.IndexOf("id=\"allocation\"", StringComparison.Ordinal)..dom.IndexOf("id=\"try\"", StringComparison.Ordinal)];
            Assert.Contains("Bottleneck: none: the processor is used", section, StringComparison.Ordinal);
            string[] charts = section.Split(" data-chart=\"")[1..];
            Assert.Equal(2, charts.Length);
            Assert.All(charts, c => Assert.Matches("^[a-z]+\"[^>]*>\\s*<div[^>]*><svg", c));
        }
        host.Dispose();
        allocator.Dispose();
    }
}
