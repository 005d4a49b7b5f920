using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Cleave.Server;
using Cleave.Serving;

namespace Cleave.Tests.Server;

/// <summary>A server on a free port of this machine, with a plain client to it.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private RunningServer(ModuleServer server)
    {
        Server = server;
        Client = new HttpClient { BaseAddress = new Uri(server.Addresses[0]), Timeout = TimeSpan.FromSeconds(60) };
    }

    public ModuleServer Server { get; }
    public HttpClient Client { get; }

    public static async Task<RunningServer> StartAsync(IModuleHost host, ServerOptions? options = null) =>
        new(await ModuleServer.StartAsync(host, (options ?? new ServerOptions()) with { Urls = "http://127.0.0.1:0" }));

    public Task<HttpResponseMessage> Post(string path, string json, CancellationToken cancel = default) =>
        Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"), cancel);

    /// <summary>Checks that an answer is an error document and returns its parts.</summary>
    public static async Task<(int Status, string Message, string Type, string? Param, string? Code)> Error(HttpResponseMessage response)
    {
        Assert.Equal(new MediaTypeHeaderValue("application/json"), response.Content.Headers.ContentType);
        using JsonDocument json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        JsonElement error = json.RootElement.GetProperty("error");
        return ((int)response.StatusCode, error.GetProperty("message").GetString()!, error.GetProperty("type").GetString()!,
            error.GetProperty("param").GetString(), error.GetProperty("code").GetString());
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
