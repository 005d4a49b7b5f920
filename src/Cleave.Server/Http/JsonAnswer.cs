using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>Writes JSON documents and events.</summary>
internal static class JsonAnswer
{
    public static async Task Write(HttpResponse response, int status, byte[] json, CancellationToken cancel)
    {
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = json.Length;
        await response.Body.WriteAsync(json, cancel);
    }

    public static Task Error(HttpResponse response, ApiException error, CancellationToken cancel)
    {
        if (error.RetryAfter is { } seconds)
            response.Headers.RetryAfter = seconds.ToString();
        if (error.Status == 401)
            response.Headers.WWWAuthenticate = "Bearer";
        return Write(response, error.Status, ErrorJson(error), cancel);
    }

    // What a request says may be part of a message, and messages are written to logs by those who get them.
    public static byte[] ErrorJson(ApiException error) => JsonSerializer.SerializeToUtf8Bytes(
        new ErrorBody(new ErrorDetail(CleaveException.OneLine(error.Message), error.Type, error.Parameter, error.Code)), ApiJson.Api.ErrorBody);

    /// <summary>One server-sent event, handed to the network at once.</summary>
    public static async Task Event(HttpResponse response, byte[] data, CancellationToken cancel)
    {
        byte[] framed = [.. "data: "u8, .. data, .. "\n\n"u8];
        await response.Body.WriteAsync(framed, cancel);
        await response.Body.FlushAsync(cancel);
    }
}
