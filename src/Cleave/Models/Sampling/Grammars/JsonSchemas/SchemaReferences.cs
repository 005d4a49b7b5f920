using System.Globalization;
using System.Text.Json;
using Cleave.Json;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>References within a schema (<c>#</c>, <c>#/$defs/name</c>: JSON Pointer, RFC 6901), each one rule however often it is used.</summary>
internal sealed class SchemaReferences(JsonCursor root, RuleList rules)
{
    private readonly Dictionary<string, Call> _made = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, JsonCursor>> _children = new(StringComparer.Ordinal);
    private readonly Queue<(int Rule, JsonCursor Schema)> _pending = [];

    /// <summary>The rule of what is referred to.</summary>
    public Call Rule(JsonCursor reference)
    {
        (string pointer, JsonCursor target) = Find(reference);
        if (!_made.TryGetValue(pointer, out Call? rule))
        {
            _made[pointer] = rule = new Call(rules.Declare(reference.Text()));
            _pending.Enqueue((rule.Rule, target));
        }
        return rule;
    }

    /// <summary>A rule that was referred to and has no body yet; null where there is none.</summary>
    public (int Rule, JsonCursor Schema)? Next() => _pending.TryDequeue(out (int, JsonCursor) next) ? next : null;

    public JsonCursor Resolve(JsonCursor reference) => Find(reference).Target;

    /// <summary>What is referred to, and the pointer to it in the one way in which it is written without escapes that need not be there.</summary>
    private (string Pointer, JsonCursor Target) Find(JsonCursor reference)
    {
        string given = reference.Text();
        if (given != "#" && !given.StartsWith("#/", StringComparison.Ordinal))
            throw reference.Error($"only references within the schema are supported, such as #/$defs/name; found {given}");
        JsonCursor at = root;
        string pointer = "";
        foreach (string part in Uri.UnescapeDataString(given).Split('/').Skip(1))
        {
            string name = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (!ChildrenOf(at, pointer).TryGetValue(name, out JsonCursor? child))
                throw reference.Error($"there is nothing at {given}");
            pointer += "/" + name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
            at = child;
        }
        return (pointer, at);
    }

    // Found by name once: references may be as many as definitions.
    private Dictionary<string, JsonCursor> ChildrenOf(JsonCursor value, string pointer)
    {
        if (!_children.TryGetValue(pointer, out Dictionary<string, JsonCursor>? children))
        {
            _children[pointer] = children = (value.Kind switch
            {
                JsonValueKind.Object => value.Members(),
                JsonValueKind.Array => value.Items().Select((item, index) => (Name: index.ToString(CultureInfo.InvariantCulture), Value: item)),
                _ => [],
            }).ToDictionary(m => m.Name, m => m.Value, StringComparer.Ordinal);
        }
        return children;
    }
}

/// <summary>Whether the alternatives of <c>oneOf</c> exclude each other, so that taking one is taking exactly one.</summary>
internal sealed class Disjoint(SchemaReferences references)
{
    private const int MaxHops = 32;

    /// <exception cref="ModelFileException">They may overlap.</exception>
    public void Check(JsonCursor oneOf, JsonCursor[] choices)
    {
        Alternative[] alternatives = [.. choices.Select(c => Read(Followed(c)))];
        for (int i = 0; i < alternatives.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (!alternatives[i].Excludes(alternatives[j]))
                    throw oneOf.Error($"the alternatives {j} and {i} of oneOf may overlap; give them different types or constants, a property whose constants differ, or use anyOf");
            }
        }
    }

    private JsonCursor Followed(JsonCursor schema)
    {
        for (int hop = 0; hop < MaxHops && schema.Kind == JsonValueKind.Object && schema.Find("$ref") is { } reference; hop++)
            schema = references.Resolve(reference);
        return schema;
    }

    private Alternative Read(JsonCursor schema)
    {
        var discriminators = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        if (schema.Kind != JsonValueKind.Object)
            return new Alternative(null, null, discriminators);
        HashSet<string>? constants = Constants(schema);
        if (schema.Find("required") is { } required && schema.Find("properties") is { } properties)
        {
            HashSet<string> names = [.. required.Items().Select(n => n.Text())];
            foreach ((string name, JsonCursor property) in properties.Members())
            {
                if (names.Contains(name) && Constants(Followed(property)) is { } values)
                    discriminators.Add(name, values);
            }
        }
        return new Alternative(constants is null ? Types(schema) : [.. constants.Select(TypeOf)], constants, discriminators);
    }

    private static HashSet<string>? Types(JsonCursor schema)
    {
        if (schema.Find("type") is not { } type)
            return null;
        IEnumerable<JsonCursor> named = type.Kind == JsonValueKind.Array ? type.Items() : [type];
        return [.. named.Select(t => t.Text() is var name && name == "integer" ? "number" : name)];
    }

    private static string TypeOf(string written) => written[0] switch
    {
        '"' => "string",
        't' or 'f' => "boolean",
        _ => "null",
    };

    /// <summary>The only values that satisfy a schema, written one way; null where they are not known.</summary>
    private static HashSet<string>? Constants(JsonCursor schema)
    {
        if (schema.Kind != JsonValueKind.Object)
            return null;
        foreach ((string name, JsonCursor value) in schema.Members())
        {
            if (name == "const" && value.Kind is JsonValueKind.String or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null)
                return [Written(value)];
            if (name == "enum" && value.Items().All(v => v.Kind == JsonValueKind.String))
                return [.. value.Items().Select(Written)];
        }
        return null;
    }

    private static string Written(JsonCursor value) => value.Kind == JsonValueKind.String ? JsonParts.Quoted(value.Text()) : value.Element.GetRawText();

    /// <param name="Types">Those that its values have, without a difference between kinds of numbers; null for any.</param>
    /// <param name="Values">The only ones, as JSON; null where they are not known.</param>
    /// <param name="Discriminators">Properties that must be there, with the only values that they may have.</param>
    private sealed record Alternative(HashSet<string>? Types, HashSet<string>? Values, Dictionary<string, HashSet<string>> Discriminators)
    {
        public bool Excludes(Alternative other)
        {
            if (Types is null || other.Types is null)
                return false;
            if (!Types.Overlaps(other.Types) || (Values is not null && other.Values is not null && !Values.Overlaps(other.Values)))
                return true;
            return Types is { Count: 1 } && Types.Contains("object") && other.Types is { Count: 1 }
                && Discriminators.Any(d => other.Discriminators.TryGetValue(d.Key, out HashSet<string>? values) && !values.Overlaps(d.Value));
        }
    }
}
