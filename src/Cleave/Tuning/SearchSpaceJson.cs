using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cleave.Tuning;

/// <summary>
/// The form of a search space in study files: name → <c>{type: float|int|categorical, low, high, log, step, choices, when}</c>,
/// <c>when</c> being parent → value or list of values.
/// </summary>
public static class SearchSpaceJson
{
    private static readonly string[] NumberKeys = ["type", "low", "high", "log", "step", "when"], ChoiceKeys = ["type", "choices", "when"];

    public static JsonObject Write(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        return new JsonObject(space.Parameters.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)Write(p))));
    }

    /// <summary>Reads a space and adds every problem, with the parameter's name, to <paramref name="problems"/>.</summary>
    /// <returns>Null where there is a problem.</returns>
    public static SearchSpace? Read(JsonObject json, ICollection<string> problems)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(problems);
        int before = problems.Count;
        var parameters = new List<Parameter>();
        foreach ((string name, JsonNode? node) in json)
        {
            try
            {
                parameters.Add(ReadParameter(name, node as JsonObject ?? throw new FormatException($"'{name}' needs a type and its range")));
            }
            catch (Exception e) when (e is FormatException or ArgumentException)
            {
                problems.Add(FirstLine(e));
            }
        }
        if (problems.Count > before)
            return null;
        try
        {
            return new SearchSpace(parameters);
        }
        catch (ArgumentException e)
        {
            problems.Add(FirstLine(e));
            return null;
        }
    }

    private static JsonObject Write(Parameter parameter)
    {
        var json = new JsonObject();
        switch (parameter)
        {
            case CategoricalParameter categorical:
                json["type"] = "categorical";
                json["choices"] = new JsonArray([.. categorical.Choices.Select(c => c.ToJson())]);
                break;
            case NumericParameter number:
                json["type"] = number is IntParameter ? "int" : "float";
                json["low"] = ParameterValue.FromNumber(number.Low).ToJson();
                json["high"] = ParameterValue.FromNumber(number.High).ToJson();
                if (number.Log)
                    json["log"] = true;
                if (number.Step is { } step && !(number is IntParameter && step == 1))
                    json["step"] = ParameterValue.FromNumber(step).ToJson();
                break;
        }
        if (parameter.When.Count > 0)
        {
            json["when"] = new JsonObject(parameter.When.Select(c => KeyValuePair.Create(c.Parent,
                c.Values.Count == 1 ? (JsonNode?)c.Values[0].ToJson() : new JsonArray([.. c.Values.Select(v => v.ToJson())]))));
        }
        return json;
    }

    private static Parameter ReadParameter(string name, JsonObject json)
    {
        string type = (json["type"] as JsonValue)?.TryGetValue(out string? text) == true ? text : "";
        string[] keys = type == "categorical" ? ChoiceKeys : NumberKeys;
        if (type is not ("categorical" or "float" or "int"))
            throw new FormatException($"'{name}' has the type '{type}'; there are float, int and categorical");
        if (json.Select(m => m.Key).FirstOrDefault(k => !keys.Contains(k)) is { } unknown)
            throw new FormatException($"'{name}' has '{unknown}', which a parameter of type {type} does not take ({string.Join(", ", keys)})");
        IReadOnlyList<Condition> when = ReadWhen(name, json["when"]);
        return type switch
        {
            "categorical" => new CategoricalParameter(name,
                Values(name, json["choices"] as JsonArray ?? throw new FormatException($"'{name}' needs a list of choices")), when),
            "int" => new IntParameter(name, Long(name, json, "low"), Long(name, json, "high"), Flag(name, json["log"]),
                json.ContainsKey("step") ? Long(name, json, "step") : 1, when),
            _ => new FloatParameter(name, Number(name, json, "low"), Number(name, json, "high"), Flag(name, json["log"]),
                json.ContainsKey("step") ? Number(name, json, "step") : null, when),
        };
    }

    private static Condition[] ReadWhen(string name, JsonNode? node) => node switch
    {
        null => [],
        JsonObject parents => [.. parents.Select(m =>
            new Condition(m.Key, Values(name, m.Value as JsonArray ?? [m.Value?.DeepClone()])))],
        _ => throw new FormatException($"'{name}': when is a parameter's name with its value"),
    };

    private static ParameterValue[] Values(string name, JsonArray array) =>
        [.. array.Select(v => ParameterValue.FromJson(v)
            ?? throw new FormatException($"'{name}' has a choice that is neither a number nor a text nor a flag"))];

    private static double Number(string name, JsonObject json, string key) => ParameterValue.FromJson(json[key]) is { IsNumber: true } value
        ? value.AsDouble()
        : throw new FormatException($"'{name}' needs a number for {key}");

    private static long Long(string name, JsonObject json, string key)
    {
        double number = Number(name, json, key);
        return number == Math.Floor(number) && Math.Abs(number) <= 1L << 53 ? (long)number
            : throw new FormatException($"'{name}' needs a whole number for {key}, not {number}");
    }

    private static bool Flag(string name, JsonNode? node) => node?.GetValueKind() switch
    {
        null or JsonValueKind.False => false,
        JsonValueKind.True => true,
        _ => throw new FormatException($"'{name}': log is true or false"),
    };

    /// <summary>Without the "(Parameter 'x')" that argument exceptions carry for programmers.</summary>
    private static string FirstLine(Exception e)
    {
        string suffix = e is ArgumentException argument ? $" (Parameter '{argument.ParamName}')" : "";
        return suffix.Length > 0 && e.Message.EndsWith(suffix, StringComparison.Ordinal) ? e.Message[..^suffix.Length] : e.Message;
    }
}
