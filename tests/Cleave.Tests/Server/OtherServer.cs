using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cleave.Tests.Server;

/// <summary>A server that answers as a test says; it is ready unless the test says otherwise.</summary>
internal sealed class OtherServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtherServer(WebApplication app) => (_app, Address) = (app, new Uri(app.Urls.First()));

    public Uri Address { get; }

    /// <summary>What it was posted, with the headers.</summary>
    public ConcurrentQueue<(string Path, string Body, IHeaderDictionary Headers)> Posts { get; } = new();

    /// <summary>Answers questions about its health.</summary>
    public RequestDelegate Health { get; set; } = _ => Task.CompletedTask;

    /// <param name="answer">Answers what is posted.</param>
    public static async Task<OtherServer> StartAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        OtherServer? self = null;
        app.Run(async context =>
        {
            if (context.Request.Path == "/health/ready")
            {
                await self!.Health(context);
            }
            else if (context.Request.Method == "GET")
            {
                context.Response.StatusCode = 404;
            }
            else
            {
                using var body = new StreamReader(context.Request.Body);
                self!.Posts.Enqueue((context.Request.Path.Value!, await body.ReadToEndAsync(),
                    new HeaderDictionary(context.Request.Headers.ToDictionary(h => h.Key, h => h.Value, StringComparer.OrdinalIgnoreCase))));
                await answer(context);
            }
        });
        await app.StartAsync();
        return self = new OtherServer(app);
    }

    /// <summary>Says one text as a plain completion, whole or as a stream.</summary>
    public static async Task Say(HttpContext context, string text, bool stream = false)
    {
        string choice = "{\"choices\":[{\"index\":0,\"text\":\"" + text + "\",\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1,\"total_tokens\":3}}";
        context.Response.ContentType = stream ? "text/event-stream" : "application/json";
        await context.Response.WriteAsync(stream ? $"data: {choice}\n\ndata: [DONE]\n\n" : choice);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}
