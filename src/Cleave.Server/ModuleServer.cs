using System.Globalization;
using System.Text;
using System.Text.Json;
using Cleave.Evaluation.Energy;
using Cleave.Server.Admin;
using Cleave.Server.Dashboard;
using Cleave.Server.Feedback;
using Cleave.Server.Http;
using Cleave.Server.Observation;
using Cleave.Serving;
using Cleave.Serving.Feedback;
using Cleave.Serving.Remote;
using Cleave.Serving.Versions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cleave.Server;

/// <summary>An OpenAI-compatible HTTP server over the modules of a host; over a <see cref="VersionedHost"/>, also one inside of a <see cref="RemoteHost"/>, administrators can change what is served.</summary>
public sealed class ModuleServer : IAsyncDisposable
{
    private const double SlowBytesPerSecond = 240;

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(10);

    private readonly WebApplication _app;
    private readonly IModuleHost _host;
    private readonly RemoteHost? _remote;
    private readonly VersionedHost? _versions;
    private readonly WorkQueue _queue;
    private readonly ServerOptions _options;
    private readonly Gate _gate;
    private readonly RequestLog _log;
    private readonly Telemetry _telemetry = new();
    private readonly MetricStore _metrics;
    private readonly EnergyMeter _energy = new(EnergyOptions.FromEnvironment());
    private readonly AuditLog? _audit;
    private readonly FeedbackLog? _feedback;
    private readonly CancellationTokenSource _ending = new();
    private Task _watching = Task.CompletedTask, _looking = Task.CompletedTask;
    private volatile bool _stopping;
    private bool _stopped;

    private ModuleServer(IModuleHost host, ServerOptions options, IReadOnlyList<ListenAddress> addresses)
    {
        (_host, _options, _remote) = (host, options, host as RemoteHost);
        _versions = (_remote is null ? host : _remote.Local) as VersionedHost;
        if (options.Releases is not null && _versions is null)
            throw new CleaveException("further releases are loaded beside a release, not beside a single model; leave --releases out");
        if (options.Watch is not null && _versions is null)
            throw new CleaveException("new releases are watched for beside a release, not beside a single model; leave --watch out");
        ReleaseFolder? releases = options.Releases is { } root ? ReleaseFolder.Open(root) : null;
        _audit = options.AuditFile is { } file ? AuditLog.Open(file, TimeProvider.System) : null;
        _feedback = options.Feedback is { } judged ? FeedbackLog.Open(judged, TimeProvider.System) : null;
        _queue = new WorkQueue(options.Workers, options.Waiting, host.Modules.Count > 1 || _remote is not null ? null : options.Workers);
        _metrics = new MetricStore(_telemetry.Meter);
        Observe();
        _app = Build(addresses, options);
        _log = new RequestLog(options.Log, options.Remark, options.JsonLog, _telemetry, TimeProvider.System);
        _gate = new Gate(options.Keys, addresses.All(a => a.IsLoopback), () => _stopping, _log);
        AnsweredRequests? answered = _feedback is null ? null : new AnsweredRequests();
        var admission = new Admission(host, _telemetry, answered);
        var completions = new CompletionEndpoint(host, admission, _queue, options.MaxTokens, options.Clock);
        var models = new ModelsEndpoint(host);
        if (options.Origins.Count > 0)
            _app.Use(new CrossOrigin(options.Origins).Run);
        _app.Use(_gate.Run);
        _app.MapGet("/v1/models", models.List);
        _app.MapGet("/v1/models/{id}", models.Show);
        _app.MapPost("/v1/chat/completions", completions.Chat);
        _app.MapPost("/v1/completions", completions.Text);
        var judgements = new JudgementEndpoint(host, admission, _queue, options.Clock);
        _app.MapPost("/v1/classify", judgements.Classify);
        _app.MapPost("/v1/extract", judgements.Extract);
        _app.MapPost("/v1/embeddings", new EmbeddingEndpoint(host, admission, _queue, options.Clock).Embed);
        var feedback = new FeedbackEndpoint(answered, _feedback, options.Feedback?.Control);
        _app.MapPost("/v1/feedback", feedback.Judge);
        _app.MapGet(FeedbackEndpoint.StatePath, feedback.Show);
        _app.MapGet(ApiDescription.Path, ApiDescription.Show);
        _app.MapGet(Gate.HealthPath, context => ShowHealth(context, _stopping));
        _app.MapGet(Gate.ReadyPath, context => ShowHealth(context, _stopping));
        _app.MapGet(Gate.LivePath, context => ShowHealth(context, false));
        _app.MapGet(Gate.MetricsPath, ShowMetrics);
        _app.MapGet(DashboardPage.Path, DashboardPage.Show);
        _app.MapGet(StatsEndpoint.Path, new StatsEndpoint(host, _versions, options.Watch, _metrics, options.Allocator, TimeProvider.System).Show);
        if (_remote is not null)
            _app.MapGet(RemoteEndpoint.Path, new RemoteEndpoint(_remote.Remotes).Show);
        if (_versions is not null)
        {
            _versions.Decided = Decided;
            new AdminEndpoints(_versions, options.Watch, releases, options.Allocator, _feedback is not null, _audit, line => _log.Say(line, "error"), _ending.Token).Map(_app);
        }
    }

