using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cleave.Server;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving.Versions;

namespace Cleave.Tests.Server;

/// <summary>What a server tells about itself.</summary>
[Trait("Kernels", "unused")]
public sealed class ObservationTests
{
    private const string Ask = "{\"model\":\"reply\",\"prompt\":\"a secret prompt\"}";

    private static async Task<string[]> Metrics(RunningServer server)
    {
        HttpResponseMessage response = await server.Client.GetAsync("/metrics");
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static double Value(string[] metrics, string series) =>
        double.Parse(metrics.Single(l => l.StartsWith(series + " ", StringComparison.Ordinal))[(series.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task Metrics_count_what_was_asked_and_are_in_the_form_that_prometheus_reads()
    {
        var host = new WordHost();
        await using RunningServer server = await RunningServer.StartAsync(host);
        for (int i = 0; i < 3; i++)
            await server.Post("/v1/completions", Ask);
        await server.Post("/v1/chat/completions", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"so loud!\"}]}");
        host.BeforeWord = (_, _) => throw new InvalidOperationException("as asked");
        await server.Post("/v1/completions", Ask);
        await server.Client.GetAsync("/nothing/" + Guid.NewGuid());
        await server.Client.GetAsync("/elsewhere/" + Guid.NewGuid());
        string[] metrics = await Metrics(server);

        Assert.Equal(3, Value(metrics, "cleave_requests_total{module=\"reply\",route=\"named\",status=\"ok\",version=\"\"}"));
        Assert.Equal(1, Value(metrics, "cleave_requests_total{module=\"reply\",route=\"none\",status=\"error\",version=\"\"}"));
        Assert.Equal(1, Value(metrics, "cleave_requests_total{module=\"mood\",route=\"router\",status=\"ok\",version=\"\"}"));
        Assert.Equal(3, Value(metrics, "cleave_http_requests_total{http_request_method=\"POST\",http_route=\"/v1/completions\",http_response_status_code=\"200\"}"));
        Assert.Equal(2, Value(metrics, "cleave_http_requests_total{http_request_method=\"GET\",http_route=\"other\",http_response_status_code=\"404\"}"));
        const string Reply = "gen_ai_operation_name=\"text_completion\",gen_ai_provider_name=\"cleave\",gen_ai_request_model=\"reply\",gen_ai_response_model=\"reply\"";
        Assert.Equal(9, Value(metrics, $"gen_ai_client_token_usage_sum{{{Reply},gen_ai_token_type=\"input\"}}"));
        Assert.Equal(15, Value(metrics, $"gen_ai_client_token_usage_sum{{{Reply},gen_ai_token_type=\"output\"}}"));
        Assert.Equal(3, Value(metrics, $"gen_ai_client_token_usage_bucket{{{Reply},gen_ai_token_type=\"input\",le=\"4\"}}"));
        Assert.Equal(0, Value(metrics, $"gen_ai_client_token_usage_bucket{{{Reply},gen_ai_token_type=\"output\",le=\"4\"}}"));
        Assert.Equal(3, Value(metrics, $"gen_ai_server_request_duration_seconds_bucket{{{Reply},le=\"+Inf\"}}"));
        Assert.Equal(3, Value(metrics, $"gen_ai_server_request_duration_seconds_count{{{Reply}}}"));
        Assert.Equal(3, Value(metrics, $"gen_ai_server_time_to_first_token_seconds_count{{{Reply}}}"));
        Assert.Equal(4, Value(metrics, "cleave_queue_duration_seconds_count{module=\"reply\"}"));
        Assert.Equal((0, 0), (Value(metrics, "cleave_requests_active"), Value(metrics, "cleave_queue_length")));
        Assert.True(Value(metrics, "process_memory_usage_bytes") > 1e6);
        Assert.Contains(metrics, l => Regex.IsMatch(l, "^cleave_energy_joules_total\\{method=\"(measured|estimated)\"\\} [0-9.E+-]+$"));

        Assert.All(metrics, l => Assert.Matches("^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\\{([a-z_]+=\"[^\"]*\",?)+\\})? [0-9.E+-]+)$", l));
        string[] types = [.. metrics.Where(l => l.StartsWith("# TYPE", StringComparison.Ordinal))];
        Assert.Equal(types.Distinct(), types);
        Assert.DoesNotContain(metrics, l => l.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Requests_are_counted_by_module_while_they_wait_and_while_they_run()
    {
        using var go = new SemaphoreSlim(0);
        using var begun = new SemaphoreSlim(0);
        var host = new WordHost { BeforeWord = (word, cancel) => { if (word == 0) { begun.Release(); go.Wait(cancel); } } };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Workers = 1 });
        Task<HttpResponseMessage> first = server.Post("/v1/completions", Ask);
        await begun.WaitAsync();
        Task<HttpResponseMessage>[] others = [server.Post("/v1/completions", Ask), server.Post("/v1/completions", Ask), server.Post("/v1/classify", "{\"model\":\"mood\",\"input\":[\"a\",\"b\"]}")];
        string[] metrics;
        do
            metrics = await Metrics(server);
        while (!metrics.Contains("cleave_queue_length 3"));
        metrics = await Metrics(server); // what that page told before the queue's length may be from before the last of them
        Assert.Equal(["mood running 0", "mood waiting 1", "reply running 1", "reply waiting 2"], Counts());
        go.Release(3);
        Assert.All(await Task.WhenAll([first, .. others]), r => Assert.Equal(HttpStatusCode.OK, r.StatusCode));
        do // a response is out a moment before its request has ended
            metrics = await Metrics(server);
        while (Counts().Any(c => !c.EndsWith(" 0", StringComparison.Ordinal)));

        string[] Counts() => [.. metrics.Select(l => Regex.Match(l, "^cleave_module_requests\\{module=\"(\\w+)\",state=\"(\\w+)\"\\} (\\d+)$")).Where(m => m.Success)
            .Select(m => $"{m.Groups[1]} {m.Groups[2]} {m.Groups[3]}").Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task Versions_and_the_comparison_with_a_shadow_are_metrics()
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        versions.StartShadow(SayingHost.HashOf("b"));
        await using RunningServer server = await RunningServer.StartAsync(versions);
        await server.Post("/v1/completions", Ask);
        while (versions.State.Trial!.Comparison!.Compared == 0)
            await Task.Yield();
        string[] metrics = await Metrics(server);
        Assert.Equal(1, Value(metrics, $"cleave_version_info{{version=\"{SayingHost.HashOf("b")[..12]}\",role=\"shadow\"}}"));
        Assert.Equal(1, Value(metrics, "cleave_shadow_answers{outcome=\"different\"}"));
        Assert.Equal(1, Value(metrics, $"cleave_requests_total{{module=\"reply\",route=\"named\",status=\"ok\",version=\"{SayingHost.HashOf("a")[..12]}\"}}"));
        versions.EndTrial();
        metrics = await Metrics(server);
        Assert.DoesNotContain(metrics, l => l.StartsWith("cleave_shadow_answers", StringComparison.Ordinal));
        Assert.Equal(1, Value(metrics, $"cleave_version_info{{version=\"{SayingHost.HashOf("b")[..12]}\",role=\"ready\"}}"));
    }

    [Fact]
    public async Task An_activity_tells_of_each_request_and_belongs_to_the_clients_trace()
    {
        var heard = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Cleave.Server",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = a => { lock (heard) heard.Add(a); },
        };
        ActivitySource.AddActivityListener(listener);
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        string trace = ActivityTraceId.CreateRandom().ToHexString();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(Ask, Encoding.UTF8, "application/json") };
        request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-01");
        await server.Client.SendAsync(request);
        Activity mine;
        lock (heard)
            mine = Assert.Single(heard, a => a.TraceId.ToHexString() == trace);
        Assert.Equal(("text_completion reply", ActivityKind.Server, "00f067aa0ba902b7"), (mine.DisplayName, mine.Kind, mine.ParentSpanId.ToHexString()));
        Assert.Equal(("text_completion", "cleave", "reply", "reply", 3, 5), (mine.GetTagItem("gen_ai.operation.name"), mine.GetTagItem("gen_ai.provider.name"), mine.GetTagItem("gen_ai.request.model"),
            mine.GetTagItem("gen_ai.response.model"), mine.GetTagItem("gen_ai.usage.input_tokens"), mine.GetTagItem("gen_ai.usage.output_tokens")));
        Assert.DoesNotContain(mine.TagObjects, t => t.Value is string s && s.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Log_lines_are_json_without_what_was_said_and_nothing_gets_out_of_its_line()
    {
        var log = new List<string>();
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { JsonLog = true, Log = l => { lock (log) log.Add(l); } });
        await server.Post("/v1/completions", Ask);
        await server.Client.GetAsync("/x%0d%0a%7B%22level%22:%22forged%22%7D%E2%80%A8?q=secret");
        await Lines(log, 2);
        JsonElement[] lines = [.. log.Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.All(log, l => Assert.DoesNotContain('\n', l));
        Assert.Equal(("local", "/v1/completions", 200, "reply", "reply", "named", 3, 5), (lines[0].GetProperty("caller").GetString(), lines[0].GetProperty("path").GetString(), lines[0].GetProperty("status").GetInt32(),
            lines[0].GetProperty("model").GetString(), lines[0].GetProperty("module").GetString(), lines[0].GetProperty("route").GetString(), lines[0].GetProperty("prompt_tokens").GetInt32(), lines[0].GetProperty("completion_tokens").GetInt32()));
        Assert.Equal((404, "info"), (lines[1].GetProperty("status").GetInt32(), lines[1].GetProperty("level").GetString()));
        Assert.DoesNotContain(log, l => l.Contains("secret", StringComparison.Ordinal));

        var plain = new List<string>();
        await using RunningServer other = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Log = l => { lock (plain) plain.Add(l); } });
        await other.Client.GetAsync("/x%0aGET%20/forged:%20200");
        await Lines(plain, 1);
        Assert.Equal(["GET /x GET /forged: 200: 404"], plain);
    }

    [Fact]
    public async Task While_it_drains_it_is_alive_and_not_ready_and_takes_no_more()
    {
        using var go = new ManualResetEventSlim();
        using var started = new SemaphoreSlim(0);
        var host = new WordHost { BeforeWord = (word, cancel) => { if (word == 0) { started.Release(); go.Wait(cancel); } } };
        await using RunningServer server = await RunningServer.StartAsync(host);
        Assert.All(["/health", "/health/ready", "/health/live"], path => Assert.Equal(HttpStatusCode.OK, server.Client.GetAsync(path).GetAwaiter().GetResult().StatusCode));
        Task<HttpResponseMessage> asked = server.Post("/v1/completions", Ask);
        await started.WaitAsync();
        Task stopping = server.Server.StopAsync();
        using var fresh = new HttpClient { BaseAddress = server.Client.BaseAddress }; // connections too are still taken
        HttpResponseMessage ready = await fresh.GetAsync("/health/ready");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "stopping"), (ready.StatusCode, JsonDocument.Parse(await ready.Content.ReadAsStringAsync()).RootElement.GetProperty("status").GetString()));
        Assert.Equal(HttpStatusCode.OK, (await fresh.GetAsync("/health/live")).StatusCode);
        HttpResponseMessage refused = await fresh.PostAsync("/v1/completions", new StringContent(Ask, Encoding.UTF8, "application/json"));
        Assert.Equal((503, "server_stopping"), (await RunningServer.Error(refused)) is var e ? (e.Status, e.Code) : default);
        Assert.NotNull(refused.Headers.RetryAfter);
        go.Set();
        Assert.Equal(HttpStatusCode.OK, (await asked).StatusCode);
        await stopping;
    }

    private static async Task Lines(List<string> log, int count)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            lock (log)
            {
                if (log.Count >= count)
                    return;
            }
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield(); // a line comes after its answer
        }
    }
}
