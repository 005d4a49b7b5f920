using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Benchmarks.Limits;
using Cleave.Serving.Allocation;
using Cleave.Serving.Simulation;

namespace Cleave.Benchmarks.Replay;

/// <summary>The same traffic put to a server that runs and to the simulation of it, side by side: arrivals by the clock, whether or not answers have come.</summary>
internal static class ReplayBenchmark
{
    private const int Together = 8, WarmUps = 25;

    private static readonly CultureInfo Plain = CultureInfo.InvariantCulture;

    /// <summary><c>replay URL FOOTPRINT DATA SECONDS PART…</c></summary>
    public static int Run(string[] args)
    {
        bool write = args.Contains("--write");
        args = [.. args.Where(a => a != "--write")];
        if (args.Length < 5)
        {
            Console.Error.WriteLine("usage: replay URL FOOTPRINT DATA SECONDS PART... [--write]; DATA holds MODULE.test.jsonl with texts, a PART is of what the server could do at most");
            return 2;
        }
        Footprints footprints = Footprints.Load(args[1]);
        Dictionary<string, string[]> texts = footprints.Modules.Select(m => (m.Name, File: Path.Combine(args[2], $"{m.Name}.test.jsonl"))).Where(m => File.Exists(m.File))
            .ToDictionary(m => m.Name, m => Texts(m.File), StringComparer.Ordinal);
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 512 }) { BaseAddress = new Uri(args[0]), Timeout = TimeSpan.FromMinutes(2) };
        string report = Measure(client, footprints, texts, double.Parse(args[3], Plain), [.. args[4..].Select(p => double.Parse(p, Plain))]).GetAwaiter().GetResult();
        Console.Write(report);
        if (write)
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine("bench", "results", Cpu.Slug)).FullName, "simulation.md"), report);
        return 0;
    }

    private static async Task<string> Measure(HttpClient client, Footprints footprints, Dictionary<string, string[]> texts, double seconds, double[] parts)
    {
        Asked[] warm = [.. Enumerable.Range(0, WarmUps * texts.Count).Select(i => new Asked(texts.Keys.ElementAt(i % texts.Count), texts.Values.ElementAt(i % texts.Count)[i]))];
        foreach (Asked request in warm)
            await Ask(client, request, Stopwatch.GetTimestamp());
        // What an answer of each module is like, by the answers to the first texts.
        TrafficPart[] mix = [.. warm.GroupBy(w => w.Module, StringComparer.Ordinal).Select(g => new TrafficPart(g.Key, 1, g.Average(w => w.PromptTokens), g.Average(w => w.CompletionTokens)))];
        double most = mix.Length / mix.Sum(p => footprints.Find(p.Module).Seconds((int)p.PromptTokens, (int)p.CompletionTokens, Together));
        var table = new StringBuilder();
        foreach (double part in parts)
            Append(table, part, await Round(client, texts, mix, part * most, seconds), footprints);
        return string.Create(Plain, $"""
            # Simulated and real on {Cpu.Name}

            `bench/replay.sh`: {mix.Length} modules asked alike in a Poisson stream over HTTP by a client on the same machine, {seconds:0} s at each rate, after {warm.Length} requests
            that do not count. The simulation replays the moments at which requests were sent, with the tokens that they turned out to have, against footprints that were
            measured just before ({footprints.Machine.Threads} threads, {footprints.Machine.InstructionSet}). Times are from sending to the whole answer. The load is the rate's part of what the footprints say is possible at most.

            | load | module | requests | requests/s | p50 real | simulated | p95 real | simulated | refused real | simulated | processor simulated |
            |---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
            {table}
            """) + "\n";
    }

    private static async Task<Asked[]> Round(HttpClient client, Dictionary<string, string[]> texts, TrafficPart[] mix, double rate, double seconds)
    {
        TrafficTrace plan = new TrafficPattern(TrafficShape.Poisson, rate, mix).Generate(Math.Max(1, (int)(rate * seconds)), 7);
        Asked[] requests = [.. plan.Requests.Select((r, i) => new Asked(mix[r.Module].Module, texts[mix[r.Module].Module][i % texts[mix[r.Module].Module].Length]))];
        var sent = new Task[requests.Length];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < requests.Length; i++)
        {
            TimeSpan wait = TimeSpan.FromSeconds(plan.Requests[i].Time) - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait);
            Asked request = requests[i];
            sent[i] = Task.Run(() => Ask(client, request, start));
        }
        await Task.WhenAll(sent);
        return requests;
    }

    private static async Task Ask(HttpClient client, Asked request, long start)
    {
        string json = new JsonObject { ["model"] = request.Module, ["prompt"] = request.Text }.ToJsonString();
        using var body = new StringContent(json, Encoding.UTF8, "application/json");
        request.Sent = Stopwatch.GetElapsedTime(start).TotalSeconds;
        using HttpResponseMessage response = await client.PostAsync(new Uri("/v1/completions", UriKind.Relative), body);
        byte[] answer = await response.Content.ReadAsByteArrayAsync();
        request.Milliseconds = 1000 * (Stopwatch.GetElapsedTime(start).TotalSeconds - request.Sent);
        if (response.StatusCode == HttpStatusCode.TooManyRequests)
            return;
        response.EnsureSuccessStatusCode();
        using JsonDocument document = JsonDocument.Parse(answer);
        JsonElement usage = document.RootElement.GetProperty("usage");
        (request.PromptTokens, request.CompletionTokens) = (Math.Max(1, usage.GetProperty("prompt_tokens").GetInt32()), Math.Max(1, usage.GetProperty("completion_tokens").GetInt32()));
        request.IsAnswered = true;
    }

    private static void Append(StringBuilder table, double part, Asked[] asked, Footprints footprints)
    {
        string[] names = [.. asked.Select(a => a.Module).Distinct().Order(StringComparer.Ordinal)];
        // Of what was refused nobody knows the tokens: a typical one of its module.
        TracedRequest[] requests = [.. asked.OrderBy(a => a.Sent).Select(a => new TracedRequest(a.Sent, Array.IndexOf(names, a.Module),
            a.IsAnswered ? a.PromptTokens : Typical(asked, a.Module, x => x.PromptTokens), a.IsAnswered ? a.CompletionTokens : Typical(asked, a.Module, x => x.CompletionTokens)))];
        FleetResult simulated = FleetSimulation.Run(footprints, new TrafficTrace(names, requests), new FleetOptions());
        double elapsed = asked.Max(a => a.Sent + a.Milliseconds / 1000);
        foreach (SimulatedTimes s in simulated.Modules.Append(simulated.All))
        {
            double[] real = [.. asked.Where(a => a.IsAnswered && (s.Module is null || a.Module == s.Module)).Select(a => a.Milliseconds).Order()];
            int refused = asked.Count(a => !a.IsAnswered && (s.Module is null || a.Module == s.Module));
            table.Append(Plain, $"| {100 * part:0}% | {s.Module ?? "all"} | {real.Length + refused} | {real.Length / elapsed:0.0} | {At(real, 0.5):0.0} ms | {s.P50:0.0} ms | {At(real, 0.95):0.0} ms | {s.P95:0.0} ms | {refused} | {s.Refused} | {100 * s.Processor:0}% |\n");
        }
    }

    private static int Typical(Asked[] asked, string module, Func<Asked, int> tokens)
    {
        int[] known = [.. asked.Where(a => a.IsAnswered && a.Module == module).Select(tokens).Order()];
        return known.Length == 0 ? 1 : known[known.Length / 2];
    }

    private static double At(double[] sorted, double part) => sorted.Length == 0 ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Length) - 1)];

    private static string[] Texts(string file) => [.. File.ReadLines(file).Where(l => l.Length > 0).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("text").GetString()!)];

    private sealed class Asked(string module, string text)
    {
        public string Module { get; } = module;
        public string Text { get; } = text;
        public double Sent { get; set; }
        public double Milliseconds { get; set; }
        public int PromptTokens { get; set; }
        public int CompletionTokens { get; set; }
        public bool IsAnswered { get; set; }
    }
}
