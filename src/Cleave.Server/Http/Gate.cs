using System.Net;
using Cleave.Server.Admin;
using Cleave.Server.Dashboard;
using Cleave.Server.Keys;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>Decides who may ask at all, and turns every failure into OpenAI's error JSON.</summary>
/// <param name="loopbackOnly">Whether the server listens on this machine only.</param>
internal sealed class Gate(ApiKeys? keys, bool loopbackOnly, Func<bool> stopping, RequestLog log)
{
    public const string HealthPath = "/health", LivePath = "/health/live", ReadyPath = "/health/ready", MetricsPath = "/metrics";

    private int _inside;

    /// <summary>Requests that were let in and have not ended.</summary>
    public int Inside => _inside;

    public async Task Run(HttpContext context, RequestDelegate next)
    {
        RequestFacts facts = RequestFacts.Begin(context);
        Interlocked.Increment(ref _inside);
        try
        {
            Check(context, facts);
            await next(context);
            if (!context.Response.HasStarted && context.Response.StatusCode is 404 or 405)
                throw Nowhere(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            log.Left(context, facts);
            return;
        }
        catch (Exception e) when (e is not IOException || !context.RequestAborted.IsCancellationRequested)
        {
            await Fail(context, e);
        }
        finally
        {
            Interlocked.Decrement(ref _inside);
        }
        log.Answered(context, facts);
    }

    private void Check(HttpContext context, RequestFacts facts)
    {
        HttpRequest request = context.Request;
        // A page in the user's browser may reach this machine under a name that its owner points here.
        if (loopbackOnly && !IsLocalName(request.Host.Host))
            throw new ApiException(403, "invalid_request_error", $"this server answers to localhost, not to '{request.Host.Host}'");
        if (request.Path == HealthPath || request.Path == LivePath || request.Path == ReadyPath)
            return;
        if (stopping())
            throw ApiException.Stopping();
        if (request.Path.StartsWithSegments(DashboardPage.Path, StringComparison.OrdinalIgnoreCase))
            return; // it holds nothing; what it asks for is asked with a key
        if (keys is not null)
            facts.Caller = new Caller(KeyOf(request, keys));
        if (request.Path.StartsWithSegments(MetricsPath, StringComparison.OrdinalIgnoreCase)) // with a slash behind it too, as routes are matched
            CheckMetrics(request, facts.Caller);
        else if (request.Path.StartsWithSegments(AdminEndpoints.Prefix, StringComparison.OrdinalIgnoreCase))
            CheckAdmin(request, facts.Caller);
        else
            facts.Caller.TakeRequest();
    }

    private static ApiKey KeyOf(HttpRequest request, ApiKeys keys)
    {
        const string scheme = "Bearer ";
        string header = request.Headers.Authorization.ToString();
        return header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && keys.Find(header.AsSpan(scheme.Length).Trim()) is { } key ? key : throw ApiException.Unauthorized();
    }

    private static void CheckMetrics(HttpRequest request, Caller caller)
    {
        if (!caller.ReadsMetrics)
            throw ApiException.Forbidden("this key may not read metrics; its line in the file of keys needs the word metrics, or admin");
        CheckNear(request, caller, "metrics");
    }

    private static void CheckAdmin(HttpRequest request, Caller caller)
    {
        if (!caller.IsAdmin)
            throw ApiException.Forbidden("this key is no administrator's; its line in the file of keys needs the word admin");
        CheckNear(request, caller, "administrators");
        // Nor is what a page of another site sends through a browser on it.
        if (request.Headers.Origin.ToString() is { Length: > 0 } origin && origin != $"http://{request.Host}" && origin != $"https://{request.Host}")
            throw ApiException.Forbidden("this request comes from a page of another site");
    }

    // Without keys whoever is on this machine is trusted; what a proxy brings here is not from this machine.
    private static void CheckNear(HttpRequest request, Caller caller, string who)
    {
        if (caller.Key is null && (request.Headers.ContainsKey("Forwarded") || request.Headers.ContainsKey("X-Forwarded-For")))
            throw ApiException.Forbidden($"behind a proxy {who} need a key; start the server with --keys");
    }

    private static bool IsLocalName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    private static ApiException Nowhere(HttpContext context) => context.Response.StatusCode == 405
        ? new ApiException(405, "invalid_request_error", $"{context.Request.Path} does not take {context.Request.Method}; allowed: {context.Response.Headers.Allow}")
        : new ApiException(404, "invalid_request_error", $"there is nothing at {context.Request.Path}; what there is, {ApiDescription.Path} says");

    private async Task Fail(HttpContext context, Exception e)
    {
        ApiException? known = ApiException.From(e);
        if (known is null)
            log.Error(context, e);
        ApiException error = known ?? new ApiException(500, "server_error", "internal error");
        if (!context.Response.HasStarted)
        {
            await JsonAnswer.Error(context.Response, error, context.RequestAborted);
            return;
        }
        // In the middle of a stream: an error event, and no [DONE].
        await JsonAnswer.Event(context.Response, JsonAnswer.ErrorJson(error), context.RequestAborted);
    }
}
