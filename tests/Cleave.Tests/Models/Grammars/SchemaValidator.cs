using System.Text.Json;
using System.Text.RegularExpressions;

namespace Cleave.Tests.Models.Grammars;

/// <summary>
/// Whether a document satisfies a JSON Schema, written from the specification (draft 2020-12, validation vocabulary) and
/// sharing nothing with what makes the documents. Says where it does not.
/// </summary>
internal sealed class SchemaValidator(JsonElement root)
{
    /// <returns>Null where the document satisfies the schema.</returns>
    public string? Problem(JsonElement document) => Check(root, document, "");

    private string? Check(JsonElement schema, JsonElement value, string path)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return schema.ValueKind == JsonValueKind.True ? null : $"{path}: nothing is allowed here";
        foreach (JsonProperty keyword in schema.EnumerateObject())
        {
            if (Keyword(keyword.Name, keyword.Value, schema, value, path) is { } problem)
                return problem;
        }
        return null;
    }

    private string? Keyword(string name, JsonElement said, JsonElement schema, JsonElement value, string path)
    {
        bool isText = value.ValueKind == JsonValueKind.String, isNumber = value.ValueKind == JsonValueKind.Number;
        int length = isText ? value.GetString()!.EnumerateRunes().Count() : 0;
        bool holds = name switch
        {
            "type" => said.ValueKind == JsonValueKind.Array ? said.EnumerateArray().Any(t => IsOf(value, t.GetString()!)) : IsOf(value, said.GetString()!),
            "enum" => said.EnumerateArray().Any(v => JsonElement.DeepEquals(v, value)),
            "const" => JsonElement.DeepEquals(said, value),
            "minLength" => !isText || length >= said.GetInt32(),
            "maxLength" => !isText || length <= said.GetInt32(),
            // .NET's expressions see UTF-16 units; what takes two is shown as one.
            "pattern" => !isText || Regex.IsMatch(Regex.Replace(value.GetString()!, @"[\uD800-\uDBFF][\uDC00-\uDFFF]", "\uE000"), said.GetString()!, RegexOptions.ECMAScript),
            "format" => !isText || IsFormat(value.GetString()!, said.GetString()!),
            "minimum" => !isNumber || value.GetDouble() >= said.GetDouble(),
            "maximum" => !isNumber || value.GetDouble() <= said.GetDouble(),
            "exclusiveMinimum" => !isNumber || value.GetDouble() > said.GetDouble(),
            "exclusiveMaximum" => !isNumber || value.GetDouble() < said.GetDouble(),
            "minItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= said.GetInt32(),
            "maxItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() <= said.GetInt32(),
            "required" => value.ValueKind != JsonValueKind.Object || said.EnumerateArray().All(n => value.TryGetProperty(n.GetString()!, out _)),
            "oneOf" => said.EnumerateArray().Count(s => Check(s, value, path) is null) == 1,
            "anyOf" => said.EnumerateArray().Any(s => Check(s, value, path) is null),
            _ => true,
        };
        return !holds ? $"{path}: {Shown(value)} against {name} {Shown(said)}" : name switch
        {
            "$ref" => Check(Resolve(said.GetString()!), value, path),
            "allOf" => said.EnumerateArray().Select(s => Check(s, value, path)).FirstOrDefault(p => p is not null),
            "properties" or "additionalProperties" when value.ValueKind == JsonValueKind.Object => Members(name, said, schema, value, path),
            "prefixItems" or "items" when value.ValueKind == JsonValueKind.Array => Elements(name, said, schema, value, path),
            _ => null,
        };
    }

    private string? Members(string name, JsonElement said, JsonElement schema, JsonElement value, string path)
    {
        foreach (JsonProperty member in value.EnumerateObject())
        {
            bool listed = schema.TryGetProperty("properties", out JsonElement properties) && properties.TryGetProperty(member.Name, out _);
            if (name == "properties" != listed)
                continue;
            if (Check(listed ? said.GetProperty(member.Name) : said, member.Value, $"{path}.{member.Name}") is { } problem)
                return problem;
        }
        return null;
    }

    private string? Elements(string name, JsonElement said, JsonElement schema, JsonElement value, string path)
    {
        int leading = schema.TryGetProperty("prefixItems", out JsonElement prefix) ? prefix.GetArrayLength() : 0;
        for (int i = 0; i < value.GetArrayLength(); i++)
        {
            if (name == "items" != i >= leading)
                continue;
            if (Check(name == "items" ? said : said[i], value[i], $"{path}[{i}]") is { } problem)
                return problem;
        }
        return null;
    }

    private JsonElement Resolve(string reference) =>
        reference.Split('/').Skip(1).Aggregate(root, (at, part) => at.GetProperty(part.Replace("~1", "/").Replace("~0", "~")));

    private static bool IsOf(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.GetDouble() is var n && Math.Floor(n) == n,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => value.ValueKind == JsonValueKind.Null,
    };

    private static bool IsFormat(string text, string format) => format switch
    {
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", out _),
        "uuid" => Guid.TryParseExact(text, "D", out _),
        "date-time" => DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out _),
        _ => true,
    };

    private static string Shown(JsonElement value) => value.GetRawText() is { Length: > 80 } text ? text[..80] : value.GetRawText();
}
