using System.Net;
using System.Text.Json;
using Cleave.Server;
using Cleave.Server.Keys;

namespace Cleave.Tests.Server;

[Trait("Kernels", "unused")]
public sealed class LifecycleTests
{
    private const string Prompt = "{\"model\":\"reply\",\"prompt\":\"x\"}";

    [Fact]
    public async Task Plain_completions_whole_and_streamed_say_the_same()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        using JsonDocument whole = JsonDocument.Parse(await (await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":[\"x\"],\"max_tokens\":3}")).Content.ReadAsStringAsync());
        Assert.Equal("text_completion", whole.RootElement.GetProperty("object").GetString());
        Assert.Equal("1 2 3", whole.RootElement.GetProperty("choices")[0].GetProperty("text").GetString());
        HttpResponseMessage stream = await server.Post("/v1/completions",
            "{\"model\":\"reply\",\"prompt\":\"x\",\"max_tokens\":3,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        Assert.Equal("text/event-stream", stream.Content.Headers.ContentType!.MediaType);
        Assert.Equal("reply", stream.Headers.GetValues("x-cleave-module").Single());
        string[] events = (await stream.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        JsonElement[] documents = [.. events[..^1].Select(e => JsonDocument.Parse(e["data: ".Length..]).RootElement)];
        Assert.Equal("1 2 3", string.Concat(documents.Where(d => d.GetProperty("choices").GetArrayLength() > 0).Select(d => d.GetProperty("choices")[0].GetProperty("text").GetString())));
        Assert.Equal("length", documents[^2].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal(4, documents[^1].GetProperty("usage").GetProperty("total_tokens").GetInt32());
        Assert.Equal(JsonValueKind.Null, documents[0].GetProperty("choices")[0].GetProperty("finish_reason").ValueKind);
        Assert.True(documents[^2].GetProperty("cleave").GetProperty("compute_ms").GetDouble() >= 0);
    }

    [Fact]
    public async Task A_name_that_headers_cannot_hold_is_escaped()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        HttpResponseMessage response = await server.Post("/v1/completions", "{\"model\":\"größe\",\"prompt\":\"x\"}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("größe", Uri.UnescapeDataString(response.Headers.GetValues("x-cleave-module").Single()));
    }

    [Fact]
    public async Task Requests_beyond_the_queue_are_told_when_to_come_back()
    {
        using var go = new ManualResetEventSlim();
        using var started = new SemaphoreSlim(0);
        var host = new WordHost { BeforeWord = (word, cancel) => { if (word == 0) { started.Release(); go.Wait(cancel); } } };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Workers = 1, Waiting = 1 });
        Task<HttpResponseMessage> first = server.Post("/v1/completions", Prompt);
        await started.WaitAsync();
        Task<HttpResponseMessage> second = server.Post("/v1/completions", Prompt);
        while (JsonDocument.Parse(await server.Client.GetStringAsync("/health")).RootElement.GetProperty("waiting").GetInt32() == 0)
            await Task.Yield();
        HttpResponseMessage third = await server.Post("/v1/completions", Prompt);
        var error = await RunningServer.Error(third);
        Assert.Equal((429, "rate_limit_exceeded"), (error.Status, error.Code));
        // A schema is work: it waits for its turn too, and is not looked at before.
        var schema = await RunningServer.Error(await server.Post("/v1/completions",
            "{\"model\":\"reply\",\"prompt\":\"x\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"not\":{}}}}}"));
        Assert.Equal((429, "rate_limit_exceeded"), (schema.Status, schema.Code));
        Assert.InRange(third.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        go.Set();
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await second).StatusCode);
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_its_answer()
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var started = new SemaphoreSlim(0);
        var host = new WordHost
        {
            BeforeWord = (_, cancel) =>
            {
                started.Release();
                cancel.WaitHandle.WaitOne();
                cancelled.TrySetResult();
                cancel.ThrowIfCancellationRequested();
            },
        };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Workers = 1 });
        using var leave = new CancellationTokenSource();
        Task<HttpResponseMessage> asked = server.Post("/v1/completions", Prompt, leave.Token);
        await started.WaitAsync();
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60));
        host.BeforeWord = (_, _) => { };
        Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/completions", Prompt)).StatusCode); // the worker is free again
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_that_is_too_late_is_cancelled_and_said_to_be(bool stream)
    {
        var clock = new StoppedClock();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var reached = new SemaphoreSlim(0);
        var host = new WordHost
        {
            BeforeWord = (word, cancel) =>
            {
                if (word < (stream ? 2 : 0))
                    return;
                reached.Release();
                cancel.WaitHandle.WaitOne();
                cancelled.TrySetResult();
                cancel.ThrowIfCancellationRequested();
            },
        };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Workers = 1, Clock = clock });
        Task<HttpResponseMessage> asked = Send(server, stream ? Prompt[..^1] + ",\"stream\":true}" : Prompt, 500, stream);
        await reached.WaitAsync();
        StreamReader? arriving = null;
        string body = "";
        if (stream)
        {
            arriving = new StreamReader(await (await asked).Content.ReadAsStreamAsync());
            body = await arriving.ReadLineAsync() + "\n\n" + await arriving.ReadLineAsync() + await arriving.ReadLineAsync() + "\n\n"; // two words have come
        }
        clock.RunOut();
        HttpResponseMessage response = await asked;
        body += await (arriving?.ReadToEndAsync() ?? response.Content.ReadAsStringAsync());
        Assert.Equal(stream ? HttpStatusCode.OK : HttpStatusCode.GatewayTimeout, response.StatusCode);
        string[] events = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        using JsonDocument error = JsonDocument.Parse(stream ? events[^1].Trim()["data: ".Length..] : body);
        Assert.Equal("deadline_exceeded", error.RootElement.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(stream ? 3 : 1, events.Length);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60));
        host.BeforeWord = (_, _) => { };
        Assert.Equal(HttpStatusCode.OK, (await Send(server, Prompt, 500)).StatusCode);
        Assert.True(SpinWait.SpinUntil(() => clock.Waiting == 0, TimeSpan.FromSeconds(30))); // nothing is left of either
    }

    [Fact]
    public async Task Who_waits_for_a_thread_hears_of_the_deadline_in_time()
    {
        var clock = new StoppedClock();
        using var go = new ManualResetEventSlim();
        using var started = new SemaphoreSlim(0);
        var host = new WordHost { BeforeWord = (word, cancel) => { if (word == 0) { started.Release(); go.Wait(cancel); } } };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Workers = 1, Clock = clock });
        Task<HttpResponseMessage> first = server.Post("/v1/completions", Prompt);
        await started.WaitAsync();
        foreach ((string path, string body) in new[] { ("/v1/completions", Prompt), ("/v1/classify", "{\"model\":\"mood\",\"input\":\"x\"}") })
        {
            Task<HttpResponseMessage> late = Send(server, body, 500, path: path);
            while (clock.Waiting == 0)
                await Task.Yield();
            clock.RunOut();
            var error = await RunningServer.Error(await late);
            Assert.Equal((504, "deadline_exceeded"), (error.Status, error.Code));
        }
        go.Set();
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        Assert.Single(host.Seen); // the late ones were never begun
    }

    private static Task<HttpResponseMessage> Send(RunningServer server, string json, int deadline, bool stream = false, string path = "/v1/completions")
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, System.Text.Encoding.UTF8, "application/json") };
        request.Headers.Add("x-cleave-deadline-ms", $"{deadline}");
        return server.Client.SendAsync(request, stream ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead);
    }

    [Fact]
    public async Task Stopping_lets_a_running_answer_finish()
    {
        using var go = new ManualResetEventSlim();
        using var started = new SemaphoreSlim(0);
        var host = new WordHost { BeforeWord = (word, cancel) => { if (word == 0) { started.Release(); go.Wait(cancel); } } };
        RunningServer server = await RunningServer.StartAsync(host);
        string address = server.Server.Addresses[0];
        Task<HttpResponseMessage> asked = server.Post("/v1/completions", Prompt);
        await started.WaitAsync();
        Task stopping = server.Server.StopAsync();
        Assert.False(stopping.IsCompleted);
        go.Set();
        Assert.Contains("1 2 3 4 5", await (await asked).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await stopping;
        using var fresh = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => fresh.GetAsync(address + "/health"));
        await server.DisposeAsync();
    }

    [Fact]
    public async Task An_answer_that_takes_too_long_to_drain_is_cancelled()
    {
        using var started = new SemaphoreSlim(0);
        var host = new WordHost { BeforeWord = (_, cancel) => { started.Release(); cancel.WaitHandle.WaitOne(); cancel.ThrowIfCancellationRequested(); } };
        RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Drain = TimeSpan.FromMilliseconds(50) });
        Task<HttpResponseMessage> asked = server.Post("/v1/completions", Prompt);
        await started.WaitAsync();
        await server.Server.StopAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => asked);
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData("http://0.0.0.0:0", "give --keys FILE")]
    [InlineData("http://*:8080", "give --keys FILE")]
    [InlineData("http://[::]:8080", "give --keys FILE")]
    [InlineData("http://192.0.2.1:80", "give --keys FILE")]
    [InlineData("https://127.0.0.1:0", "give --tls-cert FILE and --tls-key FILE")]
    [InlineData("ftp://127.0.0.1", "only http://ADDRESS:PORT")]
    [InlineData("http://127.0.0.1:0/path", "only http://ADDRESS:PORT")]
    [InlineData("http://example.org:80", "give an IP address")]
    [InlineData("127.0.0.1", "is not an address")]
    [InlineData("", "no address to listen on")]
    public async Task Addresses_that_will_not_do_are_refused(string urls, string message)
    {
        CleaveException e = await Assert.ThrowsAsync<CleaveException>(() => ModuleServer.StartAsync(new WordHost(), new ServerOptions { Urls = urls }));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_in_use_is_one_line()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        CleaveException e = await Assert.ThrowsAsync<CleaveException>(() => ModuleServer.StartAsync(new WordHost(), new ServerOptions { Urls = server.Server.Addresses[0] }));
        Assert.Contains("address already in use; choose another --urls", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "holds no key")]
    [InlineData("# nothing\n\n", "holds no key")]
    [InlineData("key\nsha256:12", "64 hexadecimal digits")]
    [InlineData("sha256:zz", "64 hexadecimal digits")]
    public void Files_without_keys_are_refused(string content, string message)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, content);
        Assert.Contains(message, Assert.Throws<DataFileException>(() => ApiKeys.Load(file)).Message, StringComparison.Ordinal);
        File.Delete(file);
        Assert.Throws<DataFileException>(() => ApiKeys.Load(file));
    }
}
