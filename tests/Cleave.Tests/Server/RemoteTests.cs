using System.Net;
using System.Text;
using System.Text.Json;
using Cleave.Server;
using Cleave.Serving;
using Cleave.Serving.Remote;
using Microsoft.AspNetCore.Http;

namespace Cleave.Tests.Server;

/// <summary>Modules that other servers answer for, some of which fail in every way.</summary>
[Trait("Kernels", "unused")]
public sealed class RemoteTests
{
    private const string Ask = "{\"model\":\"reply\",\"prompt\":\"a b\"}", AskStream = "{\"model\":\"reply\",\"prompt\":\"a b\",\"stream\":true}";

    private readonly SteppedClock _clock = new();

    private RemoteModules Remotes(RemoteOptions options, params OtherServer[] servers) => new([("reply", [.. servers.Select(s => s.Address)])], options, _clock);

    private Task<RunningServer> Front(RemoteModules remotes) => RunningServer.StartAsync(new RemoteHost(remotes, null), new ServerOptions { Clock = _clock });

    private static async Task<string> Text(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()!;
    }

    private static async Task<(int Status, string? Code)> Failure(Task<HttpResponseMessage> response)
    {
        var error = await RunningServer.Error(await response);
        return (error.Status, error.Code);
    }

    private static async Task Until(Func<bool> condition)
    {
        for (int i = 0; !condition(); i++)
        {
            Assert.True(i < 10_000, "nothing has come of it");
            await Task.Delay(1);
        }
    }

