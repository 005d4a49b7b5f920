using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Cleave.Server;
using Cleave.Server.Keys;
using Cleave.Serving;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving.Versions;

namespace Cleave.Tests.Server;

/// <summary>Several texts, or several answers, of one request: how they reach the host and how they are counted.</summary>
[Trait("Kernels", "unused")]
public sealed class TogetherTests : IDisposable
{
    private const string Three = "{\"model\":\"mood\",\"input\":[\"a\",\"b\",\"c\"]}";

    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-together-").FullName;
    private readonly List<string> _log = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ServerOptions Options(string key)
    {
        string file = Path.Combine(_folder, "keys");
        File.WriteAllText(file, key);
        return new ServerOptions { Keys = ApiKeys.Load(file), JsonLog = true, Log = l => { lock (_log) _log.Add(l); } };
    }

    private static async Task<HttpResponseMessage> Send(RunningServer server, string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "alpha");
        return await server.Client.SendAsync(request);
    }

    private async Task<JsonElement> LastLine(int lines)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            lock (_log)
            {
                if (_log.Count >= lines)
                    return JsonElement.Parse(_log[lines - 1]);
            }
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task<double> Metric(RunningServer server, string series)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "alpha");
        string[] lines = (await (await server.Client.SendAsync(request)).Content.ReadAsStringAsync()).Split('\n');
        return double.Parse(lines.Single(l => l.StartsWith(series + " ", StringComparison.Ordinal))[(series.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task The_texts_of_one_request_come_to_the_host_together_and_count_one_by_one()
    {
        var host = new SayingHost("a");
        using var versions = new VersionedHost(host.Version(), (folder, _) => new SayingHost(folder).Version());
        await using RunningServer server = await RunningServer.StartAsync(versions, Options("alpha tokens-per-day=16 metrics"));
        HttpResponseMessage response = await Send(server, "/v1/classify", Three);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(SayingHost.HashOf("a"), response.Headers.GetValues("x-cleave-version").Single());
        Assert.Equal([3], host.Together);
        JsonElement line = await LastLine(1);
        Assert.Equal((3, 3, 9), (line.GetProperty("answers").GetInt32(), line.GetProperty("prompt_tokens").GetInt32(), line.GetProperty("completion_tokens").GetInt32()));
        Assert.Equal(SayingHost.HashOf("a"), line.GetProperty("version").GetString());
        Assert.Equal(3, await Metric(server, $"cleave_requests_total{{module=\"mood\",route=\"named\",status=\"ok\",version=\"{SayingHost.HashOf("a")[..12]}\"}}"));
        VersionState state = await Settled(versions);
        Assert.Equal((3, 0, 0), (state.Requests, state.Failures, state.Running));
        Assert.Equal(TimeSpan.FromMilliseconds(2), state.MeanCompute);
        // 12 of 16 tokens are spent: one more is let in, the one after it is not.
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "/v1/classify", Three)).StatusCode);
        Assert.Equal("insufficient_quota", (await RunningServer.Error(await Send(server, "/v1/classify", Three))).Code);
    }

    // The version is left on the thread that computed, which may be after the client has its answer.
    private static async Task<VersionState> Settled(VersionedHost versions)
    {
        VersionState state = Assert.Single(versions.State.Versions);
        for (var clock = Stopwatch.StartNew(); state.Running > 0 && clock.Elapsed < TimeSpan.FromSeconds(60); state = Assert.Single(versions.State.Versions))
            await Task.Delay(5);
        return state;
    }

    [Fact]
    public async Task Texts_that_fail_are_counted_as_failed_and_leave_nothing_running()
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await using RunningServer server = await RunningServer.StartAsync(versions, Options("alpha metrics"));
        Assert.Equal(500, (await RunningServer.Error(await Send(server, "/v1/classify", "{\"model\":\"mood\",\"input\":[\"a\",\"fail\"]}"))).Status);
        VersionState state = await Settled(versions);
        Assert.Equal((0, 1, 0), (state.Requests - state.Failures, state.Failures, state.Running));
        Assert.Equal(2, await Metric(server, "cleave_requests_total{module=\"mood\",route=\"none\",status=\"error\",version=\"\"}"));
        Assert.Equal(0, await Metric(server, "cleave_requests_active"));
        Assert.Equal(403, (await RunningServer.Error(await Send(server, "/admin/rollback", "{}"))).Status);
    }

    [Fact]
    public async Task A_shadow_judges_each_text_too()
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        versions.StartShadow(SayingHost.HashOf("b"));
        await using RunningServer server = await RunningServer.StartAsync(versions);
        Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/classify", Three)).StatusCode);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (versions.State.Trial!.Comparison!.Compared < 3)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    [Fact]
    public async Task Of_several_answers_to_a_prompt_all_are_told_and_the_prompt_is_counted_once()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), Options("alpha tokens-per-day=22 metrics"));
        const string Ask = "{\"model\":\"reply\",\"prompt\":\"a b c\",\"n\":3}";
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "/v1/completions", Ask)).StatusCode);
        JsonElement line = await LastLine(1);
        Assert.Equal((3, 3, 15), (line.GetProperty("answers").GetInt32(), line.GetProperty("prompt_tokens").GetInt32(), line.GetProperty("completion_tokens").GetInt32()));
        const string Reply = "gen_ai_operation_name=\"text_completion\",gen_ai_provider_name=\"cleave\",gen_ai_request_model=\"reply\",gen_ai_response_model=\"reply\"";
        Assert.Equal(3, await Metric(server, $"gen_ai_client_token_usage_sum{{{Reply},gen_ai_token_type=\"input\"}}"));
        Assert.Equal(15, await Metric(server, $"gen_ai_client_token_usage_sum{{{Reply},gen_ai_token_type=\"output\"}}"));
        // 18 of 22 are spent; were the prompt counted for each answer, there would be nothing left.
        Assert.Equal(HttpStatusCode.OK, (await Send(server, "/v1/completions", Ask)).StatusCode);
        Assert.Equal("insufficient_quota", (await RunningServer.Error(await Send(server, "/v1/completions", Ask))).Code);
    }
}
