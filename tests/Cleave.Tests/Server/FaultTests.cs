using System.Net;
using System.Net.Sockets;
using System.Text;
using Cleave.Server;

namespace Cleave.Tests.Server;

/// <summary>Clients that are slow, greedy or malicious, spoken to byte by byte.</summary>
[Trait("Kernels", "unused")]
public sealed class FaultTests
{
    private const string Head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    private static async Task<NetworkStream> Connect(RunningServer server)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Sends what it is given and reads until the server closes the connection.</summary>
    private static async Task<string> Talk(RunningServer server, params string[] parts)
    {
        await using NetworkStream stream = await Connect(server);
        foreach (string part in parts)
            await stream.WriteAsync(Encoding.Latin1.GetBytes(part));
        using var heard = new MemoryStream();
        try
        {
            await stream.CopyToAsync(heard).WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (IOException)
        {
            // The server has cut the connection off.
        }
        return Encoding.Latin1.GetString(heard.ToArray());
    }

    [Fact]
    public async Task Slow_clients_are_cut_off_and_others_are_served()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { HeadersTimeout = TimeSpan.FromMilliseconds(200), SlowBody = TimeSpan.FromMilliseconds(1001) });
        Task<string> head = Talk(server, "POST /v1/completions HTTP/1.1\r\nHost: loc"), body = Talk(server, Head + "Content-Length: 1000\r\n\r\n{\"model\":");
        Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\"}")).StatusCode);
        Assert.StartsWith("HTTP/1.1 408 ", await head, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 408 ", await body, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\"}")).StatusCode);
    }

    [Fact]
    public async Task A_body_of_100_megabytes_is_refused_by_its_announcement_and_one_without_announcement_at_the_limit()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        Assert.Contains("\"request_too_large\"", await Talk(server, Head + "Content-Length: 104857600\r\nConnection: close\r\n\r\n{"), StringComparison.Ordinal);
        string chunk = $"10000\r\n{new string(' ', 0x10000)}\r\n"; // 64 KiB; the limit is 1 MiB
        string answer = await Talk(server, [Head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", .. Enumerable.Repeat(chunk, 17)]);
        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x-request-id: ok\r\nx-evil : 1\r\n", "HTTP/1.1 400 ")]
    [InlineData("x-request-id: a\rb\r\n", "HTTP/1.1 400 ")]
    [InlineData("x-request-id: a\0b\r\n", "HTTP/1.1 400 ")]
    [InlineData("Content-Length: 2\r\nContent-Length: 3\r\n", "HTTP/1.1 400 ")]
    [InlineData("Host: other\r\n", "HTTP/1.1 400 ")]
    [InlineData("x-request-id: \u00fc\r\n", "HTTP/1.1 400 ")]
    public async Task Heads_that_could_mean_two_things_are_refused(string headers, string status)
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        Assert.StartsWith(status, await Talk(server, Head + headers + "Connection: close\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_client_calls_its_request_comes_back_only_where_it_is_plain()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        foreach (string id in new[] { "<script>", "a b", new string('x', 65), "a\tb" })
        {
            string answer = await Talk(server, $"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-request-id: {id}\r\nConnection: close\r\n\r\n");
            Assert.Matches("\r\nx-request-id: [0-9a-f]{32}\r\n", answer);
        }
        Assert.Contains("\r\nx-request-id: job-7.a_b\r\n", await Talk(server, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-request-id: job-7.a_b\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
    }
}
