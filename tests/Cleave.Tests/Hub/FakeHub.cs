using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cleave.Tests.Hub;

/// <summary>One request that the server saw.</summary>
internal sealed record Seen(string Path, string? Authorization, string? Range, string Host);

/// <summary>
/// A server that answers as the Hub does: a model's revision, its tree in pages, files; large ones by a redirect to a
/// second host. <see cref="Intercept"/> makes it misbehave.
/// </summary>
internal sealed class FakeHub : IAsyncDisposable
{
    public const string Repository = "acme/tiny", Commit = "0123456789abcdef0123456789abcdef01234567";
    private readonly WebApplication _hub, _storage;
    private readonly string _storageAddress;

    private FakeHub(WebApplication hub, WebApplication storage)
    {
        (_hub, _storage) = (hub, storage);
        Endpoint = new Uri(hub.Urls.First().TrimEnd('/') + "/");
        _storageAddress = storage.Urls.First().TrimEnd('/');
    }

    public Uri Endpoint { get; }
    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Files kept by Git LFS: named by SHA-256 and served by the second host.</summary>
    public HashSet<string> Large { get; } = new(StringComparer.Ordinal);

    /// <summary>Sees each request first; true if it has answered.</summary>
    public Func<HttpContext, Task<bool>> Intercept { get; set; } = _ => Task.FromResult(false);
    public ConcurrentQueue<Seen> Requests { get; } = new();
    public bool IgnoresRanges { get; set; }

    /// <summary>Files on a page of the tree.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>Sizes that the tree gives in place of the true ones.</summary>
    public Dictionary<string, long> ListedSizes { get; } = new(StringComparer.Ordinal);

    public IEnumerable<Seen> Downloads => Requests.Where(r => r.Path.Contains("/resolve/", StringComparison.Ordinal));
    public IEnumerable<Seen> FromStorage => Requests.Where(r => r.Path.StartsWith("/lfs/", StringComparison.Ordinal));

    public static async Task<FakeHub> StartAsync()
    {
        FakeHub? self = null;
        WebApplication hub = await Listen(c => self!.Answer(c)), storage = await Listen(c => self!.AnswerStorage(c));
        return self = new FakeHub(hub, storage);
    }

    public FakeHub Add(string path, byte[] content, bool large = false)
    {
        Files[path] = content;
        if (large)
            Large.Add(path);
        return this;
    }

    public FakeHub Add(string path, string content) => Add(path, Encoding.UTF8.GetBytes(content));

    public string HashOf(string path) => Large.Contains(path) ? Convert.ToHexStringLower(SHA256.HashData(Files[path])) : GitName(Files[path]);

#pragma warning disable CA5350
    public static string GitName(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350

    public static async Task Refuse(HttpContext context, int status, string? code = null, string? retryAfter = null)
    {
        context.Response.StatusCode = status;
        if (code is not null)
            context.Response.Headers["X-Error-Code"] = code;
        if (retryAfter is not null)
            context.Response.Headers.RetryAfter = retryAfter;
        await context.Response.WriteAsync("{\"error\":\"no\"}");
    }

    private static async Task<WebApplication> Listen(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        app.Run(answer);
        await app.StartAsync();
        return app;
    }

    private async Task Answer(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        Note(context);
        if (await Intercept(context))
            return;
        if (path.StartsWith($"/api/models/{Repository}/revision/", StringComparison.Ordinal))
        {
            string revision = path[(path.IndexOf("/revision/", StringComparison.Ordinal) + 10)..];
            await (revision is "main" or "refs/pr/1" or "refs%2Fpr%2F1" or Commit ? Json(context, new { id = Repository, sha = Commit }) : Refuse(context, 404, "RevisionNotFound"));
        }
        else if (path == $"/api/models/{Repository}/tree/{Commit}")
            await Tree(context);
        else if (path == $"/api/models/{Repository}/refs")
            await Json(context, new { branches = new[] { new { name = "main" }, new { name = "experiments" } }, tags = Array.Empty<object>() });
        else if (path == "/api/models")
            await Json(context, new[] { new { id = Repository }, new { id = "other/thing" } });
        else if (path.StartsWith($"/{Repository}/resolve/{Commit}/", StringComparison.Ordinal)
            && path[$"/{Repository}/resolve/{Commit}/".Length..] is var name && Files.ContainsKey(name))
            await Resolve(context, name);
        else
            await Refuse(context, 404, "RepoNotFound");
    }

    private async Task AnswerStorage(HttpContext context)
    {
        Note(context);
        if (!await Intercept(context))
            await Send(context, Files[Uri.UnescapeDataString(context.Request.Path.Value!["/lfs/".Length..])]);
    }

    private void Note(HttpContext context)
    {
        HttpRequest r = context.Request;
        Requests.Enqueue(new Seen(r.Path.Value!, r.Headers.Authorization, r.Headers.Range, r.Host.Value!));
    }

    private async Task Tree(HttpContext context)
    {
        int start = int.TryParse(context.Request.Query["cursor"], out int cursor) ? cursor : 0;
        KeyValuePair<string, byte[]>[] page = [.. Files.Skip(start).Take(PageSize)];
        if (start + PageSize < Files.Count)
            context.Response.Headers.Link = $"<{Endpoint}api/models/{Repository}/tree/{Commit}?recursive=true&cursor={start + PageSize}>; rel=\"next\"";
        var items = new List<object> { new { type = "directory", path = "onnx", size = 0, oid = new string('0', 40) } };
        foreach ((string name, byte[] content) in page)
        {
            long size = ListedSizes.GetValueOrDefault(name, content.Length);
            items.Add(Large.Contains(name)
                ? new { type = "file", path = name, size, oid = new string('1', 40), lfs = new { oid = HashOf(name), size, pointerSize = 130 } }
                : new { type = "file", path = name, size, oid = HashOf(name) });
        }
        await Json(context, items);
    }

    private async Task Resolve(HttpContext context, string name)
    {
        context.Response.Headers["X-Repo-Commit"] = Commit;
        if (!Large.Contains(name))
        {
            context.Response.Headers.ETag = $"\"{HashOf(name)}\"";
            await Send(context, Files[name]);
            return;
        }
        context.Response.Headers["X-Linked-Etag"] = $"\"{HashOf(name)}\"";
        context.Response.Headers["X-Linked-Size"] = Files[name].Length.ToString(CultureInfo.InvariantCulture);
        context.Response.Redirect($"{_storageAddress}/lfs/{Uri.EscapeDataString(name)}?signature=secret");
    }

    private async Task Send(HttpContext context, byte[] content)
    {
        int from = 0;
        if (!IgnoresRanges && context.Request.Headers.Range.ToString() is { Length: > 0 } range)
        {
            from = int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {from}-{content.Length - 1}/{content.Length}";
        }
        context.Response.ContentLength = content.Length - from;
        await context.Response.Body.WriteAsync(content.AsMemory(from));
    }

    /// <summary>Sends the first bytes of a file as if all would come, and leaves it at that.</summary>
    public static async Task SendPart(HttpContext context, byte[] content, int bytes)
    {
        context.Response.ContentLength = content.Length;
        await context.Response.Body.WriteAsync(content.AsMemory(0, bytes));
        await context.Response.Body.FlushAsync();
    }

    private static Task Json(HttpContext context, object value)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(JsonSerializer.Serialize(value));
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(0);
        await Task.WhenAll(_hub.StopAsync(now.Token), _storage.StopAsync(now.Token));
        await _hub.DisposeAsync();
        await _storage.DisposeAsync();
    }
}
