using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Cleave.Benchmarks.HttpFuzz;

/// <summary>An answer as it came over the wire, read by the letter of RFC 9112 and by nothing that forgives.</summary>
internal sealed record HttpAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    /// <summary>Whether the connection can be used for another request.</summary>
    public bool KeepsOpen => !(Headers.TryGetValue("connection", out string? connection) && connection == "close");

    /// <summary>Whether it is an error of HTTP itself, said by the listener before anybody looked at the request.</summary>
    public bool IsOfTransport => Status is 400 or 405 or 408 or 411 or 413 or 414 or 431 or 505 && Body.Length == 0 && !KeepsOpen;

    /// <summary>What is wrong with it; null for nothing.</summary>
    /// <param name="isHead">Whether only the head was asked for.</param>
    public string? Fault(bool isHead)
    {
        if (Status == 500 || Status is > 500 and not (504 or 505))
            return $"status {Status}: {Encoding.UTF8.GetString(Body)}";
        string type = Headers.GetValueOrDefault("content-type", "");
        if (isHead)
            return Body.Length == 0 ? null : "a body behind a head";
        try
        {
            return Status >= 400 ? IsOfTransport ? null : Error(type)
                : type == "application/json" ? Json(Body)
                : type == "text/event-stream" ? Events()
                : type.StartsWith("text/plain; version=0.0.4", StringComparison.Ordinal) || type.StartsWith("text/html", StringComparison.Ordinal) ? null
                : $"an answer of the type '{type}'";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return $"status {Status}: {e.Message} in {Encoding.UTF8.GetString(Body)}";
        }
    }

    private string? Error(string type)
    {
        if (type != "application/json")
            return $"an error of the type '{type}'";
        JsonElement error = JsonElement.Parse(Body).GetProperty("error");
        return error.GetProperty("message").GetString() is { Length: > 0 } message && error.GetProperty("type").GetString() is { Length: > 0 }
            && error.TryGetProperty("param", out _) && error.TryGetProperty("code", out _) ? message.AsSpan().ContainsAny('\n', '\r') ? "an error of several lines" : null
            : "an error that is not OpenAI's";
    }

    private static string? Json(byte[] body)
    {
        _ = JsonElement.Parse(body);
        return null;
    }

    private string? Events()
    {
        string[] events = Encoding.UTF8.GetString(Body).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < events.Length; i++)
        {
            if (!events[i].StartsWith("data: ", StringComparison.Ordinal))
                return "an event without data";
            bool isLast = i == events.Length - 1;
            if (isLast && events[i] == "data: [DONE]")
                return null;
            JsonElement document = JsonElement.Parse(events[i]["data: ".Length..]);
            if (isLast)
                return document.TryGetProperty("error", out _) ? null : "a stream without an end";
        }
        return "a stream without events";
    }
}

/// <summary>Reads answers from a connection.</summary>
internal sealed class AnswerReader(Socket socket)
{
    private const int MostHead = 64 << 10, MostBody = 16 << 20;

    private readonly byte[] _buffer = new byte[16 << 10];
    private int _from, _to;

    /// <returns>Null where the connection ends before an answer begins.</returns>
    /// <exception cref="InvalidDataException">What came is no answer.</exception>
    /// <exception cref="EndOfStreamException">The connection ends within it.</exception>
    public async Task<HttpAnswer?> Read(bool isHead, CancellationToken cancel)
    {
        while (true)
        {
            string? line = await Line(cancel);
            if (line is null)
                return null;
            if (line.Length < 12 || !line.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) || !int.TryParse(line.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out int status))
                throw new InvalidDataException($"a status line '{line}'");
            Dictionary<string, string> headers = await Head(cancel);
            if (status is >= 100 and < 200)
                continue;
            return new HttpAnswer(status, headers, isHead || status is 204 or 304 ? [] : await Body(headers, cancel));
        }
    }

    private async Task<Dictionary<string, string>> Head(CancellationToken cancel)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await Line(cancel) is { } line)
        {
            if (line.Length == 0)
                return headers;
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || line.AsSpan(0, colon).ContainsAny(' ', '\t') || !headers.TryAdd(line[..colon], line[(colon + 1)..].Trim()))
                throw new InvalidDataException($"a header '{line}'");
        }
        throw new EndOfStreamException("a head without an end");
    }

    private async Task<byte[]> Body(Dictionary<string, string> headers, CancellationToken cancel)
    {
        using var body = new MemoryStream();
        if (headers.TryGetValue("transfer-encoding", out string? coding))
        {
            if (coding != "chunked" || headers.ContainsKey("content-length"))
                throw new InvalidDataException($"a coding '{coding}'");
            while (true)
            {
                int size = int.Parse(await Line(cancel) ?? throw new EndOfStreamException("chunks without an end"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                await Take(size, body, cancel);
                if (await Line(cancel) is not "")
                    throw new InvalidDataException("a chunk without an end");
                if (size == 0)
                    return body.ToArray();
            }
        }
        if (!headers.TryGetValue("content-length", out string? length))
            throw new InvalidDataException("an answer without length");
        await Take(int.Parse(length, NumberStyles.None, CultureInfo.InvariantCulture), body, cancel);
        return body.ToArray();
    }

    private async Task Take(int count, MemoryStream into, CancellationToken cancel)
    {
        if (into.Length + count > MostBody)
            throw new InvalidDataException("an answer that is too long");
        while (count > 0)
        {
            if (_from == _to && !await Fill(cancel))
                throw new EndOfStreamException("an answer that is cut off");
            int part = Math.Min(count, _to - _from);
            into.Write(_buffer, _from, part);
            (_from, count) = (_from + part, count - part);
        }
    }

    private async Task<string?> Line(CancellationToken cancel)
    {
        var line = new StringBuilder();
        while (line.Length < MostHead)
        {
            if (_from == _to && !await Fill(cancel))
                return line.Length == 0 ? null : throw new EndOfStreamException($"a line that is cut off: '{line}'");
            char c = (char)_buffer[_from++];
            if (c == '\n')
                return line is [.., '\r'] ? line.ToString(0, line.Length - 1) : throw new InvalidDataException($"a line '{line}' with a bare line feed");
            line.Append(c);
        }
        throw new InvalidDataException("a line that is too long");
    }

    private async Task<bool> Fill(CancellationToken cancel)
    {
        (_from, _to) = (0, await socket.ReceiveAsync(_buffer, cancel));
        return _to > 0;
    }
}
