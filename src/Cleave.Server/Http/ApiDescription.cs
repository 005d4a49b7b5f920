using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>The API in the terms of OpenAPI 3.1, for programs that make clients of it.</summary>
internal static class ApiDescription
{
    public const string Path = "/openapi.json";

    private static readonly Lazy<byte[]> Document = new(() =>
    {
        using Stream stream = typeof(ApiDescription).Assembly.GetManifestResourceStream("openapi.json")!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    });

    public static Task Show(HttpContext context) => JsonAnswer.Write(context.Response, 200, Document.Value, context.RequestAborted);
}