    /// <summary>The methods and paths that are answered.</summary>
    internal IEnumerable<(string Method, string Path)> Routes => ((IEndpointRouteBuilder)_app).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
        .SelectMany(e => e.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Select(m => (m, e.RoutePattern.RawText!)) ?? []);

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
            // Who asks at once which modules there are is told of those elsewhere too, where their servers answer.
            if (server._remote is { Remotes: var remotes })
            {
                await remotes.ProbeAsync(cancel);
                server._watching = remotes.WatchAsync(server._ending.Token);
            }
            await server._app.StartAsync(cancel);
            if (options.Watch is { } watch)
                server._looking = Task.Run(() => watch.RunAsync(server._versions!, options.WatchEvery, options.Clock, server.Remark, server.Audit, server._ending.Token), CancellationToken.None);
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

    /// <summary>Takes no new requests and lets running ones finish, up to the time that the options give them. Until those have ended it still listens, and says that it is not ready.</summary>
    public async Task StopAsync()
    {
        if (_stopped)
            return;
        _stopped = _stopping = true;
        await _ending.CancelAsync();
        using var limit = new CancellationTokenSource(_options.Drain);
        while (_gate.Inside > 0 && !limit.IsCancellationRequested)
            await Task.Delay(Glance);
        try
        {
            await _app.StopAsync(limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            _log.Say("stopped before every request had finished");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Task.WhenAll(_watching, _looking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // what is held is let go of whatever became of them
        await _app.DisposeAsync();
        if (_options.Allocator is { } allocator)
            allocator.RequestsWaiting = null;
        _queue.Dispose();
        _metrics.Dispose();
        _telemetry.Dispose();
        _energy.Dispose();
        _audit?.Dispose();
        _feedback?.Dispose();
        _ending.Dispose();
    }

    private void Remark(string line)
    {
        if (_options.Log is null)
            _log.Remark(line);
        else
            _log.Say(line);
    }

    // What a watch changes is noted like what an administrator does.
    private void Audit(string outcome, string folder, string? reason)
    {
        KeyValuePair<string, string>[] details = [KeyValuePair.Create("path", folder), .. reason is null ? [] : new[] { KeyValuePair.Create("reason", reason) }];
        _audit?.Write("watch", null, "", _options.Watch!.State.Arrival, outcome, details);
    }

    // What judgements have settled is noted too: a version that has turned out worse gets no more requests.
    private void Decided(VersionTrial trial)
    {
        BanditState learned = trial.Learned!;
        string verdict = AdminJson.NameOf(learned.Verdict);
        Remark($"version {trial.Hash[..12]} on trial: {verdict}, by {learned.Judged} judged answers, {learned.Tried} of them its own");
        KeyValuePair<string, string>[] details = [KeyValuePair.Create("version", trial.Hash), KeyValuePair.Create("verdict", verdict),
            KeyValuePair.Create("judged", learned.Judged.ToString(CultureInfo.InvariantCulture))];
        try
        {
            _audit?.Write("feedback", null, "", "verdict", "done", details);
        }
        catch (CleaveException e)
        {
            Remark(e.Message);
        }
    }

    private Task ShowHealth(HttpContext context, bool isBad) => JsonAnswer.Write(context.Response, isBad ? 503 : 200,
        JsonSerializer.SerializeToUtf8Bytes(new Health(_stopping ? "stopping" : "ok", _host.Modules.Count, _queue.Waiting), ApiJson.Api.Health), context.RequestAborted);

    private async Task ShowMetrics(HttpContext context)
    {
        byte[] text = Encoding.UTF8.GetBytes(PrometheusText.Of(_metrics));
        context.Response.ContentType = PrometheusText.ContentType;
        context.Response.ContentLength = text.Length;
        await context.Response.Body.WriteAsync(text, context.RequestAborted);
    }

    // What is looked up when somebody asks.
    private void Observe()
    {
        System.Diagnostics.Metrics.Meter meter = _telemetry.Meter;
        meter.CreateObservableGauge("cleave.queue.length", () => _queue.Waiting, "{request}", "Requests that wait for their turn.");
        meter.CreateObservableCounter("cleave.energy", () =>
        {
            EnergyUse used = _energy.Used;
            return new System.Diagnostics.Metrics.Measurement<double>(used.Joules, new KeyValuePair<string, object?>("method", used.Method));
        }, "J", "Energy since the start: of the whole machine where its counters can be read, else estimated from this process's processor time.");
        if (_versions is not null)
            VersionMetrics.Observe(meter, _versions, _options.Watch);
        if (_remote is not null)
            RemoteMetrics.Observe(meter, _remote.Remotes);
        if (_options.Allocator is { } allocator)
        {
            allocator.RequestsWaiting = () => _queue.Waiting;
            AllocationMetrics.Observe(meter, allocator);
        }
    }

    private static WebApplication Build(IReadOnlyList<ListenAddress> addresses, ServerOptions options)
    {
        // Nothing is read from the environment or from files: what the caller says is all there is.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        if (options.Tls is not null)
            builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.RequestHeadersTimeout = options.HeadersTimeout;
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(SlowBytesPerSecond, options.SlowBody);
            kestrel.Limits.MaxConcurrentConnections = OpenFiles.Connections(options.Connections, OpenFiles.Limit());
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http1);
            foreach (ListenAddress address in addresses)
                address.Apply(kestrel, options.Tls);
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
