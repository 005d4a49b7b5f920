using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;
using Cleave.Serving.Pipelines;
using Cleave.Serving.Remote;

namespace Cleave.Server.Http;

/// <summary>An answer that is an error, in OpenAI's terms.</summary>
internal sealed class ApiException(int status, string type, string message, string? parameter = null, string? code = null) : Exception(message)
{
    public int Status { get; } = status;
    public string Type { get; } = type;
    public string? Parameter { get; } = parameter;
    public string? Code { get; } = code;

    /// <summary>Seconds for the header Retry-After, or null.</summary>
    public int? RetryAfter { get; init; }

    public static ApiException Invalid(string message, string? parameter = null, string? code = null) =>
        new(400, "invalid_request_error", message, parameter, code);

    public static ApiException Unauthorized() =>
        new(401, "authentication_error", "a valid key is missing: send the header 'Authorization: Bearer KEY'", code: "invalid_api_key");

    public static ApiException Forbidden(string message, string? parameter = null) => new(403, "permission_error", message, parameter, "insufficient_permissions");

    public static ApiException TooMany(string message, string type, string code, int retryAfter) => new(429, type, message, code: code) { RetryAfter = retryAfter };

    public static ApiException Busy(int retryAfter) =>
        new(429, "rate_limit_error", $"too many requests are waiting; try again in {retryAfter} s", code: "rate_limit_exceeded") { RetryAfter = retryAfter };

    public static ApiException TooLate(int milliseconds) =>
        new(504, "timeout_error", $"there is no answer within the {milliseconds} ms that the request allows", Deadline.Header, "deadline_exceeded");

    public static ApiException Stopping() => new(503, "server_error", "the server is stopping", code: "server_stopping") { RetryAfter = 5 };

    /// <summary>What a failure looks like from outside; null for one that is nobody's business but the operator's: files and addresses are named in it.</summary>
    public static ApiException? From(Exception e) => e switch
    {
        ApiException api => api,
        UnknownModuleException unknown => new(404, "invalid_request_error", unknown.Message, unknown.Parameter, unknown.Code),
        RequestException request => Invalid(request.Message, request.Parameter, request.Code),
        BusyException busy => new(503, "server_error", busy.Message, code: "modules_busy") { RetryAfter = busy.RetryAfterSeconds },
        CapacityException capacity => Invalid(capacity.Message),
        GrammarException form => Invalid(form.Message, "response_format", "unsupported_value"),
        RemoteException remote => new(remote.Status, remote.Status switch { 429 => "rate_limit_error", 504 => "timeout_error", _ => "server_error" }, remote.Message, code: remote.Code)
        {
            RetryAfter = remote.RetryAfter is { } wait ? (int)Math.Clamp(Math.Ceiling(wait.TotalSeconds), 1, 3600) : null,
        },
        StepTimeoutException late => new(504, "timeout_error", late.Message, code: "step_timeout"),
        Microsoft.AspNetCore.Http.BadHttpRequestException { StatusCode: 413 } =>
            new(413, "invalid_request_error", "the request's body is too large", code: "request_too_large"),
        Microsoft.AspNetCore.Http.BadHttpRequestException bad => new(bad.StatusCode, "invalid_request_error", bad.Message),
        _ => null,
    };
}
