using System.Net;
using System.Net.Http.Headers;
using Cleave.Json;

namespace Cleave.Hub;

/// <summary>
/// The Hugging Face Hub's HTTP interface, as far as models are read: what a revision holds, and the content of files.
/// The token goes to the hub itself and to nobody that it redirects to.
/// </summary>
public sealed class HubClient : IDisposable
{
    private const int MostRedirects = 10, MostPages = 10_000;
    private const long MostJsonBytes = 64L << 20;
    private static readonly string[] RefKinds = ["branches", "tags"];
    private readonly HttpClient _http;
    private readonly Action<string>? _log;

    /// <param name="log">Takes a line about each failure that is tried again.</param>
    public HubClient(HubSettings settings, TimeProvider clock, Action<string>? log = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (Settings, Clock, _log) = (settings, clock, log);
        // Redirects are followed by hand: only here is it known who may see the token.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, AutomaticDecompression = DecompressionMethods.None };
        _http = new HttpClient(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("cleave", typeof(HubClient).Assembly.GetName().Version!.ToString(3)));
        _http.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
    }

    public HubSettings Settings { get; }

    internal TimeProvider Clock { get; }

    /// <summary>The commit that a revision means and all files that it holds.</summary>
    /// <exception cref="HubException">The hub cannot be reached, knows no such model, refuses it, or lists what cannot be right.</exception>
    public async Task<HubListing> ListAsync(HubReference reference, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(reference);
        string what = (reference with { File = null }).ToString();
        try
        {
            Uri address = Api(reference, $"revision/{Uri.EscapeDataString(reference.Revision)}");
            (JsonCursor info, _) = await GetJsonAsync(address, what, reference.Repository, cancel).ConfigureAwait(false);
            string commit = info["sha"].Text();
            if (!HubReference.IsCommit(commit))
                throw info["sha"].Expected("a commit's 40 hexadecimal digits");
            var files = new HubFileList(what);
            Uri? page = Api(reference, $"tree/{commit}?recursive=true");
            for (int pages = 0; page is not null; pages++)
            {
                if (pages == MostPages)
                    throw new HubException($"{what}: the list of files does not end");
                (JsonCursor list, Uri? next) = await GetJsonAsync(page, what, reference.Repository, cancel).ConfigureAwait(false);
                files.Add(list);
                page = next;
            }
            return new HubListing(reference.Repository, reference.Revision, commit, files.Files);
        }
        catch (HubMissingException e)
        {
            throw new HubException($"{e.Message}{await NearestAsync(reference, e.What, cancel).ConfigureAwait(false)}", e);
        }
    }

    /// <summary>The content of a file from a byte on; the caller reads and disposes it.</summary>
    /// <param name="token">Ends the connection, also when nothing arrives any more.</param>
    /// <exception cref="TransientException">Worth another attempt.</exception>
    internal async Task<HttpResponseMessage> OpenAsync(HubListing listing, HubFile file, long from, CancellationToken token)
    {
        string path = string.Join('/', file.Path.Split('/').Select(Uri.EscapeDataString));
        var address = new Uri(Settings.Endpoint, $"{listing.Repository}/resolve/{listing.Commit}/{path}");
        HttpResponseMessage response = await SendAsync(address, from, answer => HubFileList.Check(answer, listing, file), token).ConfigureAwait(false);
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            return response;
        using (response)
        {
            string what = $"{HubReference.Prefix}{listing.Repository}:{file.Path}";
            throw HubAnswers.Failure(response, what, listing.Repository, Settings, Clock.GetUtcNow()) switch
            {
                HubMissingException e => new HubException(e.Message, e),
                Exception e => e,
            };
        }
    }

    internal Backoff NewBackoff() => new(Clock, _log);

    public void Dispose() => _http.Dispose();

    private Uri Api(HubReference reference, string rest) => new(Settings.Endpoint, $"api/models/{reference.Repository}/{rest}");

    private Task<(JsonCursor Json, Uri? Next)> GetJsonAsync(Uri address, string what, string repository, CancellationToken cancel) =>
        NewBackoff().RunAsync(async () =>
        {
            using var guard = new StallGuard(Settings.StallTimeout, Clock, cancel);
            try
            {
                using HttpResponseMessage response = await SendAsync(address, 0, null, guard.Token).ConfigureAwait(false);
                if (!response.IsSuccessStatusCode)
                    throw HubAnswers.Failure(response, what, repository, Settings, Clock.GetUtcNow());
                byte[] body = await ReadAllAsync(response, guard).ConfigureAwait(false);
                return (JsonCursor.Parse(body, address.GetLeftPart(UriPartial.Path)), Next(response, address));
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                throw guard.Explain(e, address);
            }
        }, cancel);

