using System.Text.Json;
using Cleave.Json;
using static Cleave.Models.Sampling.Grammars.Expression;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>
/// Makes a grammar of a JSON Schema (draft 2020-12), every text of which is a document that satisfies it. Not every document
/// that does is a text of it: properties come in the order of the schema, and further ones only where the schema speaks of
/// them. A keyword that is not understood is refused by its name.
/// </summary>
internal sealed class JsonSchemaReader
{
    private static readonly HashSet<string> Annotations =
        ["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"];

    private static readonly Dictionary<string, string> TypeOfKeyword = new(StringComparer.Ordinal)
    {
        ["properties"] = "object",
        ["required"] = "object",
        ["additionalProperties"] = "object",
        ["items"] = "array",
        ["prefixItems"] = "array",
        ["minItems"] = "array",
        ["maxItems"] = "array",
        ["minLength"] = "string",
        ["maxLength"] = "string",
        ["pattern"] = "string",
        ["format"] = "string",
        ["minimum"] = "number",
        ["maximum"] = "number",
        ["exclusiveMinimum"] = "number",
        ["exclusiveMaximum"] = "number",
        ["multipleOf"] = "number",
    };

    private readonly JsonCursor _root;
    private readonly CancellationToken _cancellation;
    private readonly SchemaReferences _references;

    private JsonSchemaReader(JsonCursor root, RuleList rules, JsonParts parts, CancellationToken cancellation)
    {
        (_root, _cancellation, Rules, Parts) = (root, cancellation, rules, parts);
        _references = new SchemaReferences(root, rules);
    }

    public RuleList Rules { get; }

    public JsonParts Parts { get; }

    /// <exception cref="ModelFileException">The schema is not one, or uses what is not supported.</exception>
    /// <exception cref="GrammarException">It needs too many rules.</exception>
    public static RuleList Read(JsonCursor schema, CancellationToken cancellation)
    {
        var rules = new RuleList(schema.File);
        int first = rules.Declare("root");
        var parts = new JsonParts(rules);
        rules.Define(first, Then(parts.Lead, Whole(schema, rules, parts, cancellation)));
        return rules;
    }

    /// <summary>The values of a whole schema, within the rules of others.</summary>
    public static Expression Whole(JsonCursor schema, RuleList rules, JsonParts parts, CancellationToken cancellation)
    {
        var reader = new JsonSchemaReader(schema, rules, parts, cancellation);
        Expression value = reader.Value(schema);
        // What references lead to is read one after the other, so that a chain of them is no tower of calls.
        while (reader._references.Next() is { } pending)
            rules.Define(pending.Rule, reader.Value(pending.Schema));
        return value;
    }

    /// <summary>The rules for any object.</summary>
    public static RuleList AnyObject(string origin)
    {
        var rules = new RuleList(origin);
        int first = rules.Declare("root");
        var parts = new JsonParts(rules);
        rules.Define(first, Then(parts.Lead, parts.AnyObject));
        return rules;
    }

