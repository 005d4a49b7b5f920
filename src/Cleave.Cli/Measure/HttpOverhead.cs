using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Cleave.Server;
using Cleave.Serving;

namespace Cleave.Cli.Measure;

/// <summary>What a request takes around its module: HTTP, JSON, queues and threads.</summary>
internal static class HttpOverhead
{
    private const int WarmUps = 40, Requests = 200;

    /// <summary>Milliseconds: the median of requests over HTTP less the median of the same requests without it, one at a time, on this machine alone.</summary>
    public static async Task<double> Measure(IModuleHost host, ModuleRequest request, CancellationToken cancel)
    {
        await using ModuleServer server = await ModuleServer.StartAsync(host, new ServerOptions { Urls = "http://127.0.0.1:0" }, cancel);
        using var client = new HttpClient { BaseAddress = new Uri(server.Addresses[0]) };
        string json = new JsonObject { ["model"] = request.Module, ["prompt"] = request.Prompt, ["max_tokens"] = request.MaxTokens }.ToJsonString();
        double[] direct = new double[Requests], whole = new double[Requests];
        for (int i = -WarmUps; i < Requests; i++)
        {
            long start = Stopwatch.GetTimestamp();
            host.Run(request, new Nobody(), cancel);
            double alone = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            start = Stopwatch.GetTimestamp();
            using var body = new StringContent(json, Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await client.PostAsync(new Uri("/v1/completions", UriKind.Relative), body, cancel);
            response.EnsureSuccessStatusCode();
            await response.Content.ReadAsByteArrayAsync(cancel);
            if (i >= 0)
                (direct[i], whole[i]) = (alone, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return Math.Max(0, Median.Of<double>(whole) - Median.Of<double>(direct));
    }

    private sealed class Nobody : IResultSink
    {
        public void Chosen(ModuleChoice choice)
        {
            // Only the time counts.
        }

        public void Text(string piece)
        {
            // Only the time counts.
        }
    }
}
