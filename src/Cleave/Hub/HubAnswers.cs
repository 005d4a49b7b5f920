using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Cleave.Hub;

/// <summary>What a hub's refusals mean, and what to do about them.</summary>
internal static class HubAnswers
{
    private const int TooManyRequests = 429, RequestTimeout = 408;

    /// <summary>The first value of a header, or null.</summary>
    public static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    /// <summary>The hash that an ETag holds: <c>W/</c> and quotes taken off.</summary>
    public static string? HashOf(string? etag)
    {
        string? text = etag?.Trim();
        if (text?.StartsWith("W/", StringComparison.Ordinal) == true)
            text = text[2..];
        return text?.Trim('"');
    }

    /// <summary>The exception for an answer that is not a success.</summary>
    /// <param name="what">What was asked for, such as <c>hf:owner/name</c>.</param>
    public static Exception Failure(HttpResponseMessage response, string what, string repository, HubSettings settings, DateTimeOffset now)
    {
        int status = (int)response.StatusCode;
        string code = Header(response, "X-Error-Code") ?? "";
        if (status is TooManyRequests or RequestTimeout or 500 or 502 or 503 or 504)
            return new TransientException($"{what}: the server answers {status} ({(status == TooManyRequests ? "too many requests" : "it has trouble")})", Wait(response, now));
        string page = new Uri(settings.Endpoint, repository).ToString();
        string login = settings.Token is null ? "set HF_TOKEN to a token of yours, or log in with 'hf auth login'" : "the token in use (HF_TOKEN or the token file) has no access";
        if (code == "GatedRepo")
            return new HubException($"{what}: access to this model is granted on request (status {status}): accept its terms at {page}, then {(settings.Token is null ? login : "run this again; " + login + " yet")}");
        return (code, response.StatusCode) switch
        {
            ("RevisionNotFound", _) => new HubMissingException(HubMissing.Revision, $"{what}: there is no such branch, tag or commit"),
            ("EntryNotFound", _) => new HubMissingException(HubMissing.File, $"{what}: there is no such file"),
            ("RepoNotFound", _) or (_, HttpStatusCode.NotFound) => new HubMissingException(HubMissing.Repository,
                $"{what}: {settings.Endpoint.Host} knows no such model, or it is private: check the name; for a private one {login}"),
            (_, HttpStatusCode.Unauthorized) when settings.Token is not null => new HubException($"{what}: the token in use (HF_TOKEN or the token file) is not accepted (401); replace or unset it"),
            (_, HttpStatusCode.Unauthorized) => new HubMissingException(HubMissing.Repository,
                $"{what}: {settings.Endpoint.Host} knows no such model, or it is private: check the name; for a private one {login}"),
            (_, HttpStatusCode.Forbidden) => new HubException($"{what}: access is refused (403{Said(response)}): {login}; see {page}"),
            _ => new HubException($"{what}: the server answers {status} {response.ReasonPhrase}{Said(response)}"),
        };
    }

    // What the server asks for: seconds or a date (RFC 9110, 10.2.3), or the reset of a used-up rate limit ("api";r=0;t=55).
    private static TimeSpan? Wait(HttpResponseMessage response, DateTimeOffset now)
    {
        RetryConditionHeaderValue? header = response.Headers.RetryAfter;
        TimeSpan? wait = header?.Delta ?? header?.Date - now;
        if (wait is null && Header(response, "RateLimit") is { } limit)
        {
            string[] parts = limit.Split(';', StringSplitOptions.TrimEntries);
            string? reset = parts.FirstOrDefault(p => p.StartsWith("t=", StringComparison.Ordinal))?[2..];
            if (parts.Contains("r=0") && int.TryParse(reset, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
                wait = TimeSpan.FromSeconds(seconds);
        }
        return wait is { } asked && asked < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static string Said(HttpResponseMessage response)
    {
        string? text = Header(response, "X-Error-Message");
        return string.IsNullOrWhiteSpace(text) ? "" : ": " + new string([.. text.Where(c => !char.IsControl(c)).Take(200)]);
    }
}

/// <summary>What a hub does not know.</summary>
internal enum HubMissing
{
    Repository,
    Revision,
    File,
}

/// <summary>The hub does not know what was named; the caller looks for the nearest name that it knows.</summary>
internal sealed class HubMissingException(HubMissing what, string message) : Exception(message)
{
    public HubMissing What => what;
}
