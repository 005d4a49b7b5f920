using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Numerics;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>Damages a JSON document in its own terms: values, kinds, names, order, depth; now and then its bytes.</summary>
internal sealed class JsonDamage(string good)
{
    private static readonly double[] Numbers = [0, -1, 1, 2, 0.5, 1e15, -1e15, 1e300, 2147483647, 2147483648, 4294967296, 9007199254740993, 1e-300, 17, 100, 65536];

    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 256 };

    private readonly JsonNode _good = JsonNode.Parse(good, null, Deep)!;

    public byte[] Next(Rng random) => Next(random, _good);

    public static byte[] Next(Rng random, JsonNode good)
    {
        var root = new JsonObject { ["root"] = good.DeepClone() };
        for (int i = random.NextInt(4); i >= 0; i--)
            Change(root, random);
        byte[] bytes = Encoding.UTF8.GetBytes(root["root"]?.ToJsonString(new JsonSerializerOptions { MaxDepth = 2000 }) ?? "null");
        return random.NextInt(5) switch
        {
            0 => Damage.Bytes(bytes, random),
            1 => Twice(bytes, random),
            _ => bytes,
        };
    }

    private static void Change(JsonObject root, Rng random)
    {
        var places = new List<(JsonNode Parent, string? Name, int Index)>();
        Collect(root, places);
        (JsonNode parent, string? name, int index) = places[random.NextInt(places.Count)];
        JsonNode? value = name is null ? parent[index] : parent[name];
        switch (random.NextInt(9))
        {
            case 0:
                Put(Hostile(random));
                break;
            case 1 when !ReferenceEquals(parent, root):
                if (parent is JsonObject holder)
                    holder.Remove(name!);
                else
                    parent.AsArray().RemoveAt(index);
                break;
            case 2 when parent is JsonObject named && !ReferenceEquals(parent, root):
                named.Remove(name!);
                named[name + "x"] = value;
                break;
            case 3:
                (JsonNode otherParent, string? otherName, int otherIndex) = places[random.NextInt(places.Count)];
                JsonNode? other = otherName is null ? otherParent[otherIndex] : otherParent[otherName];
                Put(other?.DeepClone());
                break;
            case 4 when parent is JsonArray list:
                list.Insert(random.NextInt(list.Count + 1), value?.DeepClone());
                break;
            case 5:
                JsonNode? inner = value?.DeepClone();
                for (int depth = random.NextInt(8) == 0 ? 80 : 1; depth > 0; depth--)
                    inner = random.NextInt(2) == 0 ? new JsonArray(inner) : new JsonObject { ["x"] = inner };
                Put(inner);
                break;
            case 6 when value is JsonValue plain && plain.TryGetValue(out double number):
                Put(random.NextInt(3) switch { 0 => number + 1, 1 => number - 1, _ => -number });
                break;
            case 7 when value is JsonValue text && text.TryGetValue(out string? said):
                Put(Damage.Characters(said, random, ["\"", "\\", "a", " ", "{", "\uFFFD"]));
                break;
            default:
                Put(Numbers[random.NextInt(Numbers.Length)]);
                break;
        }

        void Put(JsonNode? node)
        {
            if (name is null)
                parent[index] = node;
            else
                parent[name] = node;
        }
    }

    private static void Collect(JsonNode node, List<(JsonNode Parent, string? Name, int Index)> places)
    {
        if (node is JsonObject named)
        {
            foreach ((string name, JsonNode? child) in named)
            {
                places.Add((node, name, 0));
                if (child is not null)
                    Collect(child, places);
            }
        }
        else if (node is JsonArray list)
        {
            for (int i = 0; i < list.Count; i++)
            {
                places.Add((node, null, i));
                if (list[i] is { } child)
                    Collect(child, places);
            }
        }
    }

    private static JsonNode? Hostile(Rng random) => random.NextInt(9) switch
    {
        0 => null,
        1 => true,
        2 => new JsonArray(),
        3 => new JsonObject(),
        4 => new string('a', random.NextInt(3000)),
        5 => string.Concat("[](){}|*+?\\^$.", random.NextInt(100).ToString(CultureInfo.InvariantCulture)),
        6 => new JsonArray([.. Enumerable.Range(0, random.NextInt(200)).Select(i => (JsonNode?)i)]),
        7 => "\0\u2581",
        _ => Numbers[random.NextInt(Numbers.Length)],
    };

    /// <summary>A name that is there twice.</summary>
    private static byte[] Twice(byte[] bytes, Rng random)
    {
        string text = Encoding.UTF8.GetString(bytes);
        int brace = text.IndexOf('{', random.NextInt(text.Length)), end = brace < 0 ? -1 : text.IndexOf(':', brace);
        return end < 0 ? bytes : Encoding.UTF8.GetBytes(string.Concat(text.AsSpan(0, brace + 1), text.AsSpan(brace + 1, end - brace - 1), ":0,", text.AsSpan(brace + 1)));
    }
}