    private static async Task<byte[]> ReadAllAsync(HttpResponseMessage response, StallGuard guard)
    {
        using var content = new MemoryStream();
        Stream body = await response.Content.ReadAsStreamAsync(guard.Token).ConfigureAwait(false);
        var buffer = new byte[1 << 16];
        for (int read; (read = await body.ReadAsync(buffer, guard.Token).ConfigureAwait(false)) > 0; guard.Alive())
        {
            if (content.Length + read > MostJsonBytes)
                throw new HubException($"{response.RequestMessage?.RequestUri?.Host}: an answer of more than {ByteSize.Text(MostJsonBytes)} is none of a hub's");
            content.Write(buffer, 0, read);
        }
        return content.ToArray();
    }

    /// <param name="inspect">Sees every answer of the hub itself, redirects too.</param>
    private async Task<HttpResponseMessage> SendAsync(Uri address, long from, Action<HttpResponseMessage>? inspect, CancellationToken token)
    {
        for (int hops = 0; hops <= MostRedirects; hops++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            bool own = IsHub(address);
            if (own && Settings.Token is { } secret)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret);
            if (from > 0)
                request.Headers.Range = new RangeHeaderValue(from, null);
            HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token).ConfigureAwait(false);
            try
            {
                if (own)
                    inspect?.Invoke(response);
                if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
                    return response;
                var next = new Uri(address, location);
                if (next.Scheme is not ("https" or "http") || address.Scheme == "https" && next.Scheme != "https")
                    throw new HubException($"{address.Host}: redirects from a secure address to one that is not ({next.Scheme}://{next.Host})");
                address = next;
            }
            catch
            {
                response.Dispose();
                throw;
            }
            response.Dispose();
        }
        throw new HubException($"{address.Host}: more than {MostRedirects} redirects");
    }

    private bool IsHub(Uri address) => Uri.Compare(address, Settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

    // Link: <https://…&cursor=…>; rel="next" (RFC 8288)
    private Uri? Next(HttpResponseMessage response, Uri address)
    {
        foreach (string link in response.Headers.TryGetValues("Link", out IEnumerable<string>? links) ? links.SelectMany(l => l.Split(", <")) : [])
        {
            int end = link.IndexOf('>', StringComparison.Ordinal);
            if (end > 0 && link[end..].Contains("rel=\"next\"", StringComparison.Ordinal)
                && Uri.TryCreate(address, link[..end].TrimStart('<', ' '), out Uri? next))
                return IsHub(next) ? next : throw new HubException($"{address.Host}: the list of files goes on at another host, {next.Host}");
        }
        return null;
    }

    // A courtesy: whatever goes wrong here, the first failure is the one to report.
    private async Task<string> NearestAsync(HubReference reference, HubMissing missing, CancellationToken cancel)
    {
        try
        {
            string name = reference.Repository[(reference.Repository.IndexOf('/', StringComparison.Ordinal) + 1)..];
            Uri address = missing == HubMissing.Revision ? Api(reference, "refs")
                : new Uri(Settings.Endpoint, $"api/models?search={Uri.EscapeDataString(name)}&limit=50");
            (JsonCursor json, _) = await GetJsonAsync(address, reference.ToString(), reference.Repository, cancel).ConfigureAwait(false);
            string[] names = missing == HubMissing.Revision
                ? [.. RefKinds.SelectMany(k => json.Find(k)?.Items() ?? []).Select(b => b["name"].Text())]
                : [.. json.Items().Select(m => m["id"].Text())];
            if (missing == HubMissing.Revision && names.Length > 0)
                return $"; {Formats.Suggest.Hint(reference.Revision, names)}";
            return Formats.Suggest.Nearest(reference.Repository, names) is { } near && near != reference.Repository ? $"; did you mean '{near}'?" : "";
        }
        catch (Exception e) when (e is CleaveException or HubMissingException)
        {
            return "";
        }
    }
}
