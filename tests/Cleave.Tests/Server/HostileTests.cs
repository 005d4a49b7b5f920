using System.Net;
using System.Text;
using System.Text.Json;
using Cleave.Server;
using Cleave.Serving;
using Cleave.Serving.Engine;
using Cleave.Serving.Versions;
using Cleave.Tests.Models;
using Cleave.Tests.Serving;
using Cleave.Tests.Serving.Tools;

namespace Cleave.Tests.Server;

/// <summary>Requests that are made to break something, and machines on which something is broken.</summary>
[Trait("Kernels", "unused")]
public sealed class HostileTests
{
    private const string Good = "{\"model\":\"reply\",\"prompt\":\"x\"}";

    private static async Task StillAnswers(RunningServer server, string body = Good) => Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/completions", body)).StatusCode);

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_the_clients_mistake_wherever_they_are()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        foreach (string body in new[]
        {
            "{\"model\":\"reply\",\"prompt\":\"\u00ff\"}", "{\"model\":\"\u00c3\u0028\",\"prompt\":\"x\"}", "{\"model\":\"reply\",\"prompt\":\"x\",\"\u00ff\":1}", "{\"model\":\"reply\",\"prompt\":\"x\",\"user\":\"\u00ed\u00a0\u0080\"}",
            "{\"model\":\"reply\",\"prompt\":\"x\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"title\":\"\u00ff\"}}}}",
        })
        {
            using var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body));
            content.Headers.ContentType = new("application/json");
            var error = await RunningServer.Error(await server.Client.PostAsync("/v1/completions", content));
            Assert.Equal((400, "the body is not valid UTF-8"), (error.Status, error.Message));
        }
        await StillAnswers(server);
    }

    [Theory]
    [InlineData("reply\\ud800")]
    [InlineData("../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("reply\\u0000")]
    [InlineData("reply\\r\\nx-evil: 1")]
    [InlineData("<script>")]
    public async Task Names_that_are_tricks_are_names_that_are_not_there(string name)
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        foreach (string path in new[] { "/v1/completions", "/v1/embeddings", "/v1/classify", "/v1/extract" })
        {
            HttpResponseMessage response = await server.Post(path, $"{{\"model\":\"{name}\",\"{(path == "/v1/completions" ? "prompt" : "input")}\":\"x\"}}");
            Assert.Contains((await RunningServer.Error(response)).Status, new[] { 400, 404 });
            Assert.False(response.Headers.Contains("x-evil"));
        }
        foreach (string path in new[] { "/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%00", "/v1/models/%0d%0ax-evil:1", "/v1/models/%c0%af", "/v1/models/%2e%2e", "/dashboard/../../etc/passwd", "/dashboard%2f..%2f..%2fetc%2fpasswd" })
            Assert.Contains((int)(await server.Client.GetAsync(path)).StatusCode, new[] { 400, 404 });
        await StillAnswers(server);
    }

    public static TheoryData<string, string> Bombs => new()
    {
        { "deep", Nested(30, "{\"type\":\"object\",\"properties\":{\"a\":", "{}", "},\"required\":[\"a\"]}") },
        { "too deep for the parser", Nested(70, "{\"items\":", "{}", "}") },
        { "wide", $"{{\"type\":\"object\",\"properties\":{{{string.Join(',', Enumerable.Range(0, 5000).Select(i => $"\"p{i}\":{{\"type\":\"string\"}}"))}}}}}" },
        { "doubling", $"{{\"$ref\":\"#/$defs/a0\",\"$defs\":{{{string.Join(',', Enumerable.Range(0, 40).Select(i => $"\"a{i}\":{{\"type\":\"array\",\"prefixItems\":[{{\"$ref\":\"#/$defs/a{i + 1}\"}},{{\"$ref\":\"#/$defs/a{i + 1}\"}}],\"items\":false,\"minItems\":2}}"))},\"a40\":{{\"type\":\"null\"}}}}}}" },
        { "round and round", "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}" },
        { "many constants", $"{{\"enum\":[{string.Join(',', Enumerable.Range(0, 40_000).Select(i => $"\"value {i}\""))}]}}" },
        { "a long pattern", "{\"type\":\"string\",\"pattern\":\"^(a|b|ab|ba){200}(x{1,100}y{1,100}){100}$\"}" },
        { "repeated repetitions", "{\"type\":\"string\",\"pattern\":\"^((((a{1,99}){1,99}){1,99}){1,99})$\"}" },
        { "long lengths", "{\"type\":\"string\",\"minLength\":1000000000,\"maxLength\":2000000000}" },
        { "many items", "{\"type\":\"array\",\"minItems\":2000000000}" },
        { "nothing", "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}" },
    };

    private static string Nested(int depth, string open, string inside, string close) => string.Concat(Enumerable.Repeat(open, depth)) + inside + string.Concat(Enumerable.Repeat(close, depth));

    [Theory]
    [MemberData(nameof(Bombs))]
    public async Task Schemas_that_would_grow_are_refused_in_one_line(string kind, string schema)
    {
        using var host = new LanguageModelHost(CallingModel.Create(CallingModel.Llama), "reply", DateTimeOffset.UnixEpoch);
        await using RunningServer server = await RunningServer.StartAsync(host);
        const string Ask = "{\"model\":\"reply\",\"max_tokens\":40,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],";
        foreach (string body in new[]
        {
            $"{Ask}\"response_format\":{{\"type\":\"json_schema\",\"json_schema\":{{\"name\":\"x\",\"schema\":{schema}}}}}}}",
            $"{Ask}\"tool_choice\":\"required\",\"tools\":[{{\"type\":\"function\",\"function\":{{\"name\":\"f\",\"parameters\":{{\"type\":\"object\",\"properties\":{{\"a\":{schema.Replace("#/", "#/properties/a/", StringComparison.Ordinal)}}},\"required\":[\"a\"]}}}}}}]}}",
        })
        {
            var error = await RunningServer.Error(await server.Post("/v1/chat/completions", body));
            Assert.True(error.Status == 400, kind);
            Assert.DoesNotContain('\n', error.Message);
            Assert.True(error.Message.Length < 1000, kind);
        }
        await StillAnswers(server, "{\"model\":\"reply\",\"prompt\":\"x\",\"max_tokens\":2}");
    }

    [Fact]
    public async Task What_has_no_room_in_memory_is_refused_before_it_begins()
    {
        using var host = new LanguageModelHost(TinyModel.Create(), "reply", DateTimeOffset.UnixEpoch, new ServingOptions { Engine = new EngineOptions { KeyValueBytes = 1000 } });
        await using RunningServer server = await RunningServer.StartAsync(host);
        foreach (string stream in new[] { "false", "true" })
        {
            var error = await RunningServer.Error(await server.Post("/v1/completions", $"{{\"model\":\"reply\",\"prompt\":\"where is my order\",\"stream\":{stream}}}"));
            Assert.Equal(400, error.Status);
            Assert.Contains("keys and values", error.Message, StringComparison.Ordinal);
        }
        Assert.Equal(new EngineLoad(0, 0, 0), host.Load);
    }

    [Fact]
    public async Task A_release_that_was_damaged_on_the_disk_is_refused_and_the_old_one_goes_on()
    {
        using var tiny = new TinyRelease();
        string root = Directory.CreateTempSubdirectory("cleave-damaged-").FullName;
        try
        {
            using var versions = new VersionedHost(ReleaseVersion.Open(tiny.Folder), ReleaseVersion.Open);
            await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Releases = root });
            foreach (string name in new[] { "modules/reply/model.safetensors", "modules/mood/model.safetensors", "router/config.json", "release.json" })
            {
                string folder = Path.Combine(root, Path.GetRandomFileName());
                foreach (string file in Directory.EnumerateFiles(tiny.Folder, "*", SearchOption.AllDirectories))
                {
                    string copy = Path.Combine(folder, Path.GetRelativePath(tiny.Folder, file));
                    Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                    File.Copy(file, copy);
                }
                byte[] bytes = await File.ReadAllBytesAsync(Path.Combine(folder, name));
                bytes[bytes.Length / 2] ^= 4;
                await File.WriteAllBytesAsync(Path.Combine(folder, name), bytes);
                var error = await RunningServer.Error(await server.Post("/admin/versions", $"{{\"path\":\"{Path.GetFileName(folder)}\"}}"));
                Assert.Equal((422, "release_refused"), (error.Status, error.Code));
            }
            // What is in memory does not look at the disk again.
            foreach (string file in Directory.EnumerateFiles(tiny.Reply))
                await File.WriteAllTextAsync(file, "gone");
            await StillAnswers(server);
            Assert.Single(versions.State.Versions);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_holds_up_nobody_and_is_counted()
    {
        foreach (bool json in new[] { false, true })
        {
            await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { JsonLog = json, Log = _ => throw new IOException("No space left on device") });
            for (int i = 0; i < 3; i++)
                await StillAnswers(server);
            Assert.Equal(400, (await RunningServer.Error(await server.Post("/v1/completions", "{}"))).Status);
            string metrics = await server.Client.GetStringAsync("/metrics");
            Assert.Matches("\ncleave_log_lost_total [1-9]", metrics); // a line comes after its answer
        }
    }

    [Fact]
    public async Task A_client_that_vanishes_in_the_middle_of_a_stream_stops_the_computation()
    {
        int made = 0;
        var cancelled = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var host = new WordHost
        {
            BeforeWord = (word, cancel) =>
            {
                made = word;
                if (word != 2)
                    return;
                cancel.WaitHandle.WaitOne(); // the step that is being computed when the client goes
                cancelled.TrySetResult(word);
                cancel.ThrowIfCancellationRequested();
            },
        };
        await using RunningServer server = await RunningServer.StartAsync(host);
        using (var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { LingerState = new(true, 0) })
        {
            await socket.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);
            string body = "{\"model\":\"reply\",\"prompt\":\"x\",\"stream\":true}";
            await socket.SendAsync(Encoding.ASCII.GetBytes($"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
            Assert.True(await socket.ReceiveAsync(new byte[16]) > 0);
        } // a reset, as of a machine that lost its power and came back
        Assert.Equal(2, await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(2, made); // and no further word was begun
        host.BeforeWord = (_, _) => { };
        await StillAnswers(server);
    }

    [Fact]
    public async Task Whoever_asks_for_too_much_at_once_is_told_so_in_one_line()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        string many = string.Join(',', Enumerable.Repeat("{\"role\":\"user\",\"content\":\"x\"}", 1025));
        Assert.Contains("1025 entries", (await RunningServer.Error(await server.Post("/v1/chat/completions", $"{{\"model\":\"reply\",\"messages\":[{many}]}}"))).Message, StringComparison.Ordinal);
        string texts = string.Join(',', Enumerable.Repeat("\"x\"", 513));
        Assert.Contains("513 entries", (await RunningServer.Error(await server.Post("/v1/classify", $"{{\"model\":\"mood\",\"input\":[{texts}]}}"))).Message, StringComparison.Ordinal);
        string tools = string.Join(',', Enumerable.Range(0, 129).Select(i => $"{{\"type\":\"function\",\"function\":{{\"name\":\"f{i}\"}}}}"));
        Assert.Contains("129 entries", (await RunningServer.Error(await server.Post("/v1/chat/completions", $"{{\"model\":\"reply\",\"messages\":[{{\"role\":\"user\",\"content\":\"x\"}}],\"tools\":[{tools}]}}"))).Message, StringComparison.Ordinal);
        Assert.Equal(400, (await RunningServer.Error(await server.Post("/v1/completions", Nested(70, "[", "", "]")))).Status);
        Assert.Equal(JsonValueKind.Object, JsonElement.Parse(await server.Client.GetStringAsync("/health")).ValueKind);
    }

    [Fact]
    public async Task Errors_are_one_line_whatever_they_quote()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        foreach (string body in new[] { "{\"model\":\"reply\",\"messages\":[{\"role\":\"us\\n\\ner\",\"content\":\"x\"}]}", "{\"model\":\"a\\u2028b\\r\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}" })
        {
            var error = await RunningServer.Error(await server.Post("/v1/chat/completions", body));
            Assert.Equal(error.Message, CleaveException.OneLine(error.Message));
        }
        await StillAnswers(server);
    }

    [Theory]
    [InlineData("4294967296\r\nx")]
    [InlineData("80000000\r\nx")]
    [InlineData("ffffffffffffffffff\r\nx")]
    [InlineData("zz\r\nx")]
    public async Task Chunks_of_impossible_lengths_are_the_clients_mistake(string chunk)
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"));
        var answer = new byte[12];
        int read = 0;
        while (read < answer.Length && await socket.ReceiveAsync(answer.AsMemory(read)) is > 0 and var more)
            read += more;
        Assert.Equal("HTTP/1.1 400", Encoding.ASCII.GetString(answer, 0, read));
        await StillAnswers(server);
    }
}
