using System.Text.Json;
using Cleave.Server.Http;
using Cleave.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cleave.Server;

/// <summary>An OpenAI-compatible HTTP server over the modules of a host.</summary>
public sealed class ModuleServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly WorkQueue _queue;
    private readonly ServerOptions _options;
    private volatile bool _stopping;
    private bool _stopped;

    private ModuleServer(IModuleHost host, ServerOptions options, IReadOnlyList<ListenAddress> addresses)
    {
        _options = options;
        _queue = new WorkQueue(options.Workers, options.Waiting);
        _app = Build(addresses, options);
        var gate = new Gate(options.Keys, addresses.All(a => a.IsLoopback), () => _stopping, options.Log);
        var completions = new CompletionEndpoint(host, _queue, options.MaxTokens, TimeProvider.System);
        var models = new ModelsEndpoint(host);
        _app.Use(gate.Run);
        _app.MapGet("/v1/models", models.List);
        _app.MapGet("/v1/models/{id}", models.Show);
        _app.MapPost("/v1/chat/completions", completions.Chat);
        _app.MapPost("/v1/completions", completions.Text);
        _app.MapGet(Gate.HealthPath, context => JsonAnswer.Write(context.Response, _stopping ? 503 : 200,
            JsonSerializer.SerializeToUtf8Bytes(new Health(_stopping ? "stopping" : "ok", host.Modules.Count, _queue.Waiting), ApiJson.Api.Health),
            context.RequestAborted));
    }

    /// <summary>The addresses that it listens on, with the ports that were found for port 0.</summary>
    public IReadOnlyList<string> Addresses => [.. _app.Urls];

    /// <summary>Starts to listen; requests are answered when this returns.</summary>
    /// <exception cref="CleaveException">The options do not go together, or an address cannot be listened on.</exception>
    public static async Task<ModuleServer> StartAsync(IModuleHost host, ServerOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(options);
        var server = new ModuleServer(host, options, options.Checked());
        try
        {
            await server._app.StartAsync(cancel);
            return server;
        }
        catch (Exception e)
        {
            await server.DisposeAsync();
            if (e is IOException or System.Net.Sockets.SocketException)
                throw new CleaveException($"cannot listen on {options.Urls}: {e.Message.TrimEnd('.')}; choose another --urls", e);
            throw;
        }
    }

    /// <summary>Takes no new requests and lets running ones finish, up to the time that the options give them.</summary>
    public async Task StopAsync()
    {
        if (_stopped)
            return;
        _stopped = _stopping = true;
        using var limit = new CancellationTokenSource(_options.Drain);
        try
        {
            await _app.StopAsync(limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            _options.Log?.Invoke("stopped before every request had finished");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _app.DisposeAsync();
        _queue.Dispose();
    }

    private static WebApplication Build(IReadOnlyList<ListenAddress> addresses, ServerOptions options)
    {
        // Nothing is read from the environment or from files: what the caller says is all there is.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = 4 * (options.Waiting + options.Workers) + 64;
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http1);
            foreach (ListenAddress address in addresses)
                address.Apply(kestrel);
        });
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Drain + TimeSpan.FromSeconds(5));
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        return builder.Build();
    }

    /// <summary>Leaves the process's signals to the program.</summary>
    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
