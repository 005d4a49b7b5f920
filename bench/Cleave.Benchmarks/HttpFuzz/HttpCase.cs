using System.Globalization;
using System.Text;
using Cleave.Benchmarks.Fuzz;
using Cleave.Numerics;

namespace Cleave.Benchmarks.HttpFuzz;

/// <summary>A request that is nearly right, as bytes.</summary>
/// <param name="IsHttp">Whether it is one request by the rules of HTTP: then there must be an answer.</param>
/// <param name="Leaves">Whether the client leaves in the middle.</param>
internal sealed record HttpCase(byte[] Bytes, bool IsHttp, bool IsHead, bool Leaves)
{
    private static readonly string[] Methods = ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST", "get", "WIBBLE"];

    private static readonly string[] Paths =
    [
        "/", "/v1", "/v1/", "/v1/models/", "/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%00", "/v1/models/%c0%af", "/v1//chat/completions", "/V1/Chat/Completions", "/admin", "/admin/", "/ADMIN/stats",
        "/admin/versions/..", "/v1/chat/completions/", "/v1/chat/completions?model=x&a=%zz", "/dashboard/../admin/stats", "/metrics/", "/%2e%2e/%2e%2e/etc/passwd", "/x?" + "a=1&a=2", "/v1/models/%e2%80%a8",
    ];

    // Right as HTTP, whatever they mean here.
    private static readonly string[] Extras =
    [
        "x-cleave-deadline-ms: 5", "x-cleave-deadline-ms: 0", "x-cleave-deadline-ms: 99999999999999999999", "x-cleave-deadline-ms: -1", "x-request-id: a b", "x-request-id: <x>", "x-request-id: ok-1",
        "Authorization: Bearer x", "Authorization: Basic eA==", "Authorization: Bearer", "Origin: http://evil.example", "Origin: null", "X-Forwarded-For: 10.0.0.1", "Forwarded: for=1", "traceparent: 00-0-0-00",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Accept: text/plain", "Accept-Encoding: gzip, br", "Expect: 100-continue", "If-None-Match: *", "Range: bytes=0-1", "Cookie: a=b", "Upgrade: websocket", "TE: trailers",
    ];

    // Not right.
    private static readonly string[] Broken =
    [
        "Host: other", "Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999999999999", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", "bad header: x", ": x", "x", "x-request-id: a\rb", "x-a: \0",
        " folded: x", "x-a: \u00ff\u00fe", "Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Content-Type: text/plain", "Host:", "Host: a b",
    ];

    /// <summary>The case of a number, made again from the same seed.</summary>
    public static HttpCase Of(IReadOnlyList<HttpRequestForm> forms, ulong seed, long number)
    {
        Rng random = Rng.For(seed, number.ToString(CultureInfo.InvariantCulture));
        HttpRequestForm form = Choose(forms, random);
        byte[] body = form.Body is null ? [] : random.NextInt(8) == 0 ? Encoding.UTF8.GetBytes(form.Body.ToJsonString()) : JsonDamage.Next(random, form.Body);
        string method = form.Method, path = form.Path;
        var headers = new List<string> { "Host: localhost" };
        if (form.Body is not null)
            headers.Add(random.NextInt(40) == 0 ? "Content-Type: text/xml" : "Content-Type: application/json; charset=utf-8");
        bool isHttp = true, isChunked = body.Length > 0 && random.NextInt(12) == 0;
        switch (random.NextInt(20))
        {
            case 0:
                method = Methods[random.NextInt(Methods.Length)];
                break;
            case 1:
                path = Paths[random.NextInt(Paths.Length)];
                break;
            case 2 or 3:
                for (int i = random.NextInt(3); i >= 0; i--)
                    Add(headers, Extras[random.NextInt(Extras.Length)]);
                break;
            case 4:
                headers.Insert(random.NextInt(headers.Count + 1), Broken[random.NextInt(Broken.Length)]);
                isHttp = false;
                break;
            case 5:
                headers.Add("x-long: " + new string('x', 1 << random.NextInt(17)));
                isHttp = false;
                break;
            case 6:
                path = Damage.Characters(path, random, ["/", "%", "..", "?", "#", "%2f", "\\", ":"]);
                isHttp = false;
                break;
        }
        if (body.Length > 0)
            headers.Add(isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {body.Length}");
        byte[] bytes = [.. Encoding.Latin1.GetBytes($"{method} {path} HTTP/1.1\r\n{string.Join("\r\n", headers)}\r\n\r\n"), .. isChunked ? Chunks(body, random) : body];
        bool leaves = random.NextInt(40) == 0;
        if (random.NextInt(16) == 0)
            (bytes, isHttp) = (Damage.Bytes(bytes, random, structure: 120), false);
        if (leaves)
            bytes = bytes[..random.NextInt(bytes.Length + 1)];
        return new HttpCase(bytes, isHttp && !leaves, bytes.AsSpan().StartsWith("HEAD "u8), leaves);
    }

    private static void Add(List<string> headers, string header)
    {
        if (!headers.Any(h => h[..h.IndexOf(':')] == header[..header.IndexOf(':')]))
            headers.Add(header);
    }

    private static byte[] Chunks(byte[] body, Rng random)
    {
        using var chunks = new MemoryStream();
        for (int at = 0; at < body.Length;)
        {
            int size = Math.Min(body.Length - at, 1 + random.NextInt(64));
            chunks.Write(Encoding.ASCII.GetBytes($"{size:x}\r\n"));
            chunks.Write(body, at, size);
            chunks.Write("\r\n"u8);
            at += size;
        }
        chunks.Write("0\r\n\r\n"u8);
        return chunks.ToArray();
    }

    private static HttpRequestForm Choose(IReadOnlyList<HttpRequestForm> forms, Rng random)
    {
        int at = random.NextInt(forms.Sum(f => f.Weight));
        foreach (HttpRequestForm form in forms)
        {
            at -= form.Weight;
            if (at < 0)
                return form;
        }
        return forms[0];
    }
}
