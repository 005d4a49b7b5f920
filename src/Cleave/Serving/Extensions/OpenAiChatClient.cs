using System.ClientModel;
using System.ClientModel.Primitives;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using ChatFinishReason = Microsoft.Extensions.AI.ChatFinishReason;
using ChatResponseFormat = OpenAI.Chat.ChatResponseFormat;

namespace Cleave.Serving.Extensions;

/// <summary>
/// An OpenAI-compatible endpoint as .NET's chat interface, by OpenAI's own client: texts in, one text out. Redirects are not followed, so a key
/// goes nowhere but to the endpoint; an answer has at most a mebibyte, and nothing is tried twice.
/// </summary>
public sealed class OpenAiChatClient : IChatClient
{
    private const long MostAnswerBytes = 1 << 20;
    private const int MostErrorCharacters = 200;

    private readonly HttpClient _http;
    private readonly ChatClient _client;
    private readonly ChatClientMetadata _metadata;
    private readonly Uri _endpoint;

    /// <param name="endpoint">Where the interface begins, such as <c>http://127.0.0.1:8080/v1</c>.</param>
    /// <param name="key">Null for an endpoint without keys.</param>
    public OpenAiChatClient(Uri endpoint, string model, string? key)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentException.ThrowIfNullOrEmpty(model);
        var sockets = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        // The time limit is the caller's token.
        _http = new HttpClient(new Guard(sockets, MostAnswerBytes, sendsKey: key is not null), disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
        _endpoint = endpoint;
        _metadata = new ChatClientMetadata("openai", endpoint, model);
        _client = new ChatClient(model, new ApiKeyCredential(key ?? "none"), new OpenAIClientOptions
        {
            Endpoint = endpoint,
            Transport = new HttpClientPipelineTransport(_http),
            RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
            NetworkTimeout = Timeout.InfiniteTimeSpan,
        });
    }

    /// <exception cref="ChatEndpointException">The endpoint cannot be reached, refuses, fails, redirects, or answers with what is no chat completion.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        try
        {
            ChatCompletion completion = (await _client.CompleteChatAsync(messages.Select(Convert), Convert(options), cancellationToken).ConfigureAwait(false)).Value;
            string text = string.Concat(completion.Content.Select(p => p.Text));
            return new ChatResponse(new Microsoft.Extensions.AI.ChatMessage(Microsoft.Extensions.AI.ChatRole.Assistant, text))
            {
                ModelId = completion.Model,
                FinishReason = completion.FinishReason == OpenAI.Chat.ChatFinishReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop,
            };
        }
        catch (ClientResultException e)
        {
            var status = (HttpStatusCode)e.Status;
            string? to = (e.GetRawResponse() is { } raw && raw.Headers.TryGetValue("Location", out string? location)) ? location : null;
            throw new ChatEndpointException($"{_endpoint}: " + (to is not null ? $"redirects to {Short(to)}, which is not followed (name that address)" : $"status {e.Status} {status}: {Short(e.Message)}"), status, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new ChatEndpointException($"{_endpoint}: {Short(e.Message)}", null, e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or ArgumentException or NotSupportedException or NullReferenceException)
        {
            // What the client throws where the answer is not of the form that it reads.
            throw new ChatEndpointException($"{_endpoint}: the answer is no chat completion: {Short(e.Message)}", null, e);
        }
    }

    /// <summary>The whole answer as one update.</summary>
    /// <inheritdoc cref="GetResponseAsync"/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (ChatResponseUpdate update in (await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false)).ToChatResponseUpdates())
            yield return update;
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType.IsInstanceOfType(this) ? this
            : serviceType.IsInstanceOfType(_client) ? _client : null;
    }

    public void Dispose() => _http.Dispose();

    private static OpenAI.Chat.ChatMessage Convert(Microsoft.Extensions.AI.ChatMessage message) =>
        message.Role == Microsoft.Extensions.AI.ChatRole.System ? new SystemChatMessage(message.Text)
        : message.Role == Microsoft.Extensions.AI.ChatRole.Assistant ? new AssistantChatMessage(message.Text)
        : message.Role == Microsoft.Extensions.AI.ChatRole.User ? new UserChatMessage(message.Text)
        : throw new ArgumentException($"the role '{message.Role}' is not supported; there are system, user and assistant", nameof(message));

    private static ChatCompletionOptions Convert(ChatOptions? options)
    {
        var converted = new ChatCompletionOptions { MaxOutputTokenCount = options?.MaxOutputTokens, Temperature = options?.Temperature, TopP = options?.TopP };
        if (options?.ResponseFormat is ChatResponseFormatJson json)
        {
            converted.ResponseFormat = json.Schema is { } schema
                ? ChatResponseFormat.CreateJsonSchemaFormat(json.SchemaName ?? "answer", BinaryData.FromString(schema.GetRawText()))
                : ChatResponseFormat.CreateJsonObjectFormat();
        }
        return converted;
    }

    private static string Short(string text)
    {
        string line = CleaveException.OneLine(text);
        return line.Length <= MostErrorCharacters ? line : line[..MostErrorCharacters] + "...";
    }

    /// <summary>Takes no more of an answer than fits, and leaves out a key that there is not.</summary>
    private sealed class Guard(HttpMessageHandler inner, long mostBytes, bool sendsKey) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (!sendsKey)
                request.Headers.Authorization = null;
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            try
            {
                await response.Content.LoadIntoBufferAsync(mostBytes, cancellationToken).ConfigureAwait(false);
                return response;
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }
    }
}
