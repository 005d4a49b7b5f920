using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Serving;

namespace Cleave.Tests.Cli;

/// <summary>Two servers behind the nginx of the deployment's own configuration.</summary>
[Trait("Kernels", "unused")]
public sealed class ReplicaTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    private const int Clients = 4, Before = 6, After = 15; // requests of each client before, and while a replica is killed
    private const string Whole = "{\"model\":\"reply\",\"prompt\":\"please answer\"}", Streamed = "{\"model\":\"reply\",\"prompt\":\"please answer\",\"stream\":true}";

    [NginxFact]
    public async Task A_replica_that_is_killed_under_load_costs_no_request_but_streams_that_had_begun()
    {
        using Replica first = new(tiny.Folder), second = new(tiny.Folder);
        using var nginx = new Nginx(await first.Address, await second.Address);
        using var client = new HttpClient { BaseAddress = nginx.Address };
        while (!await nginx.Listens())
            await Task.Delay(10);
        string expected = await Text(await Post(Whole));
        await Load(Before, () => { });
        (long one, long two) = (await first.Answered(), await second.Answered());
        Assert.True(one > 0 && two > 0, $"nginx asked one replica only: {one} and {two} requests");
        int answered = 0;
        string[] cut = await Load(After, () =>
        {
            if (Interlocked.Increment(ref answered) == Clients)
                first.Kill();
        });
        Assert.All(cut, c => Assert.StartsWith("data: ", c, StringComparison.Ordinal)); // a piece was out: it had begun
        Assert.True(cut.Length <= Clients, $"{cut.Length} streams broke, and at most {Clients} can have been with the replica that was killed");
        for (int i = 0; i < 10; i++)
            Assert.Equal(expected, await Text(await Post(Whole)));
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/admin/versions")).StatusCode);

        // Whole answers and streams in turn, by all clients at once; returns what came of streams that were cut.
        async Task<string[]> Load(int each, Action ended)
        {
            string?[][] streams = await Task.WhenAll(Enumerable.Range(0, Clients).Select(n => Task.Run(async () =>
            {
                var heard = new string?[each];
                for (int i = 0; i < each; i++)
                {
                    if ((n + i) % 2 == 0)
                        Assert.Equal(expected, await Text(await Post(Whole)));
                    else
                        heard[i] = await Stream();
                    ended();
                }
                return heard;
            })));
            return [.. streams.SelectMany(s => s).OfType<string>()];
        }

        Task<HttpResponseMessage> Post(string body) => client.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") }, HttpCompletionOption.ResponseHeadersRead);

        // What came of a stream that was cut; null where it came to its end.
        async Task<string?> Stream()
        {
            HttpResponseMessage response = await Post(Streamed);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var heard = new MemoryStream();
            try
            {
                await (await response.Content.ReadAsStreamAsync()).CopyToAsync(heard);
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                // The connection ends in the middle.
            }
            string text = Encoding.UTF8.GetString(heard.ToArray());
            return text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal) ? null : text;
        }
    }

    private static async Task<string> Text(HttpResponseMessage response)
    {
        string body = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{response.StatusCode}: {body}");
        return JsonDocument.Parse(body).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()!;
    }

    private sealed class Replica : IDisposable
    {
        private readonly Process _process;

        public Replica(string release)
        {
            _process = CleaveProcess.Start("serve", release, "--urls", "http://127.0.0.1:0", "--threads", "1");
            Address = Read();
        }

        public Task<Uri> Address { get; }

        /// <summary>Completions that it has answered.</summary>
        public async Task<long> Answered()
        {
            using var client = new HttpClient { BaseAddress = await Address };
            return (await client.GetStringAsync("/metrics")).Split('\n').Where(l => l.StartsWith("cleave_http_requests_total", StringComparison.Ordinal) && l.Contains("/v1/completions", StringComparison.Ordinal))
                .Sum(l => long.Parse(l[(l.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
        }

        public void Kill() => _process.Kill(); // SIGKILL

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }

        private async Task<Uri> Read()
        {
            string line = await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await _process.StandardError.ReadToEndAsync());
            return new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..]);
        }
    }

    /// <summary>nginx with the deployment's configuration, its addresses and files changed.</summary>
    private sealed class Nginx : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly Process _process;

        public Nginx(Uri first, Uri second)
        {
            using (var free = new TcpListener(IPAddress.Loopback, 0))
            {
                free.Start();
                Address = new Uri($"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}");
            }
            string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "deploy", "nginx.conf"));
            foreach ((string there, string here) in new[]
            {
                ("server 127.0.0.1:8081 ", $"server {first.Authority} "), ("server 127.0.0.1:8082 ", $"server {second.Authority} "), ("listen 8080;", $"listen {Address.Authority};"),
                ("pid /run/nginx.pid;", $"pid {_folder.File("pid")};"), ("worker_processes auto;", "worker_processes 1;"),
                ("http {", "http {" + string.Concat(new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }.Select(n => $"\n{n}_temp_path {_folder.File(n)};"))),
            })
            {
                Assert.Single(text.Split(there)[1..]);
                text = text.Replace(there, here, StringComparison.Ordinal);
            }
            File.WriteAllText(_folder.File("nginx.conf"), text);
            _process = Process.Start(NginxFactAttribute.Program, ["-e", _folder.File("error.log"), "-p", _folder.Path, "-c", _folder.File("nginx.conf"), "-g", "daemon off;"]);
        }

        public Uri Address { get; }

        public async Task<bool> Listens()
        {
            Assert.False(_process.HasExited, File.Exists(_folder.File("error.log")) ? File.ReadAllText(_folder.File("error.log")) : "nginx has ended");
            using var client = new HttpClient { BaseAddress = Address };
            try
            {
                return (await client.GetAsync("/nginx/health")).StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }

        public void Dispose()
        {
            CleaveProcess.Signal(_process, "TERM"); // so that its worker goes too
            _process.WaitForExit();
            _process.Dispose();
            _folder.Dispose();
        }
    }
}

/// <summary>A test with a real nginx.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NginxFactAttribute : FactAttribute
{
    public const string Program = "/usr/sbin/nginx";

    public NginxFactAttribute() => Skip = File.Exists(Program) ? null : "needs nginx (apt-get install nginx-light)";
}
