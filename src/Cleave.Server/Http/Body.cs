using System.Text.Json;
using Cleave.Json;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>A request's JSON object, read member by member; what is asked for wrongly is named in the error.</summary>
internal sealed class Body : IDisposable
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = JsonCursor.MaxDepth, AllowDuplicateProperties = false };

    private readonly JsonDocument _document;

    private Body(JsonDocument document) => _document = document;

    public JsonElement Root => _document.RootElement;

    /// <exception cref="ApiException">Not JSON, or not an object.</exception>
    public static async Task<Body> ReadAsync(HttpRequest request, CancellationToken cancel)
    {
        // Anything else could be sent from a web page that the user merely visits, without the browser asking first.
        if (!request.HasJsonContentType())
            throw new ApiException(415, "invalid_request_error", "the header Content-Type must be application/json");
        JsonDocument document;
        try
        {
            document = await JsonDocument.ParseAsync(request.Body, Strict, cancel);
        }
        catch (JsonException e)
        {
            throw ApiException.Invalid($"the body is not valid JSON: {e.Message}");
        }
        if (document.RootElement.ValueKind == JsonValueKind.Object)
            return new Body(document);
        document.Dispose();
        throw ApiException.Invalid("the body must be a JSON object");
    }

    /// <summary>A member, or null where it is absent or null.</summary>
    public static JsonElement? Find(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string Text(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw Wrong(path, "a string", value);
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Invalid($"'{path}' is not valid Unicode", path);
        }
    }

    public static double Number(JsonElement value, string path, double low, double high)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double number))
            throw Wrong(path, "a number", value);
        return number >= low && number <= high ? number : throw ApiException.Invalid($"'{path}' is {value.GetRawText()}, but must be from {low} to {high}", path);
    }

    public static int Whole(JsonElement value, string path, int low, int high)
    {
        if (value.ValueKind != JsonValueKind.Number)
            throw Wrong(path, "a whole number", value);
        return value.TryGetInt32(out int number) && number >= low && number <= high ? number
            : throw ApiException.Invalid($"'{path}' is {value.GetRawText()}, but must be a whole number from {low} to {high}", path);
    }

    public static bool Flag(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(path, "true or false", value),
    };

    public static ApiException Wrong(string path, string expected, JsonElement value) =>
        ApiException.Invalid($"'{path}' must be {expected}, not {Kind(value)}", path);

    public void Dispose() => _document.Dispose();

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
