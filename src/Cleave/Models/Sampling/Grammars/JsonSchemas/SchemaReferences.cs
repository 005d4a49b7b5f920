using System.Globalization;
using System.Text.Json;
using Cleave.Json;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>References within a schema (<c>#</c>, <c>#/$defs/name</c>: JSON Pointer, RFC 6901), each one rule however often it is used.</summary>
internal sealed class SchemaReferences(JsonCursor root, RuleList rules)
{
    private readonly Dictionary<string, Call> _made = new(StringComparer.Ordinal);
    private readonly Queue<(int Rule, JsonCursor Schema)> _pending = [];

    /// <summary>The rule of what is referred to.</summary>
    public Call Rule(JsonCursor reference)
    {
        JsonCursor target = Resolve(reference);
        string path = target.Path;
        if (!_made.TryGetValue(path, out Call? rule))
        {
            _made[path] = rule = new Call(rules.Declare(reference.Text()));
            _pending.Enqueue((rule.Rule, target));
        }
        return rule;
    }

    /// <summary>A rule that was referred to and has no body yet; null where there is none.</summary>
    public (int Rule, JsonCursor Schema)? Next() => _pending.TryDequeue(out (int, JsonCursor) next) ? next : null;

    public JsonCursor Resolve(JsonCursor reference)
    {
        string pointer = reference.Text();
        if (pointer != "#" && !pointer.StartsWith("#/", StringComparison.Ordinal))
            throw reference.Error($"only references within the schema are supported, such as #/$defs/name; found {pointer}");
        JsonCursor at = root;
        foreach (string part in pointer.Split('/').Skip(1))
        {
            string name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            at = Child(at, name) ?? throw reference.Error($"there is nothing at {pointer}");
        }
        return at;
    }

    private static JsonCursor? Child(JsonCursor at, string name) => at.Kind switch
    {
        JsonValueKind.Object => at.Members().FirstOrDefault(m => m.Name == name).Value,
        JsonValueKind.Array when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) => at.Items().ElementAtOrDefault(index),
        _ => null,
    };
}

/// <summary>Whether the alternatives of <c>oneOf</c> exclude each other, so that taking one is taking exactly one.</summary>
internal sealed class Disjoint(SchemaReferences references)
{
    private const int MaxHops = 32;

    /// <exception cref="ModelFileException">They may overlap.</exception>
    public void Check(JsonCursor oneOf, JsonCursor[] choices)
    {
        JsonCursor[] schemas = [.. choices.Select(Followed)];
        for (int i = 0; i < schemas.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (!AreDisjoint(schemas[i], schemas[j]))
                    throw oneOf.Error($"the alternatives {j} and {i} of oneOf may overlap; give them different types, a property whose constants differ, or use anyOf");
            }
        }
    }

    private JsonCursor Followed(JsonCursor schema)
    {
        for (int hop = 0; hop < MaxHops && schema.Kind == JsonValueKind.Object && schema.Find("$ref") is { } reference; hop++)
            schema = references.Resolve(reference);
        return schema;
    }

    private bool AreDisjoint(JsonCursor a, JsonCursor b)
    {
        HashSet<string>? x = Kinds(a), y = Kinds(b);
        if (x is not null && y is not null && !x.Overlaps(y))
            return true;
        return x is { Count: 1 } && y is { Count: 1 } && x.Contains("object") && y.Contains("object")
            && Discriminators(a).Any(m => Discriminators(b).Any(o => o.Name == m.Name && !o.Values.Overlaps(m.Values)));
    }

    private static HashSet<string>? Kinds(JsonCursor schema)
    {
        if (schema.Kind != JsonValueKind.Object)
            return null;
        if (Constants(schema) is { } values)
            return values.Select(v => v[0] switch { '"' => "string", '{' => "object", '[' => "array", 't' or 'f' => "boolean", 'n' => "null", _ => "number" }).ToHashSet();
        if (schema.Find("type") is not { } type)
            return null;
        IEnumerable<JsonCursor> named = type.Kind == JsonValueKind.Array ? type.Items() : [type];
        return named.Select(t => t.Text() is var name && name == "integer" ? "number" : name).ToHashSet();
    }

    /// <summary>Required properties with the only values that they may have.</summary>
    private IEnumerable<(string Name, HashSet<string> Values)> Discriminators(JsonCursor schema)
    {
        if (schema.Find("required") is not { } required || schema.Find("properties") is not { } properties)
            yield break;
        foreach (JsonCursor name in required.Items())
        {
            if (properties.Members().FirstOrDefault(m => m.Name == name.Text()).Value is { Kind: JsonValueKind.Object } property
                && Constants(Followed(property)) is { } values)
            {
                yield return (name.Text(), values);
            }
        }
    }

    private static HashSet<string>? Constants(JsonCursor schema)
    {
        foreach ((string name, JsonCursor value) in schema.Kind == JsonValueKind.Object ? schema.Members() : [])
        {
            if (name == "const" && value.Kind is JsonValueKind.String or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null)
                return [value.Element.GetRawText()];
            if (name == "enum" && value.Items().All(v => v.Kind == JsonValueKind.String))
                return value.Items().Select(v => JsonParts.Quoted(v.Text())).ToHashSet();
        }
        return null;
    }
}
