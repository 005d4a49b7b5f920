using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>
/// Lets pages of named origins ask from a browser (the CORS protocol of https://fetch.spec.whatwg.org). Only what modules answer, below <c>/v1/</c>: never administration.
/// Keys are sent by the page itself, so no cookies are allowed.
/// </summary>
internal sealed class CrossOrigin
{
    private const string Asked = "/v1";

    private readonly HashSet<string> _origins;

    /// <exception cref="CleaveException">A text that is not an origin.</exception>
    public CrossOrigin(IEnumerable<string> origins) => _origins = [.. origins.Select(Checked)];

    public Task Run(HttpContext context, RequestDelegate next)
    {
        HttpRequest request = context.Request;
        string origin = request.Headers.Origin.ToString();
        if (!request.Path.StartsWithSegments(Asked, StringComparison.OrdinalIgnoreCase) || !_origins.Contains(origin))
            return next(context);
        IHeaderDictionary headers = context.Response.Headers;
        (headers.AccessControlAllowOrigin, headers.Vary) = (origin, "Origin");
        headers.AccessControlExposeHeaders = "*";
        if (!HttpMethods.IsOptions(request.Method) || !request.Headers.ContainsKey("Access-Control-Request-Method"))
            return next(context);
        // The browser asks beforehand, and without the key.
        (headers.AccessControlAllowMethods, headers.AccessControlAllowHeaders, headers.AccessControlMaxAge) = ("GET, POST", "authorization, content-type, x-request-id, " + Deadline.Header, "600");
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static string Checked(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && text == uri.GetLeftPart(UriPartial.Authority) ? text
            : throw new CleaveException($"'{text}' is not an origin: give one as browsers do, such as https://app.example.org, without a slash behind it");
}
