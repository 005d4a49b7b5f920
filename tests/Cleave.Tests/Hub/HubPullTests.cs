using System.Security.Cryptography;
using Cleave.Hub;
using Microsoft.AspNetCore.Http;

namespace Cleave.Tests.Hub;

/// <summary>Fetching from a server that behaves like the Hub, and from one that misbehaves.</summary>
public sealed class HubPullTests : IAsyncLifetime
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    private readonly string _home = Directory.CreateTempSubdirectory("cleave-hub").FullName;
    private readonly JumpClock _clock = new(Silence);
    private FakeHub _hub = null!;
    private byte[] _weights = null!;

    public async Task InitializeAsync()
    {
        _hub = await FakeHub.StartAsync();
        _weights = new byte[1_000_003];
        new Random(5).NextBytes(_weights);
        _hub.Add("config.json", "{\"model_type\": \"llama\"}").Add("tokenizer.json", "{}").Add("README.md", "").Add(".gitattributes", "*")
            .Add("model.safetensors", _weights, large: true).Add("pytorch_model.bin", [1, 2, 3], large: true).Add("onnx/model.onnx", [4], large: true);
    }

    public async Task DisposeAsync()
    {
        await _hub.DisposeAsync();
        Directory.Delete(_home, recursive: true);
    }

    private HubCache Cache => new(Path.Combine(_home, "hub"));
    private string Blobs => Path.Combine(_home, "hub", "models--acme--tiny", "blobs");
    private string Snapshot => Path.Combine(_home, "hub", "models--acme--tiny", "snapshots", FakeHub.Commit);
    private string Incomplete => Path.Combine(Blobs, _hub.HashOf("model.safetensors") + ".incomplete");

    private async Task<PulledModel> Pull(string name = "hf:acme/tiny", FileSelection? selection = null, string? token = "hf_secret", TimeProvider? clock = null)
    {
        var settings = new HubSettings { Endpoint = _hub.Endpoint, Cache = Cache.Root, Token = token, StallTimeout = Silence };
        using var client = new HubClient(settings, clock ?? _clock);
        return await new HubPull(client, Cache).RunAsync(HubReference.Parse(name), selection ?? FileSelection.Default, 4, null, CancellationToken.None)
            .WaitAsync(TimeSpan.FromSeconds(60));
    }

    private Task<HubException> Fails(string name = "hf:acme/tiny", FileSelection? selection = null, string? token = "hf_secret") =>
        Assert.ThrowsAsync<HubException>(() => Pull(name, selection, token));

    /// <summary>Answers the storage's n-th request for weights (from 1) in another way.</summary>
    private void OnStorage(int request, Func<HttpContext, Task> answer)
    {
        int seen = 0;
        _hub.Intercept = async context =>
        {
            if (!context.Request.Path.StartsWithSegments("/lfs") || Interlocked.Increment(ref seen) != request)
                return false;
            await answer(context);
            return true;
        };
    }

    private void AssertWeights() => Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(Snapshot, "model.safetensors")));

    [Fact]
    public async Task A_model_lies_in_the_cache_as_Python_puts_it_and_the_token_stays_with_the_hub()
    {
        PulledModel pulled = await Pull();
        Assert.Equal(Snapshot, pulled.Place);
        Assert.Equal(["README.md", "config.json", "model.safetensors", "tokenizer.json"], pulled.Files.Select(f => f.Path).Order(StringComparer.Ordinal));
        AssertWeights();
        string link = new FileInfo(Path.Combine(Snapshot, "model.safetensors")).LinkTarget!;
        Assert.Equal($"../../blobs/{Convert.ToHexStringLower(SHA256.HashData(_weights))}", link.Replace('\\', '/'));
        Assert.Equal($"../../blobs/{FakeHub.GitName(_hub.Files["config.json"])}", new FileInfo(Path.Combine(Snapshot, "config.json")).LinkTarget!.Replace('\\', '/'));
        Assert.Equal(FakeHub.Commit, File.ReadAllText(Path.Combine(_home, "hub", "models--acme--tiny", "refs", "main")));
        Assert.Empty(Directory.GetFiles(Blobs, "*.incomplete"));
        Assert.All(_hub.Requests.Where(r => !r.Path.StartsWith("/lfs/", StringComparison.Ordinal)), r => Assert.Equal("Bearer hf_secret", r.Authorization));
        Assert.Null(Assert.Single(_hub.FromStorage).Authorization);
        Assert.Equal(Snapshot, Cache.Find(HubReference.Parse("hf:acme/tiny")));
    }

    [Fact]
    public async Task What_is_there_is_not_fetched_again_whoever_put_it_there()
    {
        // As huggingface_hub leaves it: a blob, a relative link, a ref without a line feed.
        Directory.CreateDirectory(Blobs);
        Directory.CreateDirectory(Snapshot);
        string hash = _hub.HashOf("model.safetensors");
        File.WriteAllBytes(Path.Combine(Blobs, hash), _weights);
        File.CreateSymbolicLink(Path.Combine(Snapshot, "model.safetensors"), Path.Combine("..", "..", "blobs", hash));
        PulledModel first = await Pull();
        Assert.Empty(_hub.FromStorage);
        Assert.True(first.Files.Single(f => f.Path == "model.safetensors").Cached);
        int downloads = _hub.Downloads.Count();
        Assert.Equal(0, (await Pull()).FetchedBytes);
        Assert.Equal(downloads, _hub.Downloads.Count());
    }

    [Fact]
    public async Task A_lost_connection_is_taken_up_where_it_broke()
    {
        OnStorage(1, async c =>
        {
            await FakeHub.SendPart(c, _weights, 400_000);
            c.Abort();
        });
        await Pull();
        AssertWeights();
        Assert.Equal([TimeSpan.FromSeconds(1)], _clock.Waits);
        Seen[] storage = [.. _hub.FromStorage];
        Assert.Null(storage[0].Range);
        Assert.Matches("^bytes=[1-9][0-9]*-$", storage[1].Range!);
    }

    [Fact]
    public async Task A_server_without_ranges_begins_anew()
    {
        _hub.IgnoresRanges = true;
        OnStorage(1, async c =>
        {
            await FakeHub.SendPart(c, _weights, 400_000);
            c.Abort();
        });
        await Pull();
        AssertWeights();
        Assert.Equal(2, _hub.FromStorage.Count());
    }

    [Fact]
    public async Task Silence_is_a_lost_connection()
    {
        var cut = new TaskCompletionSource();
        OnStorage(1, async c =>
        {
            await FakeHub.SendPart(c, _weights, 400_000);
            await Task.Delay(200);
            _clock.Stall();
            await cut.Task;
        });
        await Pull();
        cut.SetResult();
        AssertWeights();
        Assert.Equal(2, _hub.FromStorage.Count());
    }

    [Theory]
    [InlineData("7", null, 7)]
    [InlineData("Fri, 02 Jan 2026 03:04:25 GMT", null, 20)]
    [InlineData(null, "\"api\";r=0;t=55", 55)]
    [InlineData(null, "\"api\";r=9;t=55", 1)]
    [InlineData(null, null, 1)]
    public async Task A_full_server_is_given_the_time_it_asks_for(string? retryAfter, string? rateLimit, int seconds)
    {
        int refused = 0;
        _hub.Intercept = async c =>
        {
            if (!c.Request.Path.Value!.Contains("/revision/", StringComparison.Ordinal) || Interlocked.Increment(ref refused) > 1)
                return false;
            if (rateLimit is not null)
                c.Response.Headers["RateLimit"] = rateLimit;
            await FakeHub.Refuse(c, 429, retryAfter: retryAfter);
            return true;
        };
        await Pull();
        Assert.Equal([TimeSpan.FromSeconds(seconds)], _clock.Waits);
    }

    [Theory]
    [InlineData("tree", null, "answers 503", new[] { 1, 2, 4, 8, 16 })]
    [InlineData("resolve", null, "answers 503", new[] { 1, 2, 4, 8, 16 })]
    [InlineData("tree", "3600", "wait 60 minutes", new int[0])]
    public async Task A_server_that_stays_down_is_given_up(string what, string? retryAfter, string message, int[] waits)
    {
        _hub.Intercept = async c =>
        {
            bool hit = c.Request.Path.Value!.Contains($"/{what}/", StringComparison.Ordinal);
            if (hit)
                await FakeHub.Refuse(c, 503, retryAfter: retryAfter);
            return hit;
        };
        HubException e = await Fails("hf:acme/tiny:config.json");
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(waits.Select(w => TimeSpan.FromSeconds(w)), _clock.Waits);
    }

    [Theory]
    [InlineData(401, null, null, "acme/tiny", "set HF_TOKEN")]
    [InlineData(401, null, "hf_old", "acme/tiny", "is not accepted (401)")]
    [InlineData(401, "GatedRepo", null, "acme/tiny", "accept its terms at")]
    [InlineData(403, "GatedRepo", "hf_mine", "acme/tiny", "accept its terms at")]
    [InlineData(403, null, "hf_mine", "acme/tiny", "access is refused (403)")]
    [InlineData(404, "RepoNotFound", "hf_mine", "acme/tny", "did you mean 'acme/tiny'?")]
    [InlineData(400, null, null, "acme/tiny", "answers 400")]
    public async Task A_refusal_says_what_to_do(int status, string? code, string? token, string repository, string message)
    {
        _hub.Intercept = async c =>
        {
            bool hit = c.Request.Path.Value!.Contains("/revision/", StringComparison.Ordinal);
            if (hit)
                await FakeHub.Refuse(c, status, code);
            return hit;
        };
        HubException e = await Fails("hf:" + repository, token: token);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        if (token is not null)
            Assert.DoesNotContain(token, e.Message, StringComparison.Ordinal);
        Assert.Empty(_clock.Waits);
    }

    [Theory]
    [InlineData("hf:acme/tiny@experiment", "did you mean 'experiments'?")]
    [InlineData("hf:acme/tiny:confg.json", "did you mean 'config.json'?")]
    public async Task A_wrong_revision_or_file_is_answered_with_the_nearest(string name, string message) =>
        Assert.Contains(message, (await Fails(name)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_file_that_is_not_there_is_noted_for_programs_without_a_network()
    {
        await Pull();
        await Fails("hf:acme/tiny:chat_template.jinja");
        Assert.True(File.Exists(Path.Combine(_home, "hub", "models--acme--tiny", ".no_exist", FakeHub.Commit, "chat_template.jinja")));
        var e = Assert.Throws<HubException>(() => Cache.Find(HubReference.Parse("hf:acme/tiny:chat_template.jinja")));
        Assert.Contains("has no such file", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Content_with_another_hash_is_not_kept()
    {
        byte[] other = [.. _weights];
        other[123] ^= 1;
        OnStorage(1, async c => await FakeHub.SendPart(c, other, other.Length));
        Assert.Contains("does not have the hash", (await Fails()).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Blobs, _hub.HashOf("model.safetensors"))));
        Assert.False(File.Exists(Path.Combine(Snapshot, "model.safetensors")));
        await Pull();
        AssertWeights();
    }

    [Fact]
    public async Task A_damaged_beginning_is_fetched_again()
    {
        Directory.CreateDirectory(Blobs);
        File.WriteAllBytes(Incomplete, new byte[5000]);
        await Pull();
        AssertWeights();
        Assert.Equal(["bytes=5000-", null], _hub.FromStorage.Select(s => s.Range));
    }

    [Theory]
    [InlineData(10, false)]
    [InlineData(-10, false)]
    [InlineData(10, true)]
    public async Task Content_of_another_length_is_refused(int more, bool chunked)
    {
        byte[] wrong = [.. _weights, .. new byte[10]];
        OnStorage(1, async c =>
        {
            if (!chunked)
                c.Response.ContentLength = _weights.Length + more;
            await c.Response.Body.WriteAsync(wrong.AsMemory(0, _weights.Length + more));
        });
        Assert.Contains("nothing was kept", (await Fails()).Message, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(Incomplete).Length);
    }

    [Theory]
    [InlineData("X-Linked-Etag", "\"aaaa\"", "where its list says")]
    [InlineData("X-Linked-Size", "7", "where its list says")]
    [InlineData("X-Repo-Commit", "ffff", "was asked for")]
    public async Task Headers_that_contradict_the_list_are_refused(string header, string value, string message)
    {
        _hub.Intercept = async c =>
        {
            if (!c.Request.Path.Value!.EndsWith("/config.json", StringComparison.Ordinal))
                return false;
            c.Response.Headers[header] = value;
            await c.Response.WriteAsync("{}");
            return true;
        };
        Assert.Contains(message, (await Fails("hf:acme/tiny:config.json")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../../escape.json")]
    [InlineData("/etc/passwd.json")]
    [InlineData("a/../../b.json")]
    [InlineData("a\\b.json")]
    [InlineData("c:x.json")]
    [InlineData("a//b.json")]
    public async Task A_name_that_leads_out_of_the_folder_stops_everything(string name)
    {
        _hub.Add(name, "x");
        Assert.Contains("nothing was fetched", (await Fails()).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_home));
    }

    [Fact]
    public async Task A_full_disk_is_noticed_before_anything_is_fetched()
    {
        _hub.ListedSizes["model.safetensors"] = long.MaxValue;
        CapacityException e = await Assert.ThrowsAsync<CapacityException>(() => Pull());
        Assert.Contains("HF_HOME", e.Message, StringComparison.Ordinal);
        Assert.Empty(_hub.Downloads);
    }

    [Fact]
    public async Task A_list_in_pages_is_read_to_its_end()
    {
        _hub.PageSize = 2;
        Assert.Equal(4, (await Pull()).Files.Count);
        AssertWeights();
    }

    [Fact]
    public async Task Pickles_are_refused_with_the_remedy_and_fetched_when_asked_for()
    {
        _hub.Files.Remove("model.safetensors");
        Assert.Contains("safetensors/convert", (await Fails()).Message, StringComparison.Ordinal);
        Assert.Empty(_hub.Downloads);
        PulledModel pulled = await Pull(selection: new FileSelection(["*.bin"], []));
        Assert.Equal("pytorch_model.bin", Assert.Single(pulled.Files).Path);
    }

    [Fact]
    public async Task One_of_several_GGUF_files_has_to_be_named()
    {
        _hub.Files.Clear();
        _hub.Add("tiny-Q4_0.gguf", [1, 2], large: true).Add("tiny-Q8_0.gguf", [3, 4], large: true);
        Assert.Contains("cleave pull hf:acme/tiny:tiny-Q4_0.gguf", (await Fails()).Message, StringComparison.Ordinal);
        PulledModel pulled = await Pull("hf:acme/tiny:tiny-Q8_0.gguf");
        Assert.Equal([3, 4], File.ReadAllBytes(pulled.Place));
    }

    [Fact]
    public async Task Shards_are_fetched_and_other_copies_of_the_weights_are_not()
    {
        _hub.Files.Remove("model.safetensors");
        _hub.Add("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", \"b\": \"model-00002-of-00002.safetensors\"}}")
            .Add("model-00001-of-00002.safetensors", [1], large: true).Add("model-00002-of-00002.safetensors", [2], large: true)
            .Add("consolidated.safetensors", [3], large: true);
        PulledModel pulled = await Pull();
        Assert.DoesNotContain(pulled.Files, f => f.Path == "consolidated.safetensors");
        Assert.Equal(2, pulled.Files.Count(f => f.Path.StartsWith("model-", StringComparison.Ordinal)));
        File.Delete(Path.Combine(Snapshot, "model-00002-of-00002.safetensors"));
        var e = Assert.Throws<HubException>(() => Cache.Find(HubReference.Parse("hf:acme/tiny")));
        Assert.Contains("model-00002-of-00002.safetensors is missing", e.Message, StringComparison.Ordinal);
        Assert.Contains("cleave pull hf:acme/tiny", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_at_once_fetch_a_file_once()
    {
        var first = new TaskCompletionSource();
        OnStorage(1, async c =>
        {
            await FakeHub.SendPart(c, _weights, 1000);
            first.SetResult();
            await Task.Delay(700);
            await c.Response.Body.WriteAsync(_weights.AsMemory(1000));
        });
        Task<PulledModel> one = Pull(clock: TimeProvider.System);
        await first.Task;
        PulledModel two = await Pull(clock: TimeProvider.System);
        await one;
        Assert.Single(_hub.FromStorage);
        Assert.Equal(0, two.FetchedBytes);
        AssertWeights();
    }

    [Fact]
    public async Task A_revision_is_noted_under_its_own_name_and_a_commit_needs_no_note()
    {
        await Pull("hf:acme/tiny@refs/pr/1");
        Assert.Equal(FakeHub.Commit, File.ReadAllText(Path.Combine(_home, "hub", "models--acme--tiny", "refs", "refs", "pr", "1")));
        await Pull("hf:acme/tiny@" + FakeHub.Commit);
        Assert.False(File.Exists(Path.Combine(_home, "hub", "models--acme--tiny", "refs", "main")));
        Assert.Equal(Snapshot, Cache.Find(HubReference.Parse("hf:acme/tiny@" + FakeHub.Commit)));
        Assert.Throws<HubException>(() => Cache.Find(HubReference.Parse("hf:acme/tiny")));
    }
}
