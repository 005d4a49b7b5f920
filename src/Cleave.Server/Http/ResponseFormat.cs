using System.Text.Json;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>Reads <c>response_format</c>: text, any JSON object, a JSON Schema, or rules in GBNF.</summary>
internal static class ResponseFormat
{
    /// <returns>Null for text, else what makes the grammar: a schema is only checked by that, for it can be work.</returns>
    public static Func<CancellationToken, Grammar>? Read(JsonElement format)
    {
        if (format.ValueKind != JsonValueKind.Object)
            throw Body.Wrong("response_format", "an object", format);
        string type = Body.Text(Body.Find(format, "type") ?? throw ApiException.Invalid("'response_format.type' is missing", "response_format.type"), "response_format.type");
        switch (type)
        {
            case "text":
                return null;
            case "json_object":
                return _ => Grammar.JsonObject;
            case "json_schema":
                JsonElement named = Body.Find(format, "json_schema") is { ValueKind: JsonValueKind.Object } given ? given
                    : throw ApiException.Invalid("'response_format.json_schema' must be an object", "response_format.json_schema");
                return Schema(Body.Find(named, "schema") ?? throw ApiException.Invalid("'response_format.json_schema.schema' is missing", "response_format.json_schema.schema"));
            case "grammar":
                return Rules(Body.Text(Body.Find(format, "grammar") ?? throw ApiException.Invalid("'response_format.grammar' is missing", "response_format.grammar"), "response_format.grammar"));
            default:
                throw ApiException.Invalid($"the response format '{type}' is not supported; there are text, json_object, json_schema and grammar", "response_format.type", "unsupported_value");
        }
    }

    // Rules that a client writes can be wrong, and long ones are work: they are read on the thread that answers.
    private static Func<CancellationToken, Grammar> Rules(string rules) => cancel =>
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            return SchemaGrammars.OfRules(rules, "response_format.grammar");
        }
        catch (CleaveException e)
        {
            throw ApiException.Invalid(e.Message, "response_format.grammar", "unsupported_value");
        }
    };

    private static Func<CancellationToken, Grammar> Schema(JsonElement schema)
    {
        JsonElement kept = schema.Clone(); // the body is gone by then
        return cancel =>
        {
            try
            {
                return SchemaGrammars.Of(kept, "response_format.json_schema.schema", cancel);
            }
            catch (CleaveException e)
            {
                throw ApiException.Invalid(e.Message, "response_format.json_schema.schema", "unsupported_value");
            }
        };
    }
}
