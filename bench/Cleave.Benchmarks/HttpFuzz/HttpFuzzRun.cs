using System.Globalization;
using System.Text;
using Cleave.Server;
using Cleave.Serving.Versions;

namespace Cleave.Benchmarks.HttpFuzz;

/// <summary>
/// <c>fuzz-http RELEASE RELEASE [COUNT [SEED]]</c>: puts COUNT requests that are nearly right to every route of a server that holds two
/// releases, those of administrators too. Each gets an answer that is right as HTTP and, where it is an error, OpenAI's; never status 500. Memory
/// is looked at behind a fifth of them and at the end. The answer is a row of a table.
/// </summary>
internal static class HttpFuzzRun
{
    private const int Clients = 8;
    private const long MayGrow = 64L << 20;

    public static int Run(string[] args)
    {
        if (args.Length is < 2 or > 4)
        {
            Console.Error.WriteLine("usage: fuzz-http RELEASE RELEASE [COUNT [SEED]]");
            return 2;
        }
        long count = args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) : 100_000;
        ulong seed = args.Length > 3 ? ulong.Parse(args[3], CultureInfo.InvariantCulture) : 1;
        return Measure(args[0], args[1], count, seed).GetAwaiter().GetResult() ? 0 : 1;
    }

    private static async Task<bool> Measure(string first, string second, long count, ulong seed)
    {
        using var versions = new VersionedHost(ReleaseVersion.Open(first), ReleaseVersion.Open);
        await versions.LoadAsync(second);
        string audit = Path.GetTempFileName();
        string full = Path.GetFullPath(second);
        await using ModuleServer server = await ModuleServer.StartAsync(versions,
            new ServerOptions { Urls = "http://127.0.0.1:0", Waiting = 256, MaxTokens = 64, Releases = Path.GetDirectoryName(full), AuditFile = audit, Log = _ => { }, JsonLog = true });
        var fuzz = new HttpFuzzer(HttpRequests.To(versions, Path.GetFileName(full)), new Uri(server.Addresses[0]).Port, seed);
        TimeSpan start = Environment.CpuUsage.TotalTime;
        await fuzz.Run(0, count / 5, Clients);
        (long heap, long set) = Memory();
        HttpTally tally = await fuzz.Run(count / 5, count - count / 5, Clients);
        (long heapAfter, long setAfter) = Memory();
        TimeSpan cpu = Environment.CpuUsage.TotalTime - start;
        foreach (string failure in tally.Failures)
            Console.WriteLine(failure);
        using var client = new HttpClient { BaseAddress = new Uri(server.Addresses[0]) };
        bool alive = (await client.PostAsync("/v1/classify", new StringContent($"{{\"model\":\"{versions.Modules[0].Name}\",\"input\":\"where is my parcel\"}}", Encoding.UTF8, "application/json"))).IsSuccessStatusCode;
        bool flat = heapAfter - heap < MayGrow && setAfter - set < 2 * MayGrow;
        File.Delete(audit);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {count} | {tally.Answered} | {tally.Refused} | {tally.RefusedByTransport} | {tally.Closed} | {tally.Left} | {tally.Failed} | {tally.Longest.TotalMilliseconds:0} ms "
            + $"| {heap >> 20} → {heapAfter >> 20} MiB | {set >> 20} → {setAfter >> 20} MiB | {cpu.TotalSeconds:0} s | {seed} |"));
        if (!alive || !flat)
            Console.WriteLine(alive ? "memory grew" : "the server does not answer any more");
        return tally.Failed == 0 && alive && flat;
    }

    private static (long Heap, long WorkingSet) Memory()
    {
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        return (heap, Environment.WorkingSet);
    }
}
