using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Cleave.Server;
using Cleave.Server.Keys;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving.Versions;

namespace Cleave.Tests.Server;

[Trait("Kernels", "unused")]
public sealed class KeyTests : IDisposable
{
    private const string Ask = "{\"model\":\"reply\",\"prompt\":\"x\"}";

    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-keys-").FullName;
    private readonly Clock _clock = new();

    private string Audit => Path.Combine(_folder, "audit.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ApiKeys Keys(params string[] lines)
    {
        string file = Path.Combine(_folder, "keys");
        File.WriteAllLines(file, lines);
        return ApiKeys.Load(file, _clock);
    }

    private static async Task<HttpResponseMessage> Send(RunningServer server, string? key, string path, string? body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, new Uri(server.Client.BaseAddress!.OriginalString.TrimEnd('/') + path));
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        foreach ((string name, string value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        return await server.Client.SendAsync(request);
    }

    [Fact]
    public void What_a_key_may_do_is_read_from_its_line()
    {
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("beta"u8));
        ApiKeys keys = Keys("# ours", "alpha", "", $"sha256:{hash}  name=ci\tmodules=mood,auto requests-per-minute=60 tokens-per-day=1000 metrics", "gamma admin");
        ApiKey alpha = keys.Find("alpha")!, beta = keys.Find("beta")!, gamma = keys.Find("gamma")!;
        Assert.Equal(("key-2", null, false, false, null, null), (alpha.Name, alpha.Modules, alpha.IsAdmin, alpha.ReadsMetrics, alpha.RequestsPerMinute, alpha.TokensPerDay));
        Assert.Equal(("ci", 60, 1000, true, false), (beta.Name, beta.RequestsPerMinute, beta.TokensPerDay, beta.ReadsMetrics, beta.IsAdmin));
        Assert.Equal((true, true, false), (beta.MayAsk("mood"), beta.MayAsk("auto"), beta.MayAsk("reply")));
        Assert.True(gamma.IsAdmin);
        Assert.All(["alph", "alpha ", "", "name=ci", hash, "sha256:" + hash], wrong => Assert.Null(keys.Find(wrong)));
        Assert.Equal("ci", beta.ToString());
    }

    [Theory]
    [InlineData("key of old", "behind a key there may be")]
    [InlineData("key admin=yes", "behind a key there may be")]
    [InlineData("key name=a/b", "behind a key there may be")]
    [InlineData("key modules=", "behind a key there may be")]
    [InlineData("key requests-per-minute=0", "a whole number from 1")]
    [InlineData("key tokens-per-day=1e9", "a whole number from 1")]
    [InlineData("key tokens-per-day=99999999999999999999", "a whole number from 1")]
    [InlineData("key admin admin", "says admin twice")]
    [InlineData("first", "is there already")]
    [InlineData("other name=one", "is there already")]
    public void Lines_that_are_not_understood_are_refused_and_not_repeated(string line, string message)
    {
        DataFileException e = Assert.Throws<DataFileException>(() => Keys("first name=one", line));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(2, e.Line);
        Assert.DoesNotContain("of old", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_for_some_modules_asks_and_sees_those_alone()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = Keys("alpha modules=mood", "beta modules=auto,reply") });
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "alpha", "/v1/completions", Ask.Replace("reply", "mood", StringComparison.Ordinal))).StatusCode);
        foreach (string other in new[] { "reply", "auto" })
        {
            var error = await RunningServer.Error(await Send(server, "alpha", "/v1/completions", Ask.Replace("reply", other, StringComparison.Ordinal)));
            Assert.Equal((403, "permission_error", "model", "insufficient_permissions"), (error.Status, error.Type, error.Param, error.Code));
        }
        using JsonDocument list = JsonDocument.Parse(await (await Send(server, "beta", "/v1/models", null)).Content.ReadAsStringAsync());
        Assert.Equal(["reply", "auto"], list.RootElement.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()));
        Assert.Equal(404, (await RunningServer.Error(await Send(server, "beta", "/v1/models/mood", null))).Status);
    }

    [Fact]
    public async Task Requests_beyond_the_minute_are_told_when_to_come_back_and_others_are_not_held_up()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = Keys("alpha requests-per-minute=2", "beta") });
        for (int i = 0; i < 2; i++)
            Assert.Equal(HttpStatusCode.OK, (await Send(server, "alpha", "/v1/completions", Ask)).StatusCode);
        HttpResponseMessage third = await Send(server, "alpha", "/v1/completions", Ask);
        var error = await RunningServer.Error(third);
        Assert.Equal((429, "rate_limit_error", "rate_limit_exceeded", TimeSpan.FromSeconds(30)), (error.Status, error.Type, error.Code, third.Headers.RetryAfter!.Delta!.Value));
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "beta", "/v1/completions", Ask)).StatusCode);
        _clock.Pass(TimeSpan.FromSeconds(29));
        Assert.Equal(429, (int)(await Send(server, "alpha", "/v1/completions", Ask)).StatusCode);
        _clock.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "alpha", "/v1/completions", Ask)).StatusCode);
    }

    [Fact]
    public async Task Tokens_of_a_day_are_spent_by_whole_answers_and_by_streams_and_come_back_at_midnight()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = Keys("alpha tokens-per-day=12") });
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "alpha", "/v1/completions", Ask)).StatusCode); // 1 + 5
        await (await Send(server, "alpha", "/v1/completions", Ask.Replace("}", ",\"stream\":true}", StringComparison.Ordinal))).Content.ReadAsStringAsync();
        HttpResponseMessage third = await Send(server, "alpha", "/v1/completions", Ask);
        var error = await RunningServer.Error(third);
        Assert.Equal((429, "insufficient_quota"), (error.Status, error.Code));
        Assert.Equal(TimeSpan.FromHours(14), third.Headers.RetryAfter!.Delta); // it is ten o'clock
        _clock.Pass(TimeSpan.FromHours(14));
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "alpha", "/v1/completions", Ask)).StatusCode);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_costs_what_was_read_and_made()
    {
        var host = new WordHost { BeforeWord = (word, _) => { if (word == 2) throw new InvalidOperationException("as asked"); } };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Keys = Keys("alpha tokens-per-day=10") });
        const string Four = "{\"model\":\"reply\",\"prompt\":\"a b c d\",\"stream\":true}";
        foreach (int _ in new[] { 4 + 2, 4 + 2 })
            Assert.Contains("internal error", await (await Send(server, "alpha", "/v1/completions", Four)).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("insufficient_quota", (await RunningServer.Error(await Send(server, "alpha", "/v1/completions", Four))).Code);
    }

    [Fact]
    public async Task A_key_for_some_modules_hears_of_those_alone_where_it_names_none()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = Keys("alpha modules=mood") });
        foreach ((string path, string body) in new[] { ("/v1/completions", Ask.Replace("reply", "x", StringComparison.Ordinal)), ("/v1/classify", "{\"model\":\"x\",\"input\":\"a\"}"), ("/v1/embeddings", "{\"model\":\"x\",\"input\":\"a\"}") })
        {
            var error = await RunningServer.Error(await Send(server, "alpha", path, body));
            Assert.Equal((404, "there is no module 'x'; there are: mood"), (error.Status, error.Message));
        }
    }

    [Fact]
    public async Task Without_keys_a_proxy_brings_neither_administrators_nor_readers_of_metrics()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        Assert.Equal(HttpStatusCode.OK, (await Send(server, null, "/metrics", null)).StatusCode);
        Assert.Equal(403, (await RunningServer.Error(await Send(server, null, "/Metrics", null, ("X-Forwarded-For", "203.0.113.5")))).Status);
    }

    [Fact]
    public async Task Administrators_need_an_administrators_key_and_what_they_do_is_written_down()
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Keys = Keys("user-secret", "admin-secret admin name=ops", "scrape-secret metrics"), AuditFile = Audit });
        string promote = $"{{\"version\":\"{SayingHost.HashOf("b")}\"}}";
        Assert.Equal(401, (await RunningServer.Error(await Send(server, null, "/admin/promote", promote))).Status);
        Assert.Equal(401, (await RunningServer.Error(await Send(server, "wrong-secret", "/admin/versions", null))).Status);
        foreach (string path in new[] { "/admin/promote", "/admin", "/ADMIN/versions" })
            Assert.Equal(403, (await RunningServer.Error(await Send(server, "user-secret", path, promote))).Status);
        foreach (string path in new[] { "/metrics/", "/METRICS", "/admin/stats/", "/admin/versions/" })
            Assert.Equal(403, (await RunningServer.Error(await Send(server, "user-secret", path, null))).Status);
        foreach (string path in new[] { "//admin/versions", "/admin%2Fversions", "/./admin/versions", "/v1/%2e%2e/admin/versions" })
            Assert.Contains((await RunningServer.Error(await Send(server, "user-secret", path, null))).Status, new[] { 403, 404 });
        Assert.Equal(403, (await RunningServer.Error(await Send(server, "admin-secret", "/admin/promote", promote, ("Origin", "http://elsewhere.example")))).Status);
        Assert.Equal([403, 200, 200], new[] { await Send(server, "user-secret", "/metrics", null), await Send(server, "scrape-secret", "/metrics", null), await Send(server, "admin-secret", "/metrics", null) }.Select(r => (int)r.StatusCode));
        Assert.Equal(SayingHost.HashOf("a"), versions.State.Versions.Single(v => v.Role == VersionRole.Serving).Hash);
        Assert.Equal("", await ReadAudit());

        Assert.Equal(HttpStatusCode.OK, (await Send(server, "admin-secret", "/admin/promote", promote, ("x-request-id", "change-1"), ("Origin", server.Client.BaseAddress!.OriginalString))).StatusCode);
        Assert.Equal(404, (int)(await Send(server, "admin-secret", "/admin/unload", "{\"version\":\"x\\n{\\\"actor\\\":\\\"forged\\\"}\\u2028\"}", ("x-request-id", "bad id\t"))).StatusCode);
        string[] lines = (await ReadAudit()).TrimEnd('\n').Split('\n');
        Assert.Equal(4, lines.Length);
        JsonElement[] entries = [.. lines.Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(["begun", "done", "begun", "refused"], entries.Select(e => e.GetProperty("outcome").GetString()));
        Assert.All(entries, e => Assert.Equal("ops", e.GetProperty("actor").GetString()));
        Assert.Equal(("promote", SayingHost.HashOf("b"), "change-1", "127.0.0.1"),
            (entries[1].GetProperty("action").GetString(), entries[1].GetProperty("version").GetString(), entries[1].GetProperty("request").GetString(), entries[1].GetProperty("remote").GetString()));
        Assert.Equal("x\n{\"actor\":\"forged\"}\u2028", entries[2].GetProperty("version").GetString());
        Assert.NotEqual("bad id\t", entries[2].GetProperty("request").GetString());
        Assert.DoesNotContain("secret", string.Concat(lines), StringComparison.Ordinal);
        Assert.All(lines, l => Assert.True(l.All(c => c is >= ' ' and < '\u007f')));
    }

    [Fact]
    public async Task Without_keys_what_a_proxy_brings_may_not_change_anything()
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await using RunningServer server = await RunningServer.StartAsync(versions);
        Assert.Equal(HttpStatusCode.OK, (await Send(server, null, "/admin/versions", null)).StatusCode);
        foreach (string header in new[] { "X-Forwarded-For", "Forwarded" })
            Assert.Equal(403, (await RunningServer.Error(await Send(server, null, "/admin/versions", null, (header, "203.0.113.7")))).Status);
    }

    [Fact]
    public async Task An_audit_log_that_cannot_be_written_lets_nothing_change()
    {
        if (!File.Exists("/dev/full"))
            return; // only Linux has a disk that is always full
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { AuditFile = "/dev/full" });
        var error = await RunningServer.Error(await Send(server, null, "/admin/promote", $"{{\"version\":\"{SayingHost.HashOf("b")}\"}}"));
        Assert.Equal((503, "audit_log_failed"), (error.Status, error.Code));
        Assert.Contains("nothing was changed", error.Message, StringComparison.Ordinal);
        Assert.Equal(SayingHost.HashOf("a"), versions.State.Versions.Single(v => v.Role == VersionRole.Serving).Hash);
        Assert.Equal(HttpStatusCode.OK, (await Send(server, null, "/v1/completions", Ask)).StatusCode); // requests go on
    }

    [Fact]
    public async Task An_audit_log_is_added_to_also_behind_a_line_that_was_torn()
    {
        await File.WriteAllTextAsync(Audit, "{\"time\":\"before\"}\n{\"time\":\"to");
        for (int i = 0; i < 2; i++)
        {
            using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
            await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { AuditFile = Audit });
            await Send(server, null, "/admin/rollback", "{}");
        }
        string[] lines = (await ReadAudit()).TrimEnd('\n').Split('\n');
        Assert.Equal(("{\"time\":\"before\"}", "{\"time\":\"to", 6), (lines[0], lines[1], lines.Length));
        Assert.All(lines[2..], l => Assert.Equal("rollback", JsonDocument.Parse(l).RootElement.GetProperty("action").GetString()));
        Assert.Contains("cannot be written", (await Assert.ThrowsAsync<CleaveException>(() => RunningServer.StartAsync(new WordHost(), new ServerOptions { AuditFile = "/nowhere/audit" }))).Message, StringComparison.Ordinal);
    }

    private async Task<string> ReadAudit()
    {
        using var reader = new StreamReader(new FileStream(Audit, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return await reader.ReadToEndAsync();
    }

    /// <summary>Ten o'clock in the morning until somebody says otherwise.</summary>
    private sealed class Clock : TimeProvider
    {
        private TimeSpan _passed;

        public void Pass(TimeSpan time) => _passed += time;

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 3, 4, 10, 0, 0, TimeSpan.Zero) + _passed;

        public override long GetTimestamp() => _passed.Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    }
}
