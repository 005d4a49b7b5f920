using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cleave.Serving.Remote;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving;

namespace Cleave.Tests.Server;

/// <summary>A release of which another server answers for one module.</summary>
public sealed class RemoteReleaseTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    private static async Task<string> Body(HttpResponseMessage response) =>
        Regex.Replace(await response.Content.ReadAsStringAsync(), "\"(id|created|compute_ms|queue_ms|joules|energy|cached_tokens)\":(\"[^\"]*\"|[0-9.Ee+-]+)", "");

    [Fact]
    public async Task The_router_here_gives_a_text_to_the_module_there_and_everything_that_it_says_comes_back()
    {
        using var there = new VersionedHost(ReleaseVersion.Open(tiny.Folder), ReleaseVersion.Open);
        using var local = new VersionedHost(ReleaseVersion.Open(tiny.Folder), ReleaseVersion.Open);
        await using RunningServer other = await RunningServer.StartAsync(there);
        using var remotes = new RemoteModules([("reply", [other.Client.BaseAddress!])]);
        await using RunningServer here = await RunningServer.StartAsync(new RemoteHost(remotes, local));
        Assert.Equal(await Body(await other.Client.GetAsync("/v1/models/reply")), await Body(await here.Client.GetAsync("/v1/models/reply")));
        foreach ((string path, string body) in new[]
        {
            ("/v1/chat/completions", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"please answer me\"}]}"),
            ("/v1/chat/completions", "{\"model\":\"reply\",\"messages\":[{\"role\":\"user\",\"content\":\"answer\"}],\"logprobs\":true,\"top_logprobs\":3,\"max_tokens\":4}"),
            ("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"answer\",\"logprobs\":2,\"max_tokens\":4,\"temperature\":1.5,\"seed\":5}"),
            ("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"answer\",\"logprobs\":2,\"max_tokens\":4,\"stream\":true}"),
            ("/v1/chat/completions", "{\"model\":\"reply\",\"messages\":[{\"role\":\"user\",\"content\":\"answer\"}],\"max_tokens\":12,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"enum\":[\"yes\",\"no\"]}}}}"),
            ("/v1/embeddings", "{\"model\":\"reply\",\"input\":[\"hello\",\"who is there?\"]}"),
        })
        {
            int before = (int)remotes.State[0].Servers[0].Requests;
            HttpResponseMessage expected = await other.Post(path, body), got = await here.Post(path, body);
            Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (expected.StatusCode, got.StatusCode));
            Assert.Equal(before + 1, remotes.State[0].Servers[0].Requests);
            Assert.Equal(await Body(expected), await Body(got));
            if (path == "/v1/embeddings")
                continue; // vectors come without who made them
            foreach (string name in new[] { "x-cleave-module", "x-cleave-task", "x-cleave-route", "x-cleave-version" })
                Assert.Equal(expected.Headers.TryGetValues(name, out IEnumerable<string>? one) ? one : [], got.Headers.TryGetValues(name, out IEnumerable<string>? two) ? two : []);
        }
        HttpResponseMessage loud = await here.Post("/v1/chat/completions", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"so loud, shout\"}]}");
        Assert.Contains("\"content\":\"loud\"", await loud.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(6, remotes.State[0].Servers[0].Requests);
        Assert.Equal(there.State.Versions[0].Hash, loud.Headers.GetValues("x-cleave-version").Single()); // the same release
        Assert.Single(JsonElement.Parse(await here.Client.GetStringAsync("/admin/versions")).GetProperty("versions").EnumerateArray());
    }
}
