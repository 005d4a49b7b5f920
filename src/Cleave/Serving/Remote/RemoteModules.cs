using System.Net;
using Cleave.Data;
using Cleave.Json;

namespace Cleave.Serving.Remote;

/// <summary>
/// Modules that other Cleave servers answer for, with what is known of those servers. Each is asked now and then whether it is ready; what
/// requests meet is remembered too. Safe for use from several threads.
/// </summary>
public sealed class RemoteModules : IDisposable
{
    // Behind one address there may come to be other machines.
    private static readonly TimeSpan MostConnectionAge = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, RemoteModule> _modules;
    private readonly HttpClient _http;
    private readonly RemoteOptions _options;
    private readonly TimeProvider _clock;
    private readonly RemoteCall _call;

    /// <param name="servers">The addresses by the module's name, such as <see cref="Parse"/> reads.</param>
    /// <exception cref="ArgumentException">There is none, or one twice.</exception>
    public RemoteModules(IReadOnlyList<(string Name, IReadOnlyList<Uri> Servers)> servers, RemoteOptions? options = null, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(servers);
        (_options, _clock) = (options ?? new RemoteOptions(), clock ?? TimeProvider.System);
        _options.Check();
        if (servers.Count == 0 || servers.Any(s => s.Servers.Count == 0))
            throw new ArgumentException("a remote module needs a server", nameof(servers));
        _modules = servers.ToDictionary(s => s.Name, s => new RemoteModule(s.Name, s.Servers, _options, _clock), StringComparer.Ordinal);
        // A redirect would carry the key elsewhere; nothing is tried twice but by the rules for that.
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ConnectTimeout = _options.ConnectLimit, PooledConnectionLifetime = MostConnectionAge }, disposeHandler: true)
        {
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version11,
        };
        if (_options.Key is { } key)
            _http.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", key);
        _call = new RemoteCall(_http, _options, _clock);
    }

    /// <summary>Those of which is known what they are.</summary>
    public IReadOnlyList<ServedModule> Described => [.. _modules.Values.Select(m => m.Description).OfType<ServedModule>()];

    /// <summary>All of them at this moment.</summary>
    public IReadOnlyList<RemoteModuleState> State => [.. _modules.Values.Select(m => m.State)];

    /// <summary>Reads <c>NAME=URL[,URL]</c>.</summary>
    /// <exception cref="CleaveException">It has another form.</exception>
    public static (string Name, IReadOnlyList<Uri> Servers) Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int sign = text.LastIndexOf("=http", StringComparison.OrdinalIgnoreCase);
        // The first of the addresses: names may hold an equals sign, addresses may not.
        for (int earlier = sign; earlier > 0; earlier = text.LastIndexOf("=http", earlier - 1, StringComparison.OrdinalIgnoreCase))
            sign = earlier;
        if (sign < 1)
            throw new CleaveException($"'{text}': say NAME=URL, or NAME=URL,URL for several servers, such as reply=http://10.0.0.5:8080");
        Uri[] servers = [.. text[(sign + 1)..].Split(',').Select(Address)];
        return servers.Distinct().Count() == servers.Length ? (text[..sign], servers) : throw new CleaveException($"'{text}': names a server twice");
    }

    /// <summary>Whether other servers answer for a module.</summary>
    public bool Knows(string name) => _modules.ContainsKey(name);

    /// <summary>Asks every server once whether it is ready, and what its modules are where that is not known yet.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task ProbeAsync(CancellationToken cancellation = default) => Task.WhenAll(_modules.Values.SelectMany(m => m.Servers.Select(s => (Module: m, Server: s)))
        .GroupBy(p => p.Server.Address).Select(same => Probe(same.Key, [.. same], cancellation)));

    /// <summary>Does so again and again until it is cancelled.</summary>
    public async Task WatchAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await ProbeAsync(cancellation).ConfigureAwait(false);
                await Task.Delay(_options.ProbeEvery, _clock, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        foreach (RemoteModule module in _modules.Values)
            module.Dispose();
    }

    /// <summary>Answers a request on the calling thread, which waits.</summary>
    internal ModuleResult Run(string name, Route route, ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        RemoteModule module = _modules[name];
        var heard = new HeardSink(sink);
        return module.Ask(lease => _call.Complete(lease, name, module.Description?.Kind, route, request, heard, cancellation), () => heard.IsHeard).GetAwaiter().GetResult();
    }

    /// <summary>Texts as vectors, on the calling thread, which waits.</summary>
    internal IReadOnlyList<(float[] Vector, int Tokens)> Embed(string name, IReadOnlyList<string> texts, CancellationToken cancellation) =>
        _modules[name].Ask(lease => _call.Embed(lease, name, texts, cancellation), () => false).GetAwaiter().GetResult();

    private async Task Probe(Uri address, (RemoteModule Module, RemoteServer Server)[] same, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(_options.ProbeLimit, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            using HttpResponseMessage answer = await _http.GetAsync(new Uri(address, "health/ready"), HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            bool isReady = answer.StatusCode == HttpStatusCode.OK;
            RemoteModule[] news = [.. same.Where(p => p.Server.Said(isReady) || (isReady && p.Module.Description is null)).Select(p => p.Module)];
            foreach (RemoteModule module in news)
                await Describe(module, address, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach ((_, RemoteServer server) in same)
                server.Missed();
        }
    }

    // What cannot be learnt now is asked again; the module can be asked all the same.
    private async Task Describe(RemoteModule module, Uri address, CancellationToken cancellation)
    {
        const int MostBytes = 64 << 10;
        using HttpResponseMessage answer = await _http.GetAsync(new Uri(address, $"v1/models/{Uri.EscapeDataString(module.Name)}"), HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (answer.StatusCode != HttpStatusCode.OK)
            return;
        try
        {
            await answer.Content.LoadIntoBufferAsync(MostBytes, cancellation).ConfigureAwait(false);
            JsonCursor card = JsonCursor.Parse(await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false), address.ToString());
            TaskKind? kind = card["kind"].Text() switch
            {
                "classify" => TaskKind.Classify,
                "generate" => TaskKind.Generate,
                "extract" => TaskKind.Extract,
                "language-model" => TaskKind.LanguageModel,
                _ => null,
            };
            if (kind is { } known)
                module.Description = new ServedModule(module.Name, known, DateTimeOffset.FromUnixTimeSeconds(card["created"].Integer(0, uint.MaxValue)), card.Find("context_length")?.Positive());
        }
        catch (ModelFileException)
        {
            // No module's card.
        }
    }

    private static Uri Address(string text)
    {
        if (!Uri.TryCreate(text.Trim(), UriKind.Absolute, out Uri? uri) || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps) || uri.Host.Length == 0)
            throw new CleaveException($"'{text}' is not the address of a server; give one such as http://10.0.0.5:8080");
        return uri.PathAndQuery == "/" && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0 ? uri
            : throw new CleaveException($"'{text}': give only http://HOST:PORT; paths such as /v1 are added, and a key comes from --remote-key");
    }

    /// <summary>Notes whether anything was said.</summary>
    private sealed class HeardSink(IResultSink sink) : IResultSink
    {
        public bool IsHeard { get; private set; }

        public void Chosen(ModuleChoice choice)
        {
            IsHeard = true;
            sink.Chosen(choice);
        }

        public void Text(string piece) => sink.Text(piece);

        public void Text(string piece, IReadOnlyList<TokenScore> tokens) => sink.Text(piece, tokens);
    }
}
