using System.Collections.Concurrent;
using Cleave.Benchmarks.HttpFuzz;
using Cleave.Server;
using Cleave.Serving;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving;
using Cleave.Tests.Serving.Tools;

namespace Cleave.Tests.Server;

/// <summary>Requests that are nearly right, to every route; <c>fuzz-http</c> of the benchmarks puts many more.</summary>
public sealed class HttpFuzzTests
{
    private const int Count = 400;

    [Fact]
    public async Task Every_answer_is_one_and_never_an_error_of_the_program()
    {
        using var one = new TinyRelease();
        using var other = new TinyRelease();
        other.SetThreshold("mood", 0.5);
        using var versions = new VersionedHost(ReleaseVersion.Open(one.Folder), ReleaseVersion.Open);
        await versions.LoadAsync(other.Folder);
        var said = new ConcurrentQueue<string>();
        await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { MaxTokens = 16, Releases = Path.GetDirectoryName(other.Folder), Log = said.Enqueue });
        await Check(server, HttpRequests.To(versions, Path.GetFileName(other.Folder)), seed: 3, said);
    }

    [Fact]
    public async Task The_same_of_a_model_that_calls_functions()
    {
        using var host = new LanguageModelHost(CallingModel.Create(CallingModel.Mistral, CallingModel.Turn, CallingModel.Calls), "caller", DateTimeOffset.UnixEpoch);
        var said = new ConcurrentQueue<string>();
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { MaxTokens = 64, Log = said.Enqueue });
        await Check(server, HttpRequests.To(host, "none"), seed: 4, said);
    }

    [Fact]
    public void Cases_come_again_from_their_numbers_and_many_are_right_as_http()
    {
        using var host = new LanguageModelHost(CallingModel.Create(CallingModel.Mistral), "caller", DateTimeOffset.UnixEpoch);
        IReadOnlyList<HttpRequestForm> forms = HttpRequests.To(host, "none");
        HttpCase[] cases = [.. Enumerable.Range(0, 500).Select(i => HttpCase.Of(forms, 1, i))];
        Assert.Equal(cases.Select(c => Convert.ToHexString(c.Bytes)), Enumerable.Range(0, 500).Select(i => Convert.ToHexString(HttpCase.Of(forms, 1, i).Bytes)));
        Assert.InRange(cases.Count(c => c.IsHttp), 300, 450);
        Assert.True(cases.Select(c => Convert.ToHexString(c.Bytes)).Distinct().Count() > 400);
    }

    private static async Task Check(RunningServer server, IReadOnlyList<HttpRequestForm> forms, ulong seed, ConcurrentQueue<string> said)
    {
        HttpTally tally = await new HttpFuzzer(forms, server.Client.BaseAddress!.Port, seed).Run(0, Count, clients: 4);
        Assert.True(tally.Failures.Count == 0, string.Join('\n', tally.Failures.Concat(said.Where(s => s.Contains("internal error", StringComparison.Ordinal)))));
        Assert.Equal(Count, tally.Answered + tally.Refused + tally.RefusedByTransport + tally.Closed + tally.Left);
        Assert.True(tally.Answered > 10 && tally.Refused > 100, tally.ToString());
        Assert.True((await server.Client.GetAsync("/health")).IsSuccessStatusCode);
    }
}
