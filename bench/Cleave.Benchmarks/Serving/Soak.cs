using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Server;
using Cleave.Serving;
using Cleave.Serving.Versions;

namespace Cleave.Benchmarks.Serving;

/// <summary>
/// <c>soak RELEASE [--minutes N] [--load PART] [--overload SECONDS]</c>: finds how many requests a second the server answers at most, then puts PART of that (0.7)
/// to it for N minutes at times that do not wait for answers. A line a minute: requests, failures, latencies by kind, memory, open files. Fails where a request does,
/// or where memory at the end is well above that of the first tenth. After that it can be asked one and a half times the most for so many seconds, and then
/// PART again for five minutes, to see what an overload leaves behind. What is in use at the end, and not only not collected yet, is said too.
/// </summary>
internal static class Soak
{
    private const int Clients = 8;
    private static readonly TimeSpan Calibration = TimeSpan.FromSeconds(15);
    private const double MayGrow = 1.2, TooMuch = 1.5;
    private const int MinutesAfter = 5;
    private static readonly double[] Shares = [0.5, 0.95, 0.99];

    public static int Run(string[] args)
    {
        double minutes = 60, load = 0.7, overload = 0;
        var rest = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] is "--minutes" or "--load" or "--overload" && i + 1 < args.Length && double.TryParse(args[i + 1], CultureInfo.InvariantCulture, out double value))
            {
                (minutes, load, overload) = args[i++] switch
                {
                    "--minutes" => (value, load, overload),
                    "--load" => (minutes, value, overload),
                    _ => (minutes, load, value),
                };
            }
            else
                rest.Add(args[i]);
        }
        if (rest.Count != 1 || !(minutes > 0) || !(load is > 0 and <= 1) || !(overload >= 0))
        {
            Console.Error.WriteLine("usage: soak RELEASE [--minutes N] [--load PART] [--overload SECONDS]");
            return 2;
        }
        return Measure(rest[0], TimeSpan.FromMinutes(minutes), load, TimeSpan.FromSeconds(overload)).GetAwaiter().GetResult() ? 0 : 1;
    }

    private static async Task<bool> Measure(string release, TimeSpan length, double load, TimeSpan overload)
    {
        using var versions = new VersionedHost(ReleaseVersion.Open(release), ReleaseVersion.Open);
        await using ModuleServer server = await ModuleServer.StartAsync(versions, new ServerOptions { Urls = "http://127.0.0.1:0", Waiting = 256 });
        using var client = new HttpClient { BaseAddress = new Uri(server.Addresses[0]), Timeout = TimeSpan.FromSeconds(60) };
        (string Path, string Body)[] requests = [.. versions.Modules.Select(Request)];
        double most = await Most(client, requests);
        double rate = load * most;
        Console.WriteLine(new JsonObject { ["most_per_second"] = Math.Round(most, 1), ["asked_per_second"] = Math.Round(rate, 1), ["memory_bytes"] = Environment.WorkingSet }.ToJsonString());
        var memory = new List<long>();
        long failed = 0;
        long began = Stopwatch.GetTimestamp();
        for (int minute = 1; Stopwatch.GetElapsedTime(began) < length; minute++)
        {
            TimeSpan left = length - Stopwatch.GetElapsedTime(began);
            failed += await Stage("minute", minute, rate, left < TimeSpan.FromMinutes(1) ? left : TimeSpan.FromMinutes(1));
            memory.Add(Environment.WorkingSet);
        }
        int tenth = Math.Max(1, memory.Count / 10);
        double growth = memory.TakeLast(tenth).Average() / memory.Take(tenth).Average();
        Console.WriteLine(new JsonObject { ["minutes"] = memory.Count, ["failed"] = failed, ["memory_growth"] = Math.Round(growth, 3) }.ToJsonString());
        if (overload > TimeSpan.Zero)
        {
            await Stage("overload", (int)overload.TotalSeconds, TooMuch * most, overload);
            for (int minute = 1; minute <= MinutesAfter; minute++)
                await Stage("minute_after", minute, rate, TimeSpan.FromMinutes(1));
        }
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Console.WriteLine(new JsonObject { ["collected_memory_bytes"] = Environment.WorkingSet, ["managed_bytes"] = GC.GetTotalMemory(false), ["committed_bytes"] = GC.GetGCMemoryInfo().TotalCommittedBytes }.ToJsonString());
        return failed == 0 && growth < MayGrow;

        // How many failed.
        async Task<int> Stage(string name, int number, double perSecond, TimeSpan time)
        {
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            (string Path, double? Time)[] asked = await Paced(client, requests, perSecond, time);
            int wrong = asked.Count(a => a.Time is null);
            Console.WriteLine(new JsonObject
            {
                [name] = number,
                ["requests"] = asked.Length,
                ["failed"] = wrong,
                ["latency_ms"] = new JsonObject(asked.GroupBy(a => a.Path).Select(kind => KeyValuePair.Create(kind.Key, (JsonNode?)Percentiles([.. kind.Select(a => a.Time).OfType<double>()])))),
                ["memory_bytes"] = Environment.WorkingSet,
                ["managed_bytes"] = GC.GetTotalMemory(false),
                ["committed_bytes"] = GC.GetGCMemoryInfo().TotalCommittedBytes,
                ["open_files"] = Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Length : null,
                ["threads"] = Process.GetCurrentProcess().Threads.Count,
                ["cpu_seconds"] = Math.Round((Environment.CpuUsage.TotalTime - cpu).TotalSeconds, 1),
            }.ToJsonString());
            return wrong;
        }
    }

    private static JsonObject Percentiles(double[] times) =>
        new(Shares.Select(p => KeyValuePair.Create($"p{100 * p:0}", (JsonNode?)Math.Round(Percentile(times, p), 2))));

    // Nearest rank; nothing of nothing.
    private static double Percentile(double[] values, double part) =>
        values.Length == 0 ? 0 : values.Order().ElementAt(Math.Max(0, (int)Math.Ceiling(part * values.Length) - 1));

    private static (string, string) Request(ServedModule module) => module.Kind switch
    {
        TaskKind.Classify => ("/v1/classify", $"{{\"model\":\"{module.Name}\",\"input\":\"where is my parcel, order 12345?\"}}"),
        TaskKind.Extract => ("/v1/extract", $"{{\"model\":\"{module.Name}\",\"input\":\"cancel order 31337 now please\"}}"),
        _ => ("/v1/completions", $"{{\"model\":\"{module.Name}\",\"prompt\":\"where is my parcel?\",\"max_tokens\":16}}"),
    };

    // As many as several clients get answered that each ask again at once.
    private static async Task<double> Most(HttpClient client, (string Path, string Body)[] requests)
    {
        int next = 0, done = 0;
        await Ask(TimeSpan.FromSeconds(3)); // compiled by then
        done = 0;
        await Ask(Calibration);
        return done / Calibration.TotalSeconds;

        Task Ask(TimeSpan time)
        {
            long began = Stopwatch.GetTimestamp();
            return Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.Run(async () =>
            {
                while (Stopwatch.GetElapsedTime(began) < time)
                {
                    await One(client, requests[Interlocked.Increment(ref next) % requests.Length]);
                    Interlocked.Increment(ref done);
                }
            })));
        }
    }

    private static async Task<(string Path, double? Time)[]> Paced(HttpClient client, (string Path, string Body)[] requests, double rate, TimeSpan time)
    {
        var asked = new List<Task<(string, double?)>>();
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i / rate < time.TotalSeconds; i++)
        {
            TimeSpan wait = TimeSpan.FromSeconds(i / rate) - Stopwatch.GetElapsedTime(began);
            if (wait > TimeSpan.FromMilliseconds(1))
                await Task.Delay(wait);
            asked.Add(One(client, requests[i % requests.Length]));
        }
        return await Task.WhenAll(asked);
    }

    // Milliseconds; none where it failed.
    private static async Task<(string Path, double? Time)> One(HttpClient client, (string Path, string Body) request)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            using var body = new StringContent(request.Body, Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await client.PostAsync(request.Path, body);
            _ = await response.Content.ReadAsByteArrayAsync();
            return (request.Path, response.IsSuccessStatusCode ? Stopwatch.GetElapsedTime(began).TotalMilliseconds : null);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return (request.Path, null);
        }
    }
}
