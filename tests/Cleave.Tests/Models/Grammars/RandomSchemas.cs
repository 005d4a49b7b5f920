using System.Text.Json.Nodes;
using Cleave.Numerics;

namespace Cleave.Tests.Models.Grammars;

/// <summary>Schemas at will that use everything that is supported.</summary>
internal static class RandomSchemas
{
    private static readonly string[] Names = ["a", "ab", "abc", "name", "täg", "q\"uote", "back\\slash", "x y", "日本", "", "\u0001"];
    private static readonly string[] Patterns = ["^[a-c]{2,4}$", "b+", "^(yes|no)", "x\\d{2}y$", "^[^a-z\"]{1,3}$", "^\\w+@\\w+\\.(com|org)$", "\\\\", "^\\S{2,5}?$", "a|^b$"];

    public static JsonObject Next(Rng random)
    {
        var schema = Schema(random, 0, recursive: true);
        if (random.NextInt(3) == 0)
            schema["title"] = "a schema";
        schema["$defs"] = new JsonObject
        {
            ["tree"] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject
                {
                    ["value"] = Schema(random, 3, recursive: false),
                    ["next"] = new JsonObject { ["$ref"] = "#/$defs/tree" },
                    ["all"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["$ref"] = "#/$defs/tree" }, ["maxItems"] = 3 }
                },
                ["required"] = new JsonArray("value"),
            },
            ["a/b~"] = Schema(random, 2, recursive: false),
        };
        return schema;
    }

    private static JsonObject Schema(Rng random, int depth, bool recursive) => random.NextInt(depth >= 3 ? 7 : 14) switch
    {
        0 => new JsonObject { ["type"] = "string" },
        1 => Text(random),
        2 => Number(random),
        3 => new JsonObject { ["type"] = random.NextInt(2) == 0 ? "boolean" : "null" },
        4 => new JsonObject { ["enum"] = new JsonArray("red", "gr\"een", 7, null, true, 1.5, new JsonObject { ["k"] = "v" }) },
        5 => new JsonObject { ["const"] = random.NextInt(2) == 0 ? "const\nänt" : new JsonArray(1, "two") },
        6 when recursive => new JsonObject { ["$ref"] = random.NextInt(2) == 0 ? "#/$defs/tree" : "#/$defs/a~1b~0" },
        6 => new JsonObject { ["type"] = new JsonArray("integer", "null"), ["maximum"] = 12 },
        7 or 8 => List(random, depth, recursive),
        9 => new JsonObject { ["anyOf"] = new JsonArray(Schema(random, depth + 1, recursive), Schema(random, depth + 1, recursive)) },
        10 => new JsonObject { ["oneOf"] = new JsonArray(new JsonObject { ["type"] = "string", ["maxLength"] = 3 }, Number(random), new JsonObject { ["type"] = "array", ["items"] = Number(random) }) },
        _ => Object(random, depth, recursive),
    };

    private static JsonObject Text(Rng random)
    {
        var schema = new JsonObject { ["type"] = "string" };
        switch (random.NextInt(4))
        {
            case 0:
                schema["pattern"] = Patterns[random.NextInt(Patterns.Length)];
                break;
            case 1:
                schema["format"] = new[] { "date", "date-time", "uuid", "time" }[random.NextInt(4)];
                break;
            default:
                int least = random.NextInt(5);
                schema["minLength"] = least;
                schema["maxLength"] = least + random.NextInt(8);
                break;
        }
        return schema;
    }

    private static JsonObject Number(Rng random)
    {
        var schema = new JsonObject { ["type"] = random.NextInt(2) == 0 ? "integer" : "number" };
        double low = random.NextInt(4000) - 2000 + (random.NextInt(2) == 0 ? 0 : 0.5), high = low + 1 + random.NextInt(random.NextInt(2) == 0 ? 5 : 5000);
        if (random.NextInt(3) != 0)
            schema["minimum"] = low;
        if (random.NextInt(3) != 0)
            schema[random.NextInt(2) == 0 ? "maximum" : "exclusiveMaximum"] = high + 1;
        return schema;
    }

    private static JsonObject List(Rng random, int depth, bool recursive)
    {
        var schema = new JsonObject { ["type"] = "array" };
        if (random.NextInt(3) != 0)
            schema["items"] = Schema(random, depth + 1, recursive);
        int prefix = random.NextInt(3) == 0 ? 1 + random.NextInt(3) : 0;
        if (prefix > 0)
            schema["prefixItems"] = new JsonArray([.. Enumerable.Range(0, prefix).Select(_ => (JsonNode)Schema(random, depth + 1, recursive))]);
        int least = random.NextInt(4);
        if (random.NextInt(2) == 0)
            schema["minItems"] = least;
        if (random.NextInt(2) == 0)
            schema["maxItems"] = least + random.NextInt(4);
        return schema;
    }

    private static JsonObject Object(Rng random, int depth, bool recursive)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        for (int i = random.NextInt(6); i > 0; i--)
        {
            string name = Names[random.NextInt(Names.Length)];
            if (properties.ContainsKey(name))
                continue;
            properties[name] = Schema(random, depth + 1, recursive);
            if (random.NextInt(2) == 0)
                required.Add(name);
        }
        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["required"] = required };
        if (random.NextInt(2) == 0)
            schema["additionalProperties"] = random.NextInt(2) == 0 ? JsonValue.Create(random.NextInt(2) == 0) : Schema(random, depth + 1, recursive);
        return schema;
    }
}
