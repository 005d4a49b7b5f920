using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cleave.Server;
using Cleave.Server.Http;
using Cleave.Serving;
using Cleave.Tests.Formats.Durable;
using Microsoft.AspNetCore.Http;
using Route = Cleave.Serving.Route;

namespace Cleave.Tests.Server;

/// <summary>What stands between clients and modules: TLS, other sites' pages, headers.</summary>
[Trait("Kernels", "unused")]
public sealed class EdgeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private TlsFiles Files()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        var asked = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256) { CertificateExtensions = { names.Build() } };
        using X509Certificate2 own = asked.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_folder.File("cert.pem"), own.ExportCertificatePem());
        File.WriteAllText(_folder.File("key.pem"), key.ExportPkcs8PrivateKeyPem());
        return new TlsFiles(_folder.File("cert.pem"), _folder.File("key.pem"));
    }

    [Fact]
    public async Task An_https_address_shows_its_certificate_and_takes_no_plain_requests()
    {
        await using ModuleServer server = await ModuleServer.StartAsync(new WordHost(), new ServerOptions { Urls = "https://127.0.0.1:0", Tls = Files() });
        var address = new Uri(Assert.Single(server.Addresses));
        Assert.Equal("https", address.Scheme);
        string? shown = null;
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => (shown = certificate?.Subject) is not null };
        using var client = new HttpClient(handler);
        Assert.Contains("mood", await client.GetStringAsync(new Uri(address, "/v1/models")), StringComparison.Ordinal);
        Assert.Equal("CN=test", shown);
        using var plain = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => plain.GetAsync(new Uri($"http://{address.Authority}/v1/models")));
    }

    [Fact]
    public async Task Certificates_that_will_not_do_are_one_line()
    {
        TlsFiles good = Files();
        async Task<string> Refused(TlsFiles? tls, string urls) =>
            (await Assert.ThrowsAsync<CleaveException>(() => ModuleServer.StartAsync(new WordHost(), new ServerOptions { Urls = urls, Tls = tls }))).Message;
        const string Secure = "https://127.0.0.1:0";
        Assert.Contains("is not https", await Refused(good, "http://127.0.0.1:0"), StringComparison.Ordinal);
        Assert.Contains("no certificate with its private key", await Refused(good with { Key = good.Certificate }, Secure), StringComparison.Ordinal);
        Assert.Contains("no certificate with its private key", await Refused(good with { Certificate = _folder.File("nowhere") }, Secure), StringComparison.Ordinal);
        File.WriteAllText(_folder.File("cert.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        Assert.Contains("no certificate with its private key", await Refused(good, Secure), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_of_named_origins_may_ask_modules_and_nothing_else()
    {
        const string Ours = "https://app.example.org", Path = "/v1/completions";
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Origins = [Ours] });
        async Task<HttpResponseMessage> Send(HttpMethod method, string path, string origin)
        {
            using var request = new HttpRequestMessage(method, path) { Headers = { { "Origin", origin }, { "Access-Control-Request-Method", "POST" } } };
            return await server.Client.SendAsync(request);
        }
        HttpResponseMessage before = await Send(HttpMethod.Options, Path, Ours);
        Assert.Equal((HttpStatusCode.NoContent, Ours), (before.StatusCode, before.Headers.GetValues("Access-Control-Allow-Origin").Single()));
        Assert.Contains("authorization", before.Headers.GetValues("Access-Control-Allow-Headers").Single(), StringComparison.Ordinal);
        Assert.Equal(Ours, (await Send(HttpMethod.Get, "/v1/models", Ours)).Headers.GetValues("Access-Control-Allow-Origin").Single());
        foreach ((string path, string origin) in new[] { (Path, "https://app.example.org.evil.net"), (Path, "null"), ("/admin/versions", Ours), ("/metrics", Ours) })
            Assert.False((await Send(HttpMethod.Options, path, origin)).Headers.Contains("Access-Control-Allow-Origin"), path + origin);
        foreach (string wrong in new[] { "*", "app.example.org", Ours + "/", "ftp://app.example.org" })
            Assert.Contains("is not an origin", Assert.Throws<CleaveException>(() => new CrossOrigin([wrong])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_of_several_versions_name_none()
    {
        static ModuleChoice Of(string? version) => new("m", "t", Route.Named) { Version = version };
        string? Said(string? host, params ModuleChoice[] choices)
        {
            var context = new DefaultHttpContext();
            context.Response.Headers[AnswerHeaders.Version] = "of the admission";
            AnswerHeaders.SetVersion(context.Response, choices, host);
            return context.Response.Headers[AnswerHeaders.Version];
        }
        Assert.Equal("a", Said("b", Of("a"), Of("a")));
        Assert.Equal("b", Said("b", Of(null)));
        Assert.Null(Said(null, Of("a"), Of("b")));
        Assert.Null(Said(null, Of(null)));
    }

    [Fact]
    public async Task Vectors_are_counted_and_say_how_long_they_took()
    {
        await using RunningServer server = await RunningServer.StartAsync(new VectorHost());
        HttpResponseMessage response = await server.Post("/v1/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(("m", "named"), (response.Headers.GetValues("x-cleave-module").Single(), response.Headers.GetValues("x-cleave-route").Single()));
        Assert.True(response.Headers.Contains("x-cleave-queue-ms") && response.Headers.Contains("x-cleave-compute-ms"));
        Assert.Equal(400, (int)(await server.Post("/v1/embeddings", "{\"model\":\"m\",\"input\":\"\"}")).StatusCode);
        string metrics = await server.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Contains("cleave_requests_total{module=\"m\",route=\"named\",status=\"ok\",version=\"\"} 1", metrics, StringComparison.Ordinal);
        Assert.Contains("cleave_requests_total{module=\"m\",route=\"none\",status=\"refused\",version=\"\"} 1", metrics, StringComparison.Ordinal);
        Assert.Contains("gen_ai_operation_name=\"embeddings\"", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rules_of_an_answer_may_be_a_grammar()
    {
        var host = new WordHost();
        await using RunningServer server = await RunningServer.StartAsync(host);
        string Body(string format) => $"{{\"model\":\"reply\",\"prompt\":\"x\",\"response_format\":{format}}}";
        Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/completions", Body("{\"type\":\"grammar\",\"grammar\":\"root ::= [0-9]+\"}"))).StatusCode);
        Assert.NotNull(host.Seen[^1].Grammar);
        await server.Post("/v1/completions", Body("{\"type\":\"grammar\",\"grammar\":\"root ::= [0-9]+\"}"));
        Assert.Same(host.Seen[^2].Grammar, host.Seen[^1].Grammar); // what was found out about its tokens is not found out again
        foreach (string wrong in new[] { "{\"type\":\"grammar\"}", "{\"type\":\"grammar\",\"grammar\":1}", "{\"type\":\"grammar\",\"grammar\":\"root ::= [0-9\"}", "{\"type\":\"grammar\",\"grammar\":\"root ::= root\"}" })
        {
            var error = await RunningServer.Error(await server.Post("/v1/completions", Body(wrong)));
            Assert.Equal((400, "response_format.grammar"), (error.Status, error.Param));
        }
    }

    private sealed class VectorHost : IModuleHost
    {
        public IReadOnlyList<ServedModule> Modules { get; } = [new("m", Cleave.Data.TaskKind.LanguageModel, DateTimeOffset.UnixEpoch, 8)];

        public bool CanRoute => false;

        public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation) => throw new RequestException("only vectors");

        public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation) =>
            texts.Contains("") ? throw new RequestException("the text to embed is empty", "input") : [.. texts.Select(_ => (new float[] { 1 }, 2))];
    }
}
