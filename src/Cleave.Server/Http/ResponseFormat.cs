using System.Text;
using System.Text.Json;
using Cleave.Json;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Server.Http;

/// <summary>Reads <c>response_format</c>: text, any JSON object, or a JSON Schema. Schemas seen last are kept ready.</summary>
internal static class ResponseFormat
{
    private const int Kept = 32;

    private static readonly Dictionary<string, Grammar> Known = new(StringComparer.Ordinal);
    private static readonly Lock Gate = new();

    /// <returns>Null for text.</returns>
    public static Grammar? Read(JsonElement format)
    {
        if (format.ValueKind != JsonValueKind.Object)
            throw Body.Wrong("response_format", "an object", format);
        string type = Body.Text(Body.Find(format, "type") ?? throw ApiException.Invalid("'response_format.type' is missing", "response_format.type"), "response_format.type");
        switch (type)
        {
            case "text":
                return null;
            case "json_object":
                return Grammar.JsonObject;
            case "json_schema":
                JsonElement named = Body.Find(format, "json_schema") is { ValueKind: JsonValueKind.Object } given ? given
                    : throw ApiException.Invalid("'response_format.json_schema' must be an object", "response_format.json_schema");
                return Schema(Body.Find(named, "schema") ?? throw ApiException.Invalid("'response_format.json_schema.schema' is missing", "response_format.json_schema.schema"));
            default:
                throw ApiException.Invalid($"the response format '{type}' is not supported; there are text, json_object and json_schema", "response_format.type", "unsupported_value");
        }
    }

    private static Grammar Schema(JsonElement schema)
    {
        string text = schema.GetRawText();
        lock (Gate)
        {
            if (Known.TryGetValue(text, out Grammar? known))
                return known;
        }
        Grammar grammar;
        try
        {
            grammar = Grammar.OfJsonSchema(JsonCursor.Parse(Encoding.UTF8.GetBytes(text), "response_format.json_schema.schema"));
        }
        catch (CleaveException e)
        {
            throw ApiException.Invalid(e.Message, "response_format.json_schema.schema", "unsupported_value");
        }
        lock (Gate)
        {
            if (Known.Count >= Kept)
                Known.Clear();
            return Known[text] = grammar;
        }
    }
}
