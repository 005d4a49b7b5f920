using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>JSON as values of a template, which cannot change them.</summary>
internal static class JsonValues
{
    public static object? Of(JsonNode? node, Budget budget, int depth = 0)
    {
        budget.CheckDepth(depth);
        switch (node)
        {
            case null:
                return null;
            case JsonArray array:
                return new Sequence([.. array.Select(item => Of(item, budget, depth + 1))]) { IsFrozen = true };
            case JsonObject entries:
                var mapping = new Mapping { IsFrozen = true };
                foreach ((string name, JsonNode? value) in entries)
                    mapping[name] = Of(value, budget, depth + 1);
                return mapping;
        }
        return node.GetValueKind() switch
        {
            JsonValueKind.String => node.GetValue<string>(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number => Number(node.ToJsonString()),
            _ => null,
        };
    }

    // 1 is a whole number and 1.0 is not; one that does not fit 64 bits becomes the nearest that is not whole.
    private static object Number(string digits) =>
        long.TryParse(digits, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out long whole) ? (object)whole
            : double.Parse(digits, System.Globalization.CultureInfo.InvariantCulture);
}
