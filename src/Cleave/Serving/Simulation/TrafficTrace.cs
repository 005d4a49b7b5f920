using System.Globalization;
using System.Text;
using System.Text.Json;
using Cleave.Formats.Durable;

namespace Cleave.Serving.Simulation;

/// <summary>One request of a trace.</summary>
/// <param name="Time">Seconds since the trace's beginning.</param>
/// <param name="Module">An index into <see cref="TrafficTrace.Modules"/>.</param>
/// <param name="PromptTokens">That are read.</param>
/// <param name="CompletionTokens">That are made; 1 for an answer that is not made token by token.</param>
public readonly record struct TracedRequest(double Time, int Module, int PromptTokens, int CompletionTokens);

/// <summary>
/// Requests in the order of their times, one JSON object a line in its file:
/// <c>{"time": 0.25, "module": "reply", "prompt_tokens": 24, "completion_tokens": 30}</c>.
/// </summary>
public sealed record TrafficTrace(IReadOnlyList<string> Modules, IReadOnlyList<TracedRequest> Requests)
{
    private const int MostRequests = 50_000_000, MostTokens = 1 << 20, MostModules = 4096, MostLine = 4096;
    private const double MostSeconds = 366.0 * 86_400;

    /// <summary>From the beginning to the last request.</summary>
    public double Seconds => Requests.Count == 0 ? 0 : Requests[^1].Time;

    /// <exception cref="DataFileException">The file cannot be read, or a line is no request; the line's number is said.</exception>
    public static TrafficTrace Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var modules = new Dictionary<string, int>(StringComparer.Ordinal);
        var requests = new List<TracedRequest>();
        try
        {
            using var reader = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
            long number = 0;
            double last = 0;
            while (reader.ReadLine() is { } line)
            {
                number++;
                if (line.AsSpan().Trim().Length == 0)
                    continue;
                if (requests.Count == MostRequests)
                    throw new DataFileException(path, $"more than {MostRequests:N0} requests; cut the trace", number);
                TracedRequest request = Parse(path, number, line, modules);
                if (request.Time < last)
                    throw new DataFileException(path, $"time {Show(request.Time)} is before {Show(last)} of the request before it; sort the lines by time", number);
                requests.Add(request);
                last = request.Time;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new DataFileException(path, $"cannot be read: {e.Message}");
        }
        return requests.Count > 0 ? new TrafficTrace([.. modules.Keys], requests) : throw new DataFileException(path, "has no request");
    }

    /// <summary>Writes the file, in one move.</summary>
    /// <exception cref="CleaveException">It cannot be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, stream =>
    {
        using var w = new Utf8JsonWriter(stream);
        foreach (TracedRequest request in Requests)
        {
            w.WriteStartObject();
            w.WriteNumber("time", Math.Round(request.Time, 6));
            w.WriteString("module", Modules[request.Module]);
            w.WriteNumber("prompt_tokens", request.PromptTokens);
            w.WriteNumber("completion_tokens", request.CompletionTokens);
            w.WriteEndObject();
            w.Flush();
            w.Reset();
            stream.WriteByte((byte)'\n');
        }
    });

    private static TracedRequest Parse(string path, long number, string line, Dictionary<string, int> modules)
    {
        if (line.Length > MostLine)
            throw new DataFileException(path, $"a line of {line.Length} characters; a request has time, module, prompt_tokens and completion_tokens", number);
        try
        {
            JsonElement json = JsonElement.Parse(line, new JsonDocumentOptions { MaxDepth = 2, AllowDuplicateProperties = false });
            if (json.ValueKind != JsonValueKind.Object)
                throw new DataFileException(path, "expected an object with time, module, prompt_tokens and completion_tokens", number);
            foreach (JsonProperty member in json.EnumerateObject())
            {
                if (member.Name is not ("time" or "module" or "prompt_tokens" or "completion_tokens"))
                    throw new DataFileException(path, $"'{member.Name}' is none of time, module, prompt_tokens and completion_tokens", number);
            }
            double time = Member("time") is { ValueKind: JsonValueKind.Number } t && t.TryGetDouble(out double seconds) && seconds >= 0 && seconds <= MostSeconds
                ? seconds : throw Wrong("time", $"seconds from 0 to {Show(MostSeconds)}");
            string module = Member("module") is { ValueKind: JsonValueKind.String } m && m.GetString() is { Length: > 0 and <= 256 } name ? name : throw Wrong("module", "a module's name");
            return new TracedRequest(time, IndexOf(module), Tokens("prompt_tokens"), Tokens("completion_tokens"));

            JsonElement? Member(string wanted) => json.TryGetProperty(wanted, out JsonElement value) ? value : null;

            int Tokens(string wanted) => Member(wanted) is { ValueKind: JsonValueKind.Number } n && n.TryGetInt32(out int count) && count is >= 1 and <= MostTokens
                ? count : throw Wrong(wanted, $"a whole number from 1 to {MostTokens}");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new DataFileException(path, "is not a line of JSON", number);
        }

        DataFileException Wrong(string member, string expected) => new(path, $"'{member}' must be {expected}", number);

        int IndexOf(string module)
        {
            if (modules.TryGetValue(module, out int index))
                return index;
            if (modules.Count == MostModules)
                throw new DataFileException(path, $"more than {MostModules} modules", number);
            return modules[module] = modules.Count;
        }
    }

    private static string Show(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
