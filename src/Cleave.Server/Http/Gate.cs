using System.Net;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>Decides who may ask at all, and turns every failure into OpenAI's error JSON.</summary>
/// <param name="loopbackOnly">Whether the server listens on this machine only.</param>
internal sealed class Gate(ApiKeys? keys, bool loopbackOnly, Func<bool> stopping, Action<string>? log)
{
    public const string HealthPath = "/health";

    public async Task Run(HttpContext context, RequestDelegate next)
    {
        try
        {
            Check(context.Request);
            await next(context);
            if (!context.Response.HasStarted && context.Response.StatusCode is 404 or 405)
                throw Nowhere(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            log?.Invoke($"{context.Request.Method} {context.Request.Path}: the client left");
            return;
        }
        catch (Exception e) when (e is not IOException || !context.RequestAborted.IsCancellationRequested)
        {
            await Fail(context, e);
        }
        log?.Invoke($"{context.Request.Method} {context.Request.Path}: {context.Response.StatusCode}");
    }

    private void Check(HttpRequest request)
    {
        // A page in the user's browser may reach this machine under a name that its owner points here.
        if (loopbackOnly && !IsLocalName(request.Host.Host))
            throw new ApiException(403, "invalid_request_error", $"this server answers to localhost, not to '{request.Host.Host}'");
        if (request.Path == HealthPath)
            return;
        if (stopping())
            throw ApiException.Stopping();
        if (keys is null)
            return;
        const string scheme = "Bearer ";
        string header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) || !keys.Accept(header.AsSpan(scheme.Length).Trim()))
            throw ApiException.Unauthorized();
    }

    private static bool IsLocalName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    private static ApiException Nowhere(HttpContext context) => context.Response.StatusCode == 405
        ? new ApiException(405, "invalid_request_error", $"{context.Request.Path} does not take {context.Request.Method}; allowed: {context.Response.Headers.Allow}")
        : new ApiException(404, "invalid_request_error", $"there is nothing at {context.Request.Path}; the API is /v1/models, /v1/chat/completions and /v1/completions");

    private async Task Fail(HttpContext context, Exception e)
    {
        ApiException? known = ApiException.From(e);
        if (known is null)
            log?.Invoke($"internal error: {e}");
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
