using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Cleave.Server;
using Cleave.Serving.Versions;

namespace Cleave.Benchmarks.Serving;

/// <summary>
/// <c>connections RELEASE [COUNT [REQUESTS]]</c>: another process opens COUNT connections, asks once over each and leaves them open; then REQUESTS
/// requests are timed over one more connection, as before there were any. Said are the connections that were held from the first request to the last,
/// and processor time and memory of the server.
/// </summary>
internal static class IdleConnections
{
    private const string Client = "--client", Ask = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n";

    public static int Run(string[] args)
    {
        if (args is [Client, var port, var many])
            return Hold(int.Parse(port, CultureInfo.InvariantCulture), int.Parse(many, CultureInfo.InvariantCulture)).GetAwaiter().GetResult();
        if (args.Length is < 1 or > 3)
        {
            Console.Error.WriteLine("usage: connections RELEASE [COUNT [REQUESTS]]");
            return 2;
        }
        int count = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 10_000, requests = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 5_000;
        JsonObject result = Measure(args[0], count, requests).GetAwaiter().GetResult();
        Console.WriteLine(result.ToJsonString());
        return result["held"]!.GetValue<int>() == count && result["failed"]!.GetValue<int>() == 0 ? 0 : 1;
    }

    private static async Task<JsonObject> Measure(string release, int count, int requests)
    {
        using var versions = new VersionedHost(ReleaseVersion.Open(release), ReleaseVersion.Open);
        await using ModuleServer server = await ModuleServer.StartAsync(versions, new ServerOptions { Urls = "http://127.0.0.1:0" });
        var address = new Uri(server.Addresses[0]);
        await Requests(address, versions.Modules[0].Name, requests); // compiled by now
        (double aloneSeconds, int aloneFailed) = await Requests(address, versions.Modules[0].Name, requests);
        long memory = Settled();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        using Process holder = Start(address.Port, count);
        int opened = int.Parse(await holder.StandardOutput.ReadLineAsync() ?? "0", CultureInfo.InvariantCulture);
        double opening = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
        long memoryHeld = Settled();
        cpu = Environment.CpuUsage.TotalTime;
        await Task.Delay(TimeSpan.FromSeconds(5));
        double idle = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / 5;
        (double besideSeconds, int besideFailed) = await Requests(address, versions.Modules[0].Name, requests);
        await holder.StandardInput.WriteLineAsync();
        int held = int.Parse(await holder.StandardOutput.ReadLineAsync() ?? "0", CultureInfo.InvariantCulture);
        await holder.WaitForExitAsync();
        return new JsonObject
        {
            ["connections"] = count,
            ["opened"] = opened,
            ["held"] = held,
            ["requests"] = requests,
            ["failed"] = aloneFailed + besideFailed,
            ["cpu_us_per_request_alone"] = Math.Round(1e6 * aloneSeconds / requests, 1),
            ["cpu_us_per_request_beside"] = Math.Round(1e6 * besideSeconds / requests, 1),
            ["cpu_us_per_connection_opened"] = Math.Round(1e6 * opening / Math.Max(1, opened), 1),
            ["idle_cores"] = Math.Round(idle, 4),
            ["memory_bytes"] = memory,
            ["memory_beside_bytes"] = memoryHeld,
            ["bytes_per_connection"] = (memoryHeld - memory) / Math.Max(1, opened),
        };
    }

    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Environment.WorkingSet;
    }

    // Processor time of server and asker together: this process.
    private static async Task<(double Seconds, int Failed)> Requests(Uri address, string module, int requests)
    {
        using var client = new HttpClient { BaseAddress = address };
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        int failed = 0;
        for (int i = 0; i < requests; i++)
        {
            using var body = new StringContent($"{{\"model\":\"{module}\",\"input\":\"where is my parcel {i}\"}}", Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await client.PostAsync("/v1/classify", body);
            failed += response.IsSuccessStatusCode ? 0 : 1;
        }
        return ((Environment.CpuUsage.TotalTime - cpu).TotalSeconds, failed);
    }

    private static Process Start(int port, int count)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(IdleConnections).Assembly.Location);
        foreach (string argument in (string[])["connections", Client, port.ToString(CultureInfo.InvariantCulture), count.ToString(CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    // The other process.
    private static async Task<int> Hold(int port, int count)
    {
        var open = new List<Socket>(count);
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port);
                if (await Answered(socket))
                    open.Add(socket);
            }
            catch (SocketException)
            {
                socket.Dispose();
            }
        }
        Console.WriteLine(open.Count);
        Console.ReadLine();
        int held = 0;
        foreach (Socket socket in open)
        {
            held += await Answered(socket) ? 1 : 0;
            socket.Dispose();
        }
        Console.WriteLine(held);
        return 0;
    }

    private static async Task<bool> Answered(Socket socket)
    {
        try
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(Ask));
            var buffer = new byte[8192];
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            var heard = new StringBuilder();
            while (!heard.ToString().EndsWith('}')) // the document's end
            {
                int read = await socket.ReceiveAsync(buffer, patience.Token);
                if (read == 0)
                    return false;
                heard.Append(Encoding.ASCII.GetString(buffer, 0, read));
            }
            return heard.ToString().StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
