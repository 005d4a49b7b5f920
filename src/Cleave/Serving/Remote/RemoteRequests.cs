using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Cleave.Serving.Remote;

/// <summary>Requests in the words of OpenAI's HTTP interface.</summary>
internal static class RemoteRequests
{
    public const string DeadlineHeader = "x-cleave-deadline-ms", IdHeader = "x-request-id";

    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <param name="model">What the server calls the module.</param>
    /// <exception cref="RequestException">Nothing is left of the time for it, or it holds what cannot be passed on.</exception>
    public static HttpRequestMessage Completion(Uri server, string model, ModuleRequest request, TimeProvider clock)
    {
        if (request.Grammar is not null && request.ResponseFormat is null)
            throw new RequestException($"'{model}' is answered by another server, and a grammar that is not a response format cannot be passed on", "response_format", "unsupported_value");
        if (request.HasTools)
            throw new RequestException($"'{model}' is answered by another server, and functions cannot be passed on", "tools", "unsupported_value");
        bool isChat = request.Prompt is null;
        HttpRequestMessage message = Post(server, isChat ? "v1/chat/completions" : "v1/completions", w => Write(w, model, request, isChat));
        if (request.Id is { } id)
            message.Headers.TryAddWithoutValidation(IdHeader, id);
        if (request.Deadline is { } deadline)
            message.Headers.TryAddWithoutValidation(DeadlineHeader, $"{Math.Max(1, (long)(deadline - clock.GetUtcNow()).TotalMilliseconds)}");
        return message;
    }

    public static HttpRequestMessage Embeddings(Uri server, string model, IReadOnlyList<string> texts) => Post(server, "v1/embeddings", w =>
    {
        w.WriteString("model", model);
        w.WriteStartArray("input");
        foreach (string text in texts)
            w.WriteStringValue(text);
        w.WriteEndArray();
        w.WriteString("encoding_format", "float");
    });

    private static HttpRequestMessage Post(Uri server, string path, Action<Utf8JsonWriter> write)
    {
        using var body = new MemoryStream();
        using (var w = new Utf8JsonWriter(body))
        {
            w.WriteStartObject();
            write(w);
            w.WriteEndObject();
        }
        return new HttpRequestMessage(HttpMethod.Post, new Uri(server, path))
        {
            Version = HttpVersion.Version11,
            Content = new ByteArrayContent(body.ToArray()) { Headers = { ContentType = Json } },
        };
    }

    private static void Write(Utf8JsonWriter w, string model, ModuleRequest request, bool isChat)
    {
        w.WriteString("model", model);
        if (isChat)
            WriteMessages(w, request.Messages);
        else
            w.WriteString("prompt", request.Prompt);
        if (request.MaxTokens is { } most)
            w.WriteNumber("max_tokens", most);
        if (request.Temperature is { } temperature)
            w.WriteNumber("temperature", temperature);
        if (request.TopP is { } p)
            w.WriteNumber("top_p", p);
        if (request.Seed is { } seed)
            w.WriteNumber("seed", seed);
        if (request.Stop.Count > 0)
        {
            w.WriteStartArray("stop");
            foreach (string stop in request.Stop)
                w.WriteStringValue(stop);
            w.WriteEndArray();
        }
        if (request.LogProbabilities is { } scores)
            WriteScores(w, scores, isChat);
        if (request.ResponseFormat is { } format)
        {
            w.WritePropertyName("response_format");
            w.WriteRawValue(format);
        }
        if (request.IsHeardWhole)
            return;
        w.WriteBoolean("stream", true);
        w.WriteStartObject("stream_options");
        w.WriteBoolean("include_usage", true);
        w.WriteEndObject();
    }

    private static void WriteMessages(Utf8JsonWriter w, IReadOnlyList<ChatMessage> messages)
    {
        w.WriteStartArray("messages");
        foreach (ChatMessage message in messages)
        {
            w.WriteStartObject();
            w.WriteString("role", message.Role switch { ChatRole.System => "system", ChatRole.User => "user", _ => "assistant" });
            w.WriteString("content", message.Content);
            w.WriteEndObject();
        }
        w.WriteEndArray();
    }

    private static void WriteScores(Utf8JsonWriter w, int alternatives, bool isChat)
    {
        if (!isChat)
        {
            w.WriteNumber("logprobs", alternatives);
            return;
        }
        w.WriteBoolean("logprobs", true);
        w.WriteNumber("top_logprobs", alternatives);
    }
}
