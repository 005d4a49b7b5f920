using System.Text.Json;
using Cleave.Serving.Tools;

namespace Cleave.Server.Http;

/// <summary>Reads what a chat request says of functions: <c>tools</c>, <c>tool_choice</c> and <c>parallel_tool_calls</c>.</summary>
internal static class ToolsReader
{
    private const int MostTools = 128, LongestName = 64;

    /// <returns>Null where nothing is offered.</returns>
    public static ToolUse? Read(JsonElement root)
    {
        bool several = Body.Find(root, "parallel_tool_calls") is not { } parallel || Body.Flag(parallel, "parallel_tool_calls");
        JsonElement? choice = Body.Find(root, "tool_choice");
        if (Body.Find(root, "tools") is not { } list)
            return choice is null ? null : throw ApiException.Invalid("'tool_choice' is for tools: give 'tools'", "tool_choice");
        if (list.ValueKind != JsonValueKind.Array)
            throw Body.Wrong("tools", "an array", list);
        if (list.GetArrayLength() is var count && count is 0 or > MostTools)
            throw ApiException.Invalid($"'tools' has {count} entries, but must have 1 to {MostTools}", "tools");
        ToolDefinition[] tools = [.. list.EnumerateArray().Select((t, i) => Tool(t, $"tools[{i}]"))];
        if (tools.GroupBy(t => t.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw ApiException.Invalid($"'tools' has the function '{twice.Key}' twice", "tools");
        (ToolChoice how, string? only) = choice is { } said ? Choice(said) : (ToolChoice.Auto, null);
        if (only is not null && !tools.Any(t => t.Name == only))
            throw ApiException.Invalid($"'tool_choice' names '{only}', which 'tools' does not have", "tool_choice");
        return new ToolUse(tools, how, only, several);
    }

    /// <exception cref="ApiException">It is there, and no function.</exception>
    public static void CheckType(JsonElement parent, string path)
    {
        string type = Body.Text(Body.Need(parent, "type", path), $"{path}.type");
        if (type != "function")
            throw ApiException.Invalid($"'{path}.type' is '{Body.Short(type)}', but only 'function' is supported", $"{path}.type", "unsupported_value");
    }

    /// <summary>A function's name.</summary>
    /// <exception cref="ApiException">It is missing, or not one that OpenAI allows.</exception>
    public static string Name(JsonElement function, string path)
    {
        string name = Body.Text(Body.Need(function, "name", path), $"{path}.name");
        return name.Length is > 0 and <= LongestName && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') ? name
            : throw ApiException.Invalid($"'{path}.name' must be 1 to {LongestName} letters, digits, underscores and hyphens", $"{path}.name");
    }

    private static ToolDefinition Tool(JsonElement tool, string path)
    {
        Body.CheckMembers(tool, path, "type", "function");
        CheckType(tool, path);
        JsonElement function = Body.Need(tool, "function", path);
        path += ".function";
        Body.CheckMembers(function, path, "name", "description", "parameters", "strict");
        string name = Name(function, path);
        if (Body.Find(function, "description") is { } description)
            _ = Body.Text(description, $"{path}.description");
        bool strict = Body.Find(function, "strict") is { } s && Body.Flag(s, $"{path}.strict");
        JsonElement? parameters = Body.Find(function, "parameters");
        if (parameters is { } schema)
            CheckParameters(schema, $"{path}.parameters");
        return new ToolDefinition(name, Told(name, Body.Find(function, "description"), parameters), parameters?.Clone(), strict);
    }

    private static void CheckParameters(JsonElement schema, string path)
    {
        if (schema.ValueKind != JsonValueKind.Object)
            throw Body.Wrong(path, "an object", schema);
        if (Body.Find(schema, "type") is { } type && !(type.ValueKind == JsonValueKind.String && type.ValueEquals("object")))
            throw ApiException.Invalid($"'{path}.type' must be 'object': arguments are one", $"{path}.type");
        Body.CheckTexts(schema, path);
    }

    // What a template is told: without what is for the server alone.
    private static JsonElement Told(string name, JsonElement? description, JsonElement? parameters)
    {
        using var told = new MemoryStream();
        using (var w = new Utf8JsonWriter(told))
        {
            w.WriteStartObject();
            w.WriteString("type", "function");
            w.WriteStartObject("function");
            w.WriteString("name", name);
            if (description is { } words)
                w.WriteString("description", words.GetString());
            if (parameters is { } schema)
            {
                w.WritePropertyName("parameters");
                schema.WriteTo(w);
            }
            w.WriteEndObject();
            w.WriteEndObject();
        }
        return JsonElement.Parse(told.ToArray());
    }

    private static (ToolChoice Choice, string? Only) Choice(JsonElement choice)
    {
        if (choice.ValueKind == JsonValueKind.String)
        {
            return Body.Text(choice, "tool_choice") switch
            {
                "none" => (ToolChoice.None, null),
                "auto" => (ToolChoice.Auto, null),
                "required" => (ToolChoice.Required, null),
                var other => throw ApiException.Invalid($"'tool_choice' is '{Body.Short(other)}', but must be none, auto, required or name a function", "tool_choice", "unsupported_value"),
            };
        }
        Body.CheckMembers(choice, "tool_choice", "type", "function");
        CheckType(choice, "tool_choice");
        JsonElement function = Body.Need(choice, "function", "tool_choice");
        Body.CheckMembers(function, "tool_choice.function", "name");
        return (ToolChoice.Required, Name(function, "tool_choice.function"));
    }
}