    /// <summary>A schema's values.</summary>
    public Expression Value(JsonCursor schema)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (schema.Kind == JsonValueKind.True)
            return Parts.Any;
        if (schema.Kind == JsonValueKind.False)
            throw schema.Error("no value satisfies false");
        Dictionary<string, JsonCursor> keywords = Keywords(schema);
        foreach (string alone in (string[])["$ref", "anyOf", "oneOf", "allOf"])
        {
            if (keywords.TryGetValue(alone, out JsonCursor? value))
                return keywords.Count == 1 ? Alone(alone, value) : throw Beside(schema, keywords, alone);
        }
        string[]? types = keywords.Remove("type", out JsonCursor? type) ? Types(type) : null;
        if (keywords.TryGetValue("const", out JsonCursor? constant))
            return keywords.Count == 1 ? Enumerated(constant, [constant], types) : throw Beside(schema, keywords, "const");
        if (keywords.TryGetValue("enum", out JsonCursor? values))
            return keywords.Count == 1 ? Enumerated(values, values.Items(), types) : throw Beside(schema, keywords, "enum");
        types ??= [.. keywords.Keys.Select(k => TypeOfKeyword[k]).Distinct()];
        return types.Length == 0 ? Parts.Any : Either([.. types.Select(t => Typed(t, schema, keywords))]);
    }

    /// <summary>A schema's values as a rule of its own.</summary>
    public Expression Rule(JsonCursor schema)
    {
        Expression value = Value(schema);
        return value is Call ? value : Rules.Add(schema.Path, value);
    }

    /// <summary>The keywords of a schema that say something of its values.</summary>
    private Dictionary<string, JsonCursor> Keywords(JsonCursor schema)
    {
        var keywords = new Dictionary<string, JsonCursor>(StringComparer.Ordinal);
        foreach ((string name, JsonCursor value) in schema.Members())
        {
            bool known = TypeOfKeyword.ContainsKey(name) || name is "type" or "enum" or "const" or "anyOf" or "oneOf" or "allOf" or "$ref";
            if (name == "$id" && schema.Path.Length > _root.Path.Length)
                throw value.Error("a schema with an identifier of its own inside another is not supported");
            if (known)
                keywords.Add(name, value);
            else if (!Annotations.Contains(name) && !(name == "uniqueItems" && value.Kind == JsonValueKind.False))
                throw value.Error($"the keyword {name} is not supported");
        }
        return keywords;
    }

    private static ModelFileException Beside(JsonCursor schema, Dictionary<string, JsonCursor> keywords, string alone) =>
        schema.Error($"{alone} beside {keywords.Keys.First(k => k != alone)} is not supported");

    private Expression Alone(string keyword, JsonCursor value)
    {
        switch (keyword)
        {
            case "$ref":
                return _references.Rule(value);
            case "allOf":
                JsonCursor[] all = [.. value.Items()];
                return all.Length == 1 ? Rule(all[0]) : throw value.Error("allOf of more than one schema is not supported");
            default:
                JsonCursor[] choices = [.. value.Items()];
                if (choices.Length == 0)
                    throw value.Error("is empty: nothing satisfies it");
                Expression either = Either([.. choices.Select(Rule)]);
                if (keyword == "oneOf")
                    new Disjoint(_references).Check(value, choices);
                return either;
        }
    }

    private static string[] Types(JsonCursor type)
    {
        string[] types = type.Kind == JsonValueKind.Array ? [.. type.Items().Select(t => t.Text()).Distinct()] : [type.Text()];
        foreach (string name in types)
        {
            if (name is not ("object" or "array" or "string" or "integer" or "number" or "boolean" or "null"))
                throw type.Error($"there is no type {name}");
        }
        return types.Length > 0 ? types : throw type.Error("is empty: nothing satisfies it");
    }

    private static Expression Enumerated(JsonCursor keyword, IEnumerable<JsonCursor> values, string[]? types)
    {
        Expression[] kept = [.. values.Where(v => types is null || types.Any(t => IsOf(v, t))).Select(v => Text(Written(v)))];
        return kept.Length > 0 ? Either(kept) : throw keyword.Error(types is null ? "is empty: nothing satisfies it" : "no value is of the type");
    }

    private static bool IsOf(JsonCursor value, string type) => value.Kind switch
    {
        JsonValueKind.Object => type == "object",
        JsonValueKind.Array => type == "array",
        JsonValueKind.String => type == "string",
        JsonValueKind.Number => type == "number" || (type == "integer" && value.Number() is var n && Math.Floor(n) == n),
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        _ => type == "null",
    };

    private static string Written(JsonCursor value)
    {
        try
        {
            return JsonParts.Written(value.Element);
        }
        catch (InvalidOperationException)
        {
            throw value.Error("holds broken Unicode");
        }
    }

    private Expression Typed(string type, JsonCursor schema, Dictionary<string, JsonCursor> keywords) => type switch
    {
        "object" => ObjectSchema.Read(this, schema, keywords),
        "array" => ArraySchema.Read(this, schema, keywords),
        "string" => StringSchema.Read(Parts, keywords),
        "integer" => NumberSchema.Read(Parts, schema, keywords, whole: true),
        "number" => NumberSchema.Read(Parts, schema, keywords, whole: false),
        "boolean" => Parts.Boolean,
        _ => JsonParts.Null,
    };
}
