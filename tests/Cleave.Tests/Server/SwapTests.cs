using System.Net;
using System.Text.Json;
using Cleave.Formats.Durable;
using Cleave.Server;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving;
using Cleave.Tests.Serving.Versions;

namespace Cleave.Tests.Server;

/// <summary>Versions changed by administrators while requests run.</summary>
public sealed class SwapTests
{
    private static readonly string A = SayingHost.HashOf("a"), B = SayingHost.HashOf("b");

    private static async Task<JsonElement> Json(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
    }

    private static string[] Roles(JsonElement state) => [.. state.GetProperty("versions").EnumerateArray().Select(v => v.GetProperty("version").GetString()![..8] + " " + v.GetProperty("role").GetString())];

    [Fact]
    public async Task Hundreds_of_swaps_under_load_and_every_request_is_answered_by_one_version()
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Workers = 2 });
        using var stop = new CancellationTokenSource();
        Task<int>[] load = [.. Enumerable.Range(0, 4).Select(n => Task.Run(async () =>
        {
            int answered = 0;
            for (; !stop.IsCancellationRequested; answered++)
            {
                bool stream = (n + answered) % 2 == 0;
                HttpResponseMessage response = await server.Post("/v1/completions", $"{{\"model\":\"reply\",\"prompt\":\"x\",\"stream\":{(stream ? "true" : "false")}}}");
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                string name = response.Headers.GetValues("x-cleave-version").Single() == A ? "a" : "b";
                string body = await response.Content.ReadAsStringAsync();
                string text = !stream ? JsonDocument.Parse(body).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()!
                    : string.Concat(body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[..^1].Select(e => JsonDocument.Parse(e["data: ".Length..]).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()));
                Assert.Equal($"{name} {name} {name}", text);
            }
            return answered;
        }))];
        for (int swap = 0; swap < 300; swap++)
            await Json(await server.Post(swap % 3 == 2 ? "/admin/rollback" : "/admin/promote", swap % 3 == 2 ? "{}" : $"{{\"version\":\"{(swap % 2 == 0 ? B : A)}\"}}"));
        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(load), answered => Assert.True(answered > 0));
        Assert.All(versions.State.Versions, v => Assert.Equal(0, v.Failures));
    }

    [Fact]
    public async Task What_waits_in_the_queue_is_answered_by_the_version_that_it_was_admitted_to()
    {
        using var go = new ManualResetEventSlim();
        using var begun = new SemaphoreSlim(0);
        var old = new SayingHost("a") { BetweenWords = () => { begun.Release(); go.Wait(); } };
        using var versions = new VersionedHost(old.Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Workers = 1 });
        Task<HttpResponseMessage>[] asked = [.. Enumerable.Range(0, 3).Select(_ => server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\"}"))];
        await begun.WaitAsync();
        while (versions.State.Versions[0].Running < 3)
            await Task.Yield();
        await Json(await server.Post("/admin/promote", $"{{\"version\":\"{B}\"}}"));
        Assert.EndsWith(" draining", Roles(await Json(await server.Post("/admin/unload", $"{{\"version\":\"{A}\"}}")))[0], StringComparison.Ordinal);
        go.Set();
        foreach (HttpResponseMessage answer in await Task.WhenAll(asked))
        {
            Assert.Equal((HttpStatusCode.OK, A), (answer.StatusCode, answer.Headers.GetValues("x-cleave-version").Single()));
            Assert.Contains("a a a", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        while (!old.IsDisposed)
            await Task.Yield();
        Assert.Null(old.Fault);
    }

    [Fact]
    public async Task A_release_is_loaded_from_the_folder_promoted_and_rolled_back_and_a_damaged_one_is_refused()
    {
        using var tiny = new TinyRelease();
        string root = Directory.CreateTempSubdirectory("cleave-releases-").FullName;
        try
        {
            FolderCopy.Copy(tiny.Folder, Path.Combine(root, "first"));
            tiny.SetThreshold("reply", 0.5);
            FolderCopy.Copy(tiny.Folder, Path.Combine(root, "desk", "second"));
            FolderCopy.Copy(tiny.Folder, Path.Combine(root, "damaged"));
            string weights = Path.Combine(root, "damaged", "modules", "mood", "model.safetensors");
            byte[] bytes = await File.ReadAllBytesAsync(weights);
            bytes[^1] ^= 1;
            await File.WriteAllBytesAsync(weights, bytes);
            Directory.CreateDirectory(Path.Combine(root, "empty"));
            Directory.CreateSymbolicLink(Path.Combine(root, "link"), tiny.Folder);
            using var versions = new VersionedHost(ReleaseVersion.Open(Path.Combine(root, "first")), ReleaseVersion.Open);
            await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Releases = root });

            var damaged = await RunningServer.Error(await server.Post("/admin/versions", "{\"path\":\"damaged\"}"));
            Assert.Equal((422, "release_refused"), (damaged.Status, damaged.Code));
            Assert.Contains("modules/mood/model.safetensors has been changed", damaged.Message, StringComparison.Ordinal);
            foreach (string path in new[] { "empty", "nothing", "link", "link/modules", "../" + Path.GetFileName(tiny.Folder), tiny.Folder, "desk/../first", "", ".", "first/", "desk\\\\second", "first\\u0000", "C:first" })
            {
                var refused = await RunningServer.Error(await server.Post("/admin/versions", $"{{\"path\":\"{path}\"}}"));
                Assert.Equal((422, "release_refused"), (refused.Status, refused.Code));
            }

            JsonElement loaded = await Json(await server.Post("/admin/versions", "{\"path\":\"desk/second\"}"));
            string second = loaded.GetProperty("versions")[1].GetProperty("version").GetString()!;
            Assert.EndsWith(" serving", Roles(loaded)[0], StringComparison.Ordinal);
            Assert.EndsWith(" ready", Roles(loaded)[1], StringComparison.Ordinal);
            JsonElement names = loaded.GetProperty("versions")[1].GetProperty("modules")[2];
            Assert.Equal(("names", "extract", "answered by the monolith"), (names.GetProperty("name").GetString(), names.GetProperty("kind").GetString(), names.GetProperty("certificate").GetString()));
            await Json(await server.Post("/admin/promote", $"{{\"version\":\"{second[..10]}\"}}"));
            HttpResponseMessage answer = await server.Post("/v1/chat/completions", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"so loud, shout\"}]}");
            Assert.Contains("\"content\":\"loud\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.Equal(second, answer.Headers.GetValues("x-cleave-version").Single());
            Assert.EndsWith(" serving", Roles(await Json(await server.Post("/admin/rollback", "{}")))[0], StringComparison.Ordinal);
            await Json(await server.Post("/admin/unload", $"{{\"version\":\"{second}\"}}"));
            while (versions.State.Versions.Count > 1)
                await Task.Yield();
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public async Task A_canary_follows_the_requests_id_and_a_shadow_is_compared()
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        await using RunningServer server = await RunningServer.StartAsync(versions);
        JsonElement state = await Json(await server.Post("/admin/canary", $"{{\"version\":\"{B}\",\"percent\":50}}"));
        Assert.Equal(("canary", 50), (state.GetProperty("trial").GetProperty("mode").GetString(), state.GetProperty("trial").GetProperty("percent").GetDouble()));
        var by = new Dictionary<string, string>();
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 40; i++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent("{\"model\":\"reply\",\"prompt\":\"x\"}", System.Text.Encoding.UTF8, "application/json") };
                request.Headers.Add("x-request-id", $"user-{i}");
                HttpResponseMessage answer = await server.Client.SendAsync(request);
                Assert.Equal($"user-{i}", answer.Headers.GetValues("x-request-id").Single());
                string version = answer.Headers.GetValues("x-cleave-version").Single();
                Assert.Equal(version, by.TryAdd($"user-{i}", version) ? version : by[$"user-{i}"]);
            }
        }
        Assert.Equal(2, by.Values.Distinct().Count());
        await Json(await server.Post("/admin/canary", $"{{\"version\":\"{B}\",\"mode\":\"shadow\"}}"));
        HttpResponseMessage shadowed = await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\"}");
        Assert.Equal(A, shadowed.Headers.GetValues("x-cleave-version").Single());
        while (versions.State.Trial!.Comparison!.Compared == 0)
            await Task.Yield();
        state = await Json(await server.Client.GetAsync("/admin/versions"));
        Assert.Equal((1, 0), (state.GetProperty("trial").GetProperty("comparison").GetProperty("tasks").GetProperty("reply").GetProperty("compared").GetInt32(), state.GetProperty("trial").GetProperty("comparison").GetProperty("equal").GetInt32()));
        Assert.False((await Json(await server.Post("/admin/canary", "{\"mode\":\"off\"}"))).TryGetProperty("trial", out _));
    }

    [Theory]
    [InlineData("/admin/promote", "{}", 400, "'version' is missing")]
    [InlineData("/admin/promote", "{\"version\":5}", 400, "must be a string")]
    [InlineData("/admin/promote", "{\"version\":\"00000000\"}", 404, "no version '00000000'")]
    [InlineData("/admin/promote", "{\"verison\":\"00000000\"}", 400, "'verison' is not supported")]
    [InlineData("/admin/rollback", "{}", 409, "has served before")]
    [InlineData("/admin/canary", "{\"percent\":0}", 400, "a percentage above 0")]
    [InlineData("/admin/canary", "{\"mode\":\"x\"}", 400, "\\\"mode\\\": \\\"off\\\"")]
    [InlineData("/admin/canary", "{\"version\":\"00000000\",\"percent\":101}", 400, "from 0 to 100")]
    [InlineData("/admin/canary", "{\"version\":\"00000000\",\"mode\":\"learn\"}", 403, "--feedback FILE")]
    [InlineData("/admin/canary", "{\"version\":\"00000000\",\"percent\":5,\"risk\":0.1}", 400, "is for the mode learn")]
    [InlineData("/admin/versions", "{\"path\":\"x\"}", 403, "--releases DIR")]
    [InlineData("/admin/versions", "[]", 400, "must be a JSON object")]
    public async Task What_cannot_be_done_says_why(string path, string body, int status, string message)
    {
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await using RunningServer server = await RunningServer.StartAsync(versions);
        var error = await RunningServer.Error(await server.Post(path, body));
        Assert.Equal(status, error.Status);
        Assert.Contains(message.Replace("\\\"", "\"", StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_single_model_has_no_versions_to_change()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        Assert.Equal(404, (await RunningServer.Error(await server.Client.GetAsync("/admin/versions"))).Status);
        Assert.Contains("leave --releases out", (await Assert.ThrowsAsync<CleaveException>(() => RunningServer.StartAsync(new WordHost(), new ServerOptions { Releases = "." }))).Message, StringComparison.Ordinal);
    }
}
