using System.Text.Json;
using System.Text.Unicode;
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
        using var read = new MemoryStream();
        try
        {
            await request.Body.CopyToAsync(read, cancel);
        }
        catch (IOException e) when (e is not BadHttpRequestException && e.InnerException is OverflowException) // a chunk whose length is no number that there is
        {
            throw ApiException.Invalid("the body's chunks are malformed");
        }
        // The parser lets broken bytes in texts through, and fails later on whoever reads them.
        ReadOnlyMemory<byte> utf8 = read.GetBuffer().AsMemory(0, (int)read.Length);
        if (!Utf8.IsValid(utf8.Span))
            throw ApiException.Invalid("the body is not valid UTF-8");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(utf8, Strict);
        }
        catch (JsonException e)
        {
            throw ApiException.Invalid($"the body is not valid JSON: {e.Message}");
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Invalid("the body is not valid JSON: a name holds broken Unicode");
        }
        if (document.RootElement.ValueKind == JsonValueKind.Object)
            return new Body(document);
        document.Dispose();
        throw ApiException.Invalid("the body must be a JSON object");
    }

    /// <summary>A member, or null where it is absent or null.</summary>
    public static JsonElement? Find(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A member that must be there.</summary>
    /// <param name="path">The parent's, for messages.</param>
    public static JsonElement Need(JsonElement parent, string name, string path)
    {
        if (parent.ValueKind != JsonValueKind.Object)
            throw Wrong(path, "an object", parent);
        return Find(parent, name) ?? throw ApiException.Invalid($"'{path}.{name}' is missing", $"{path}.{name}");
    }

    /// <summary>Refuses an object's members that are not known.</summary>
    public static void CheckMembers(JsonElement parent, string path, params string[] known)
    {
        if (parent.ValueKind != JsonValueKind.Object)
            throw Wrong(path, "an object", parent);
        foreach (JsonProperty member in parent.EnumerateObject())
        {
            if (!known.Contains(member.Name) && member.Value.ValueKind != JsonValueKind.Null)
                throw ApiException.Invalid($"'{path}.{member.Name}' is not supported", $"{path}.{member.Name}", "unsupported_parameter");
        }
    }

    /// <summary>Refuses texts and names anywhere in a value that are not valid Unicode.</summary>
    public static void CheckTexts(JsonElement value, string path)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                _ = Text(value, path);
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in value.EnumerateArray())
                    CheckTexts(item, path);
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty member in value.EnumerateObject())
                {
                    _ = member.Name;
                    CheckTexts(member.Value, path);
                }
                break;
        }
    }

    /// <summary>The beginning of what somebody said, for a message.</summary>
    public static string Short(string text) => text.Length <= 64 ? text : text[..64] + "…";

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