    [Theory]
    [InlineData("/v1/chat/completions", "{\"model\":\"reply\",\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\",\"content\":\"ä \\\"b\\\"\"}],\"max_tokens\":4}")]
    [InlineData("/v1/chat/completions", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"reply to me\"}],\"stream\":true,\"stream_options\":{\"include_usage\":true}}")]
    [InlineData("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"a\",\"stop\":[\"3\"],\"n\":2,\"seed\":18446744073709551615}")]
    [InlineData("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"a\",\"stream\":true,\"n\":3}")]
    [InlineData("/v1/classify", "{\"model\":\"größe\",\"input\":[\"one!\",\"two\"]}")]
    [InlineData("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\"}")]
    [InlineData("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\",\"stream\":true}")]
    public async Task What_is_asked_here_is_answered_as_it_is_there(string path, string body)
    {
        await using RunningServer there = await RunningServer.StartAsync(new WordHost());
        using var remotes = new RemoteModules([.. new[] { "reply", "größe", "auto" }.Select(n => (n, (IReadOnlyList<Uri>)[there.Client.BaseAddress!]))]);
        await using RunningServer here = await RunningServer.StartAsync(new RemoteHost(remotes, null));
        HttpResponseMessage a = await there.Post(path, body), b = await here.Post(path, body);
        Assert.Equal(a.StatusCode, b.StatusCode);
        foreach (string name in new[] { "x-cleave-module", "x-cleave-task", "x-cleave-route", "x-cleave-confidence" })
            Assert.Equal(a.Headers.TryGetValues(name, out IEnumerable<string>? one) ? one : [], b.Headers.TryGetValues(name, out IEnumerable<string>? two) ? two : []);
        Assert.Equal(await Said(a), await Said(b));

        // Without what is new each time; the pieces of several answers come in any order.
        static async Task<string[]> Said(HttpResponseMessage response) => [.. System.Text.RegularExpressions.Regex.Replace(await response.Content.ReadAsStringAsync(),
            "\"(id|created|compute_ms|queue_ms)\":(\"[^\"]*\"|[0-9.]+)", "").Split("\n\n").Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task Every_request_carries_what_was_asked_and_nothing_else()
    {
        await using OtherServer there = await OtherServer.StartAsync(c => OtherServer.Say(c, "yes"));
        using RemoteModules remotes = Remotes(new RemoteOptions { Key = "sk-1" }, there);
        await using RunningServer here = await Front(remotes);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent("{\"model\":\"reply\",\"prompt\":\"a\",\"max_tokens\":3,\"temperature\":0.5,\"top_p\":0.25,\"seed\":7,\"stop\":\"x\",\"logprobs\":2,\"user\":\"me\"}", Encoding.UTF8, "application/json"),
            Headers = { { "x-request-id", "r-1" }, { "x-cleave-deadline-ms", "500" }, { "Cookie", "a=b" } },
        };
        Assert.Equal("yes", await Text(await here.Client.SendAsync(request)));
        (string path, string body, IHeaderDictionary headers) = Assert.Single(there.Posts);
        Assert.Equal("/v1/completions", path);
        Assert.Equal("{\"model\":\"reply\",\"prompt\":\"a\",\"max_tokens\":3,\"temperature\":0.5,\"top_p\":0.25,\"seed\":7,\"stop\":[\"x\"],\"logprobs\":2}", body);
        Assert.Equal("Bearer sk-1 r-1 500 ", $"{headers.Authorization} {headers["x-request-id"]} {headers["x-cleave-deadline-ms"]} {headers.Cookie}");
    }

    [Fact]
    public async Task A_server_that_dies_costs_only_the_streams_that_had_begun()
    {
        await using OtherServer dying = await OtherServer.StartAsync(async context =>
        {
            if (context.Request.Headers["x-request-id"] == "begun")
            {
                await context.Response.WriteAsync("data: {\"choices\":[{\"index\":0,\"text\":\"one\"}]}\n\n");
                await context.Response.Body.FlushAsync();
                await Task.Delay(20); // so that the piece is out before the connection is gone
            }
            context.Abort();
        });
        await using OtherServer well = await OtherServer.StartAsync(c => OtherServer.Say(c, "well", stream: c.Request.Headers["x-request-id"].ToString() is "stream" or "begun"));
        using RemoteModules remotes = Remotes(new RemoteOptions { Failures = 1000, RetryReserve = 1000 }, dying, well);
        await using RunningServer here = await Front(remotes);
        for (int i = 0; i < 10; i++)
            Assert.Equal("well", await Text(await here.Post("/v1/completions", Ask)));
        for (int i = 0; i < 4; i++)
            Assert.EndsWith("data: [DONE]\n\n", await Stream("stream"), StringComparison.Ordinal);
        Assert.True(dying.Posts.Count >= 5);
        string[] begun = [.. await Task.WhenAll(Stream("begun"), Stream("begun"))];
        string cut = Assert.Single(begun, b => b.Contains("\"text\":\"one\"", StringComparison.Ordinal));
        Assert.Contains("\"code\":\"remote_failed\"", cut, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", cut, StringComparison.Ordinal);

        async Task<string> Stream(string id)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(AskStream, Encoding.UTF8, "application/json"), Headers = { { "x-request-id", id } } };
            return await (await here.Client.SendAsync(request)).Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task What_a_hanging_server_has_is_given_to_another_one_when_it_does_not_say_any_more_that_it_is_ready()
    {
        await using OtherServer hanging = await OtherServer.StartAsync(c => Task.Delay(Timeout.Infinite, c.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        await using OtherServer well = await OtherServer.StartAsync(c => OtherServer.Say(c, "well"));
        var options = new RemoteOptions { ProbeMisses = 2 };
        using RemoteModules remotes = Remotes(options, hanging, well);
        await using RunningServer here = await Front(remotes);
        Task<HttpResponseMessage>[] asked = [.. Enumerable.Range(0, 2).Select(_ => here.Post("/v1/completions", Ask))];
        await Until(() => hanging.Posts.Count == 1 && asked.Any(a => a.IsCompleted));
        hanging.Health = hangs => Task.Delay(Timeout.Infinite, hangs.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        for (int i = 0; i < options.ProbeMisses; i++)
        {
            Assert.Equal(RemoteHealth.Ready, remotes.State[0].Servers[0].Health);
            int before = _clock.Waiting;
            Task probe = remotes.ProbeAsync();
            await Until(() => _clock.Waiting == before + 1); // that of the server that answers is gone again
            _clock.Advance(options.ProbeLimit);
            await probe;
        }
        Assert.All(await Task.WhenAll(asked.Select(async a => await Text(await a))), t => Assert.Equal("well", t));
        Assert.Equal((RemoteHealth.Lost, 0), (remotes.State[0].Servers[0].Health, remotes.State[0].Servers[0].Running));
        for (int i = 0; i < 3; i++)
            await Text(await here.Post("/v1/completions", Ask));
        Assert.Single(hanging.Posts);
        hanging.Health = _ => Task.CompletedTask;
        await remotes.ProbeAsync();
        Assert.Equal(RemoteHealth.Ready, remotes.State[0].Servers[0].Health);
    }

    [Theory]
    [InlineData(Ask)]
    [InlineData(AskStream)]
    public async Task Who_says_nothing_for_too_long_is_a_timeout(string body)
    {
        await using OtherServer silent = await OtherServer.StartAsync(c => Task.Delay(Timeout.Infinite, c.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        var options = new RemoteOptions();
        using RemoteModules remotes = Remotes(options, silent);
        await using RunningServer here = await Front(remotes);
        Task<HttpResponseMessage> asked = here.Post("/v1/completions", body);
        await Until(() => !silent.Posts.IsEmpty);
        _clock.Advance(options.Silence);
        var error = await RunningServer.Error(await asked);
        Assert.Equal((504, "remote_timeout", "timeout_error"), (error.Status, error.Code, error.Type));
    }

    [Fact]
    public async Task A_client_that_leaves_or_whose_time_is_up_leaves_nothing_behind_there()
    {
        int left = 0;
        await using OtherServer there = await OtherServer.StartAsync(c => Task.Delay(Timeout.Infinite, c.RequestAborted).ContinueWith(_ => { Interlocked.Increment(ref left); }, TaskScheduler.Default));
        using RemoteModules remotes = Remotes(new RemoteOptions { Failures = 1 }, there);
        await using RunningServer here = await Front(remotes);
        using var leave = new CancellationTokenSource();
        Task<HttpResponseMessage> asked = here.Post("/v1/completions", Ask, leave.Token);
        await Until(() => there.Posts.Count == 1);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await Until(() => left == 1);

        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(Ask, Encoding.UTF8, "application/json"), Headers = { { "x-cleave-deadline-ms", "500" } } };
        asked = here.Client.SendAsync(request);
        await Until(() => there.Posts.Count == 2);
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal((504, "deadline_exceeded"), await Failure(asked));
        await Until(() => left == 2 && remotes.State[0].Running == 0);
        Assert.Equal((CircuitState.Closed, 0L), (remotes.State[0].Servers[0].Circuit, remotes.State[0].Servers[0].Failures)); // neither speaks against the server
    }

    public static TheoryData<string> Garbage => new("", "null", "[]", "{", "<html>", "{\"choices\":[]}", "{\"choices\":{}}", "{\"choices\":[{\"text\":1,\"finish_reason\":\"stop\"}],\"usage\":{}}",
        "{\"choices\":[{\"text\":\"x\",\"finish_reason\":\"tired\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
        "{\"choices\":[{\"text\":\"x\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
        "{\"choices\":[{\"text\":\"x\",\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1}}",
        "{\"choices\":[{\"text\":\"x\",\"finish_reason\":\"stop\",\"logprobs\":{\"tokens\":[\"x\"],\"token_logprobs\":[],\"top_logprobs\":[]}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
        "{\"choices\":[{\"text\":\"\\ud800\",\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}", new string('x', 5000));

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Garbage_is_a_bad_gateway_and_nothing_of_it_is_passed_on(string garbage)
    {
        await using OtherServer there = await OtherServer.StartAsync(c => c.Response.WriteAsync(c.Request.Headers["x-request-id"] == "stream" ? $"data: {garbage}\n\ndata: [DONE]\n\n" : garbage));
        using RemoteModules remotes = Remotes(new RemoteOptions { Failures = 100, MostAnswerBytes = 4096 }, there);
        await using RunningServer here = await Front(remotes);
        foreach (string body in new[] { Ask, AskStream })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json"), Headers = { { "x-request-id", body == Ask ? "whole" : "stream" } } };
            HttpResponseMessage response = await here.Client.SendAsync(request);
            if (response.StatusCode == HttpStatusCode.OK) // a stream whose first piece was right
                Assert.Contains("\"code\":\"remote_failed\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            else
                Assert.Equal((502, "remote_failed"), await Failure(Task.FromResult(response)));
        }
        Assert.Equal(2, remotes.State[0].Servers[0].Failures);
        var vectors = await RunningServer.Error(await here.Post("/v1/embeddings", "{\"model\":\"reply\",\"input\":\"x\"}"));
        Assert.Equal((502, "remote_failed"), (vectors.Status, vectors.Code));
    }

    [Theory]
    [InlineData(400, "{\"error\":{\"message\":\"too long\",\"type\":\"invalid_request_error\",\"param\":\"prompt\",\"code\":\"context_length_exceeded\"}}", 400, "context_length_exceeded", 0)]
    [InlineData(401, "no", 502, "remote_failed", 0)]
    [InlineData(404, "{\"error\":{\"message\":\"no such module\"}}", 502, "remote_failed", 0)]
    [InlineData(302, "", 502, "remote_failed", 1)]
    [InlineData(429, "{\"error\":{\"message\":\"busy\"}}", 429, "rate_limit_exceeded", 0)]
    [InlineData(500, "{\"error\":[1]}", 502, "remote_failed", 1)]
    [InlineData(503, "stopping", 503, "remote_unavailable", 0)]
    [InlineData(504, "", 504, "remote_timeout", 1)]
    public async Task Refusals_say_what_they_mean_here(int status, string body, int expected, string code, int faults)
    {
        await using OtherServer there = await OtherServer.StartAsync(async c =>
        {
            c.Response.StatusCode = status;
            c.Response.Headers.Location = "http://127.0.0.1:1/";
            c.Response.Headers.RetryAfter = "7";
            await c.Response.WriteAsync(body);
        });
        using RemoteModules remotes = Remotes(new RemoteOptions(), there);
        await using RunningServer here = await Front(remotes);
        HttpResponseMessage response = await here.Post("/v1/completions", Ask);
        var error = await RunningServer.Error(response);
        Assert.Equal((expected, code), (error.Status, error.Code));
        Assert.Equal(faults, remotes.State[0].Servers[0].Failures);
        Assert.Equal(status is 429 or 503 ? 7 : null, (int?)response.Headers.RetryAfter?.Delta?.TotalSeconds);
        if (status == 503) // it is left alone until it says that it is ready
        {
            Assert.Equal("remote_unavailable", (await RunningServer.Error(await here.Post("/v1/completions", Ask))).Code);
            Assert.Single(there.Posts);
            await remotes.ProbeAsync();
            await here.Post("/v1/completions", Ask);
            Assert.Equal(2, there.Posts.Count);
        }
    }

    [Fact]
    public async Task A_failing_server_is_left_alone_and_tried_again_by_one_request()
    {
        bool well = false;
        using var go = new SemaphoreSlim(0);
        await using OtherServer there = await OtherServer.StartAsync(async c =>
        {
            if (well)
                await go.WaitAsync();
            await (well ? OtherServer.Say(c, "well") : c.Response.WriteAsync("?"));
        });
        var options = new RemoteOptions { Failures = 3 };
        using RemoteModules remotes = Remotes(options, there);
        await using RunningServer here = await Front(remotes);
        for (int i = 0; i < 5; i++)
            Assert.Equal(i < 3 ? 502 : 503, (await RunningServer.Error(await here.Post("/v1/completions", Ask))).Status);
        Assert.Equal(3, there.Posts.Count);
        _clock.Advance(options.Open);
        await here.Post("/v1/completions", Ask); // fails: twice as long from here on
        _clock.Advance(options.Open);
        await here.Post("/v1/completions", Ask);
        Assert.Equal((4, CircuitState.Open), (there.Posts.Count, remotes.State[0].Servers[0].Circuit));
        well = true;
        _clock.Advance(options.Open);
        Task<HttpResponseMessage> trial = here.Post("/v1/completions", Ask);
        await Until(() => there.Posts.Count == 5);
        Assert.Equal(CircuitState.HalfOpen, remotes.State[0].Servers[0].Circuit);
        Assert.Equal(503, (await RunningServer.Error(await here.Post("/v1/completions", Ask))).Status);
        go.Release(100);
        Assert.Equal("well", await Text(await trial));
        Assert.Equal("well", await Text(await here.Post("/v1/completions", Ask)));
    }

    [Fact]
    public async Task Second_tries_are_a_share_of_the_requests()
    {
        await using OtherServer a = await OtherServer.StartAsync(c => c.Response.WriteAsync("?")), b = await OtherServer.StartAsync(c => c.Response.WriteAsync("?"));
        using RemoteModules remotes = Remotes(new RemoteOptions { Failures = 1000, RetryShare = 0.2, RetryReserve = 3 }, a, b);
        await using RunningServer here = await Front(remotes);
        for (int i = 0; i < 50; i++)
            Assert.Equal(502, (await RunningServer.Error(await here.Post("/v1/completions", Ask))).Status);
        // The three that there were, then one from every fifth request: the sixth, the eleventh, ... the 46th.
        Assert.Equal(50 + 3 + 9, a.Posts.Count + b.Posts.Count);
        Assert.Equal(12, remotes.State[0].Retries);
        string[] metrics = (await here.Client.GetStringAsync("/metrics")).Split('\n');
        Assert.Contains("cleave_remote_retries_total{module=\"reply\"} 12", metrics);
        Assert.Contains($"cleave_remote_failures_total{{module=\"reply\",server=\"{a.Address.Authority}\"}} {a.Posts.Count}", metrics);
        Assert.Contains($"cleave_remote_server_info{{module=\"reply\",server=\"{a.Address.Authority}\",health=\"ready\",circuit=\"closed\"}} 1", metrics);
        JsonElement state = JsonElement.Parse(await here.Client.GetStringAsync("/admin/remotes")).GetProperty("modules")[0];
        Assert.Equal(("reply", 12, 2), (state.GetProperty("name").GetString(), state.GetProperty("retries").GetInt32(), state.GetProperty("servers").GetArrayLength()));
        Assert.Contains("not valid JSON", state.GetProperty("servers")[0].GetProperty("last_failure").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_has_the_fewest_requests_gets_the_next_and_no_module_takes_every_thread()
    {
        using var go = new SemaphoreSlim(0);
        OtherServer[] servers = [await Holding(), await Holding(), await Holding()];
        using RemoteModules remotes = Remotes(new RemoteOptions { MostRunning = 9 }, servers);
        await using RunningServer here = await Front(remotes);
        var asked = new List<Task<HttpResponseMessage>>();
        for (int i = 1; i <= 9; i++)
        {
            asked.Add(here.Post("/v1/completions", Ask));
            await Until(() => servers.Sum(s => s.Posts.Count) == i);
        }
        Assert.All(servers, s => Assert.Equal(3, s.Posts.Count));
        var busy = await RunningServer.Error(await here.Post("/v1/completions", Ask));
        Assert.Equal((429, "rate_limit_exceeded"), (busy.Status, busy.Code));
        go.Release(100);
        Assert.All(await Task.WhenAll(asked), r => Assert.Equal(HttpStatusCode.OK, r.StatusCode));
        foreach (OtherServer server in servers)
            await server.DisposeAsync();

        Task<OtherServer> Holding() => OtherServer.StartAsync(async c =>
        {
            await go.WaitAsync();
            await OtherServer.Say(c, "held");
        });
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_unavailable_and_its_module_is_not_described_but_known()
    {
        OtherServer gone = await OtherServer.StartAsync(_ => Task.CompletedTask);
        await gone.DisposeAsync();
        using RemoteModules remotes = Remotes(new RemoteOptions(), gone);
        await using RunningServer here = await Front(remotes);
        Assert.Equal("{\"object\":\"list\",\"data\":[]}", await here.Client.GetStringAsync("/v1/models"));
        var error = await RunningServer.Error(await here.Post("/v1/completions", Ask));
        Assert.Equal((503, "remote_unavailable"), (error.Status, error.Code));
        Assert.Equal(404, (await RunningServer.Error(await here.Post("/v1/completions", Ask.Replace("reply", "other", StringComparison.Ordinal)))).Status);
    }

    [Theory]
    [InlineData("reply=http://a:1", "reply", "http://a:1/")]
    [InlineData("a=b=https://a,http://[::1]:2/", "a=b", "https://a/ http://[::1]:2/")]
    [InlineData("x=http=http://a", null, null)]
    [InlineData("reply", null, null)]
    [InlineData("=http://a", null, null)]
    [InlineData("reply=http://a/v1", null, null)]
    [InlineData("reply=http://me:key@a", null, null)]
    [InlineData("reply=http://a,ftp://b", null, null)]
    [InlineData("reply=http://a,http://a/", null, null)]
    public void Names_with_addresses_are_read(string text, string? name, string? addresses)
    {
        if (addresses is null)
        {
            Assert.Throws<CleaveException>(() => RemoteModules.Parse(text));
            return;
        }
        (string read, IReadOnlyList<Uri> servers) = RemoteModules.Parse(text);
        Assert.Equal((name, addresses), (read, string.Join(' ', servers)));
    }
}
