using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cleave.Tests.Serving;

/// <summary>A server with OpenAI's chat interface at <see cref="Endpoint"/>, whose answers a test chooses.</summary>
internal sealed class FakeEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeEndpoint(WebApplication app) => (_app, Endpoint) = (app, new Uri(app.Urls.First().TrimEnd('/') + "/v1"));

    public Uri Endpoint { get; }

    public ConcurrentQueue<(string Path, string? Authorization, JsonNode Body)> Requests { get; } = new();

    public static async Task<FakeEndpoint> StartAsync(Func<HttpContext, JsonNode, Task> answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        FakeEndpoint? self = null;
        app.Run(async context =>
        {
            using JsonDocument body = await JsonDocument.ParseAsync(context.Request.Body);
            JsonNode json = JsonNode.Parse(body.RootElement.GetRawText())!;
            self!.Requests.Enqueue((context.Request.Path.Value!, context.Request.Headers.Authorization.FirstOrDefault(), json));
            await answer(context, json);
        });
        await app.StartAsync();
        return self = new FakeEndpoint(app);
    }

    /// <summary>Answers every request with a text as a chat completion.</summary>
    public static Task<FakeEndpoint> SayingAsync(Func<JsonNode, string> text) => StartAsync((context, body) => Say(context, text(body)));

    public static Task Say(HttpContext context, string text) => context.Response.WriteAsJsonAsync(new JsonObject
    {
        ["id"] = "chat-1",
        ["object"] = "chat.completion",
        ["created"] = 1,
        ["model"] = "fake",
        ["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["finish_reason"] = "stop", ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = text } }),
        ["usage"] = new JsonObject { ["prompt_tokens"] = 1, ["completion_tokens"] = 1, ["total_tokens"] = 2 },
    });

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}
