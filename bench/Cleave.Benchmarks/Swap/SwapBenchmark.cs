using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Server;
using Cleave.Serving;
using Cleave.Serving.Versions;

namespace Cleave.Benchmarks.Swap;

/// <summary>Two releases of a project changed to and fro, unloaded and loaded again, while clients ask over HTTP: what fails, what is mixed, what memory stays.</summary>
internal static class SwapBenchmark
{
    private const int PerSwap = 100, SwapsPerLoad = 10;

    private static readonly string[] Texts =
    [
        "where is my parcel, order 12345", "I want to return my shoes", "cancel my order please", "track my parcel 48213", "I want to return the lamp, order 77310",
        "please cancel order 55120", "where is my order 90210", "I would like to return a coat", "cancel order 31337 now please", "thanks, great service",
    ];

    /// <summary><c>swap RELEASE RELEASE [REQUESTS [CLIENTS]]</c></summary>
    public static int Run(string[] args)
    {
        if (args.Length is < 2 or > 4)
        {
            Console.Error.WriteLine("usage: swap RELEASE RELEASE [REQUESTS [CLIENTS]]");
            return 2;
        }
        int requests = args.Length > 2 ? int.Parse(args[2]) : 100_000, clients = args.Length > 3 ? int.Parse(args[3]) : 4;
        JsonObject result = Measure(args[0], args[1], requests, clients).GetAwaiter().GetResult();
        Console.WriteLine(result.ToJsonString());
        return result["failed"]!.GetValue<int>() + result["mixed"]!.GetValue<int>() == 0 ? 0 : 1;
    }

    private static async Task<JsonObject> Measure(string first, string second, int requests, int clients)
    {
        using var versions = new VersionedHost(ReleaseVersion.Open(first), ReleaseVersion.Open);
        await versions.LoadAsync(second);
        (string Hash, string Folder)[] both = [.. versions.State.Versions.Select(v => (v.Hash, v.Folder))];
        var expected = new Dictionary<(string, string), string>();
        foreach ((string hash, _) in both)
        {
            versions.Promote(hash);
            foreach (string text in Texts)
                expected[(hash, text)] = versions.Run(Request(text), new Nobody(), CancellationToken.None).Text;
        }
        await using ModuleServer server = await ModuleServer.StartAsync(versions, new ServerOptions { Urls = "http://127.0.0.1:0", Waiting = 256 });
        using var client = new HttpClient { BaseAddress = new Uri(server.Addresses[0]) };
        var tally = new Tally(requests);
        long memoryBefore = Environment.WorkingSet, peak = memoryBefore, started = Stopwatch.GetTimestamp();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        Task[] asking = [.. Enumerable.Range(0, clients).Select(_ => Task.Run(() => Ask(client, expected, tally)))];
        int swaps = 0, loads = 0;
        for (int serving = 1; !Task.WhenAll(asking).IsCompleted; swaps++)
        {
            int due = tally.Asked + PerSwap;
            while (tally.Asked < due && !Task.WhenAll(asking).IsCompleted)
                await Task.Delay(1);
            serving = 1 - serving;
            versions.Promote(both[serving].Hash);
            if (swaps % SwapsPerLoad == 0)
            {
                await versions.Unload(both[1 - serving].Hash);
                await versions.LoadAsync(both[1 - serving].Folder);
                loads++;
            }
            peak = Math.Max(peak, Environment.WorkingSet);
        }
        await Task.WhenAll(asking);
        return new JsonObject
        {
            ["requests"] = requests,
            ["clients"] = clients,
            ["swaps"] = swaps,
            ["loads"] = loads,
            ["failed"] = tally.Failed,
            ["mixed"] = tally.Mixed,
            ["by_version"] = new JsonObject(both.Select(b => KeyValuePair.Create(b.Hash[..12], (JsonNode?)tally.By.GetValueOrDefault(b.Hash)))),
            ["memory_before_bytes"] = memoryBefore,
            ["memory_peak_bytes"] = peak,
            ["memory_after_bytes"] = Environment.WorkingSet,
            ["seconds"] = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1),
            ["cpu_seconds"] = Math.Round((Environment.CpuUsage.TotalTime - cpu).TotalSeconds, 1),
        };
    }

    private static ModuleRequest Request(string text) => new() { Module = ModuleRequest.Auto, Messages = [new ChatMessage(ChatRole.User, text)] };

    private static async Task Ask(HttpClient client, Dictionary<(string, string), string> expected, Tally tally)
    {
        while (tally.Next() is { } n)
        {
            string text = Texts[n % Texts.Length];
            using var body = new StringContent($"{{\"model\":\"auto\",\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}", Encoding.UTF8, "application/json");
            try
            {
                using HttpResponseMessage response = await client.PostAsync("/v1/chat/completions", body);
                response.EnsureSuccessStatusCode();
                string version = response.Headers.GetValues("x-cleave-version").Single();
                using JsonDocument json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
                tally.Answered(version, json.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString() == expected[(version, text)]);
            }
            catch (HttpRequestException)
            {
                tally.Fail();
            }
        }
    }

    private sealed class Tally(int requests)
    {
        private int _next, _failed, _mixed;

        public int Asked => Math.Min(_next, requests);
        public int Failed => _failed;
        public int Mixed => _mixed;
        public Dictionary<string, int> By { get; } = [];

        public int? Next() => Interlocked.Increment(ref _next) is var n && n <= requests ? n : null;

        public void Fail() => Interlocked.Increment(ref _failed);

        public void Answered(string version, bool asExpected)
        {
            if (!asExpected)
                Interlocked.Increment(ref _mixed);
            lock (By)
                By[version] = By.GetValueOrDefault(version) + 1;
        }
    }

    private sealed class Nobody : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }

        public void Text(string piece) { }
    }
}
