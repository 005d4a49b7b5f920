using System.Text.Json.Nodes;

namespace Cleave.Tuning.Advice;

/// <summary>JSON Schemas of a space's parameters and of an advisor's answer.</summary>
public static class AdviceSchema
{
    /// <summary>The longest reason that is kept.</summary>
    public const int MostReasonCharacters = 300;

    internal const string Proposals = "proposals", Parameters = "params", Reason = "reason", Narrow = "narrow", Name = "name", Low = "low", High = "high";

    /// <summary>One value for every parameter. Those whose conditions do not hold are there, too: whoever reads the answer leaves them out.</summary>
    public static JsonObject OfSpace(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        return Object(space.Parameters.Select(p => (p.Name, Of(p))));
    }

    /// <param name="proposals">The most that are asked for.</param>
    /// <param name="narrowing">Whether the model may also narrow the space.</param>
    public static JsonObject OfAnswer(SearchSpace space, int proposals, bool narrowing)
    {
        ArgumentNullException.ThrowIfNull(space);
        var members = new List<(string, JsonObject)>
        {
            (Proposals, List(Object([(Reason, Text()), (Parameters, OfSpace(space))]), 1, proposals)),
        };
        JsonNode[] numbers = [.. space.Parameters.OfType<NumericParameter>().Select(p => (JsonNode)p.Name)];
        if (narrowing && numbers.Length > 0)
            members.Add((Narrow, List(Object([(Name, Enum(numbers)), (Low, Typed("number")), (High, Typed("number")), (Reason, Text())]), 0, numbers.Length)));
        return Object(members);
    }

    private static JsonObject Of(Parameter parameter)
    {
        JsonObject schema;
        switch (parameter)
        {
            case CategoricalParameter categorical:
                schema = Enum(categorical.Choices.Select(c => (JsonNode)c.ToJson()));
                break;
            case NumericParameter number:
                schema = Typed(number is IntParameter ? "integer" : "number");
                schema["minimum"] = ParameterValue.FromNumber(number.Low).ToJson();
                schema["maximum"] = ParameterValue.FromNumber(number.High).ToJson();
                break;
            default:
                throw new ArgumentException($"a parameter of the type {parameter.GetType().Name}", nameof(parameter));
        }
        string when = string.Concat(parameter.When.Select(c => $"; counts where {c.Parent} is {string.Join(" or ", c.Values)}"));
        if (parameter is not CategoricalParameter || when.Length > 0)
            schema["description"] = parameter.Describe() + when;
        return schema;
    }

    private static JsonObject Typed(string type) => new() { ["type"] = type };

    private static JsonObject Text() => new() { ["type"] = "string", ["maxLength"] = MostReasonCharacters };

    private static JsonObject Enum(IEnumerable<JsonNode> values) => new() { ["enum"] = new JsonArray([.. values]) };

    private static JsonObject List(JsonObject items, int least, int most) => new() { ["type"] = "array", ["items"] = items, ["minItems"] = least, ["maxItems"] = most };

    private static JsonObject Object(IEnumerable<(string Name, JsonObject Schema)> members)
    {
        var properties = new JsonObject();
        foreach ((string name, JsonObject schema) in members)
            properties[name] = schema;
        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = properties,
            ["required"] = new JsonArray([.. properties.Select(p => (JsonNode)p.Key)]),
            ["additionalProperties"] = false,
        };
    }
}
