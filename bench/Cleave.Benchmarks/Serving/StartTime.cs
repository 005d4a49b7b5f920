using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Cleave.Benchmarks.Serving;

/// <summary><c>start PROGRAM RELEASE [RUNS]</c>: from the start of <c>cleave serve</c> until <c>/health/ready</c> answers that it is; medians of wall clock, and of user and system time up to then. PROGRAM is <c>cleave</c> or its <c>.dll</c>.</summary>
internal static class StartTime
{
    public static int Run(string[] args)
    {
        if (args.Length is < 2 or > 3)
        {
            Console.Error.WriteLine("usage: start PROGRAM RELEASE [RUNS]");
            return 2;
        }
        int runs = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 11;
        (double Wall, double User, double System, long Memory)[] times = [.. Enumerable.Range(0, runs + 1).Select(_ => One(args[0], args[1])).Skip(1)];
        Console.WriteLine(new JsonObject
        {
            ["runs"] = runs,
            ["wall_ms"] = Median(times.Select(t => t.Wall)),
            ["wall_ms_worst"] = Math.Round(times.Max(t => t.Wall)),
            ["user_ms"] = Median(times.Select(t => t.User)),
            ["system_ms"] = Median(times.Select(t => t.System)),
            ["memory_bytes"] = (long)Median(times.Select(t => (double)t.Memory)),
        }.ToJsonString());
        return 0;
    }

    private static (double, double, double, long) One(string program, string release)
    {
        bool managed = program.EndsWith(".dll", StringComparison.Ordinal);
        var start = new ProcessStartInfo(managed ? "dotnet" : program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[.. managed ? [program] : Array.Empty<string>(), "serve", release, "--urls", "http://127.0.0.1:0"])
            start.ArgumentList.Add(argument);
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        string? line = process.StandardOutput.ReadLine();
        if (line is null || !line.StartsWith("serving", StringComparison.Ordinal))
            throw new InvalidOperationException($"it did not serve: {line}{process.StandardError.ReadToEnd()}");
        using (HttpResponseMessage ready = Client.Send(new HttpRequestMessage(HttpMethod.Get, line[line.LastIndexOf("http://", StringComparison.Ordinal)..] + "/health/ready")))
            ready.EnsureSuccessStatusCode();
        double wall = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        process.Refresh();
        (double, double, double, long) times = (wall, process.UserProcessorTime.TotalMilliseconds, process.PrivilegedProcessorTime.TotalMilliseconds, process.WorkingSet64);
        _ = kill(process.Id, Terminate);
        process.WaitForExit();
        return times;
    }

    private static readonly HttpClient Client = new();
    private const int Terminate = 15;

    // .NET ends processes only by force.
    [DllImport("libc")]
    private static extern int kill(int process, int signal);

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return Math.Round(sorted[sorted.Length / 2]);
    }
}
