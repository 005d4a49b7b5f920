using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cleave.Tests.Tuning.Artifacts;

/// <summary>
/// A store of one bucket that takes objects as Amazon S3 does, and checks their signatures by itself (Signature Version 4,
/// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
/// </summary>
internal sealed class FakeS3 : IAsyncDisposable
{
    public const string Bucket = "kept", Key = "AKIDEXAMPLE", Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    private readonly WebApplication _app;
    private int _busy;

    private FakeS3(WebApplication app) => _app = app;

    public string Endpoint => _app.Urls.First();
    public ConcurrentDictionary<string, byte[]> Objects { get; } = new(StringComparer.Ordinal);

    /// <summary>How many requests are told to come back later.</summary>
    public int Busy { set => _busy = value; }

    public static async Task<FakeS3> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        var self = new FakeS3(app);
        app.Run(self.Answer);
        await app.StartAsync();
        return self;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Answer(HttpContext context)
    {
        HttpRequest request = context.Request;
        using var memory = new MemoryStream();
        await request.Body.CopyToAsync(memory);
        if (Interlocked.Decrement(ref _busy) >= 0)
            await Refuse(context, 503, "SlowDown");
        else if (Signature(request) is var (expected, given) && expected != given)
            await Refuse(context, 403, "SignatureDoesNotMatch");
        else if (!request.Path.StartsWithSegments("/" + Bucket, out PathString key))
            await Refuse(context, 404, "NoSuchBucket");
        else if (request.Method == "PUT")
            Objects[key.Value![1..]] = request.Headers.ContentEncoding.ToString().Contains("aws-chunked", StringComparison.Ordinal) ? Unchunk(memory.ToArray()) : memory.ToArray();
        else
            await Refuse(context, 405, "MethodNotAllowed");
    }

    private static Task Refuse(HttpContext context, int status, string code)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/xml";
        return context.Response.WriteAsync($"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as the test wants</Message></Error>");
    }

    private static (string Expected, string Given) Signature(HttpRequest request)
    {
        // AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/s3/aws4_request, SignedHeaders=a;b, Signature=hex
        Dictionary<string, string> parts = request.Headers.Authorization.ToString()["AWS4-HMAC-SHA256 ".Length..].Split(',', StringSplitOptions.TrimEntries).ToDictionary(p => p.Split('=', 2)[0], p => p.Split('=', 2)[1]);
        string[] scope = parts["Credential"].Split('/');
        string[] names = parts["SignedHeaders"].Split(';');
        string headers = string.Concat(names.Select(n => $"{n}:{request.Headers[n].ToString().Trim()}\n"));
        string canonical = $"{request.Method}\n{request.Path.ToUriComponent()}\n{string.Join('&', request.Query.OrderBy(q => q.Key, StringComparer.Ordinal).Select(q => $"{q.Key}={q.Value}"))}\n{headers}\n{parts["SignedHeaders"]}\n{request.Headers["x-amz-content-sha256"]}";
        string toSign = $"AWS4-HMAC-SHA256\n{request.Headers["x-amz-date"]}\n{string.Join('/', scope[1..])}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        byte[] key = scope[1..].Aggregate(Encoding.UTF8.GetBytes("AWS4" + Secret), (k, part) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(part)));
        return (Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign))), scope[0] == Key ? parts["Signature"] : "another key");
    }

    // hex-length;chunk-signature=…\r\n bytes \r\n … 0;…
    private static byte[] Unchunk(byte[] body)
    {
        var content = new List<byte>();
        for (int at = 0; ;)
        {
            int line = body.AsSpan(at).IndexOf("\r\n"u8);
            int length = int.Parse(Encoding.ASCII.GetString(body, at, line).Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (length == 0)
                return [.. content];
            content.AddRange(body.AsSpan(at + line + 2, length));
            at += line + 2 + length + 2;
        }
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
