using System.Text.Json;
using Cleave.Json;
using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Server.Http;

/// <summary>Reads the messages of a chat request.</summary>
internal static class MessageReader
{
    private const int MaxMessages = 1024, MaxCalls = 128, LongestId = 128;

    private static readonly string[] Common = ["role", "content", "name", "refusal"];
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = JsonCursor.MaxDepth, AllowDuplicateProperties = false };

    public static IReadOnlyList<ChatMessage> Read(JsonElement messages)
    {
        if (messages.ValueKind != JsonValueKind.Array)
            throw Body.Wrong("messages", "an array", messages);
        if (messages.GetArrayLength() is var count && count is 0 or > MaxMessages)
            throw ApiException.Invalid($"'messages' has {count} entries, but must have 1 to {MaxMessages}", "messages");
        var calls = new Dictionary<string, ToolCall>(StringComparer.Ordinal);
        ChatMessage[] read = [.. messages.EnumerateArray().Select((m, i) => ReadOne(m, $"messages[{i}]", calls))];
        return read.Any(m => m.Role == ChatRole.User) ? read
            : throw ApiException.Invalid("'messages' has no message with the role 'user'", "messages");
    }

    /// <param name="calls">Those of earlier messages, by their ids.</param>
    private static ChatMessage ReadOne(JsonElement message, string path, Dictionary<string, ToolCall> calls)
    {
        if (message.ValueKind != JsonValueKind.Object)
            throw Body.Wrong(path, "an object", message);
        string role = Body.Text(Body.Need(message, "role", path), $"{path}.role");
        ChatRole who = Role(role, $"{path}.role");
        foreach (JsonProperty member in message.EnumerateObject())
        {
            bool known = Common.Contains(member.Name) || (who == ChatRole.Assistant && member.Name == "tool_calls") || (who == ChatRole.Tool && member.Name == "tool_call_id");
            if (!known && member.Value.ValueKind != JsonValueKind.Null)
                throw ApiException.Invalid($"'{path}.{member.Name}' is not supported", $"{path}.{member.Name}", "unsupported_parameter");
        }
        ToolCall[] made = Body.Find(message, "tool_calls") is { } list ? Calls(list, $"{path}.tool_calls") : [];
        foreach (ToolCall call in made)
            calls[call.Id] = call;
        // Of a turn that calls tools the words may be missing.
        JsonElement? content = Body.Find(message, "content");
        string text = content is { } words ? Content(words, $"{path}.content") : made.Length > 0 ? "" : throw ApiException.Invalid($"'{path}.content' is missing", $"{path}.content");
        return new ChatMessage(who, text) { ToolCalls = made, AnswerTo = who == ChatRole.Tool ? Answered(message, path, calls) : null };
    }

    private static ChatRole Role(string role, string path) => role switch
    {
        "system" or "developer" => ChatRole.System,
        "user" => ChatRole.User,
        "assistant" => ChatRole.Assistant,
        "tool" => ChatRole.Tool,
        _ => throw ApiException.Invalid($"'{path}' is '{role}', but must be system, developer, user, assistant or tool", path),
    };

    private static ToolCall Answered(JsonElement message, string path, Dictionary<string, ToolCall> calls)
    {
        string id = Body.Text(Body.Need(message, "tool_call_id", path), $"{path}.tool_call_id");
        return calls.TryGetValue(id, out ToolCall? call) ? call
            : throw ApiException.Invalid($"'{path}' answers the call '{Body.Short(id)}', which no message before it made", $"{path}.tool_call_id");
    }

    private static ToolCall[] Calls(JsonElement calls, string path)
    {
        if (calls.ValueKind != JsonValueKind.Array)
            throw Body.Wrong(path, "an array", calls);
        if (calls.GetArrayLength() is var count && count is 0 or > MaxCalls)
            throw ApiException.Invalid($"'{path}' has {count} entries, but must have 1 to {MaxCalls}", path);
        return [.. calls.EnumerateArray().Select((c, i) => Call(c, $"{path}[{i}]"))];
    }

    private static ToolCall Call(JsonElement call, string path)
    {
        Body.CheckMembers(call, path, "id", "type", "function");
        string id = Body.Text(Body.Need(call, "id", path), $"{path}.id");
        if (id.Length is 0 or > LongestId)
            throw ApiException.Invalid($"'{path}.id' has {id.Length} characters, but must have 1 to {LongestId}", $"{path}.id");
        ToolsReader.CheckType(call, path);
        JsonElement function = Body.Need(call, "function", path);
        Body.CheckMembers(function, $"{path}.function", "name", "arguments");
        string arguments = Body.Text(Body.Need(function, "arguments", $"{path}.function"), $"{path}.function.arguments");
        return new ToolCall(id, ToolsReader.Name(function, $"{path}.function"), Arguments(arguments, $"{path}.function.arguments"));
    }

    // A template is given them as an object. Nothing at all is what some clients send for a function without arguments.
    private static string Arguments(string text, string path)
    {
        if (string.IsNullOrWhiteSpace(text))
            return "{}";
        try
        {
            JsonElement arguments = JsonElement.Parse(text, Strict);
            if (arguments.ValueKind != JsonValueKind.Object)
                throw ApiException.Invalid($"'{path}' must be a JSON object in a string", path);
            Body.CheckTexts(arguments, path);
            return text;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw ApiException.Invalid($"'{path}' is not valid JSON: {e.Message}", path);
        }
    }

    private static string Content(JsonElement content, string path)
    {
        if (content.ValueKind == JsonValueKind.String)
            return Body.Text(content, path);
        if (content.ValueKind != JsonValueKind.Array)
            throw Body.Wrong(path, "a string or an array of parts", content);
        return string.Concat(content.EnumerateArray().Select((part, i) => Part(part, $"{path}[{i}]")));
    }

    private static string Part(JsonElement part, string path)
    {
        if (part.ValueKind != JsonValueKind.Object)
            throw Body.Wrong(path, "an object", part);
        string type = Body.Text(Body.Need(part, "type", path), $"{path}.type");
        if (type != "text")
            throw ApiException.Invalid($"'{path}.type' is '{type}', but only 'text' is supported", $"{path}.type", "unsupported_value");
        return Body.Text(Body.Need(part, "text", path), $"{path}.text");
    }
}
