using System.Text.Json;
using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>Reads the messages of a chat request.</summary>
internal static class MessageReader
{
    private const int MaxMessages = 1024;

    public static IReadOnlyList<ChatMessage> Read(JsonElement messages)
    {
        if (messages.ValueKind != JsonValueKind.Array)
            throw Body.Wrong("messages", "an array", messages);
        if (messages.GetArrayLength() is var count && count is 0 or > MaxMessages)
            throw ApiException.Invalid($"'messages' has {count} entries, but must have 1 to {MaxMessages}", "messages");
        ChatMessage[] read = [.. messages.EnumerateArray().Select((m, i) => ReadOne(m, $"messages[{i}]"))];
        return read.Any(m => m.Role == ChatRole.User) ? read
            : throw ApiException.Invalid("'messages' has no message with the role 'user'", "messages");
    }

    private static ChatMessage ReadOne(JsonElement message, string path)
    {
        if (message.ValueKind != JsonValueKind.Object)
            throw Body.Wrong(path, "an object", message);
        foreach (JsonProperty member in message.EnumerateObject())
        {
            if (member.Name is not ("role" or "content" or "name" or "refusal") && member.Value.ValueKind != JsonValueKind.Null)
                throw ApiException.Invalid($"'{path}.{member.Name}' is not supported", $"{path}.{member.Name}", "unsupported_parameter");
        }
        string role = Body.Text(Body.Find(message, "role") ?? throw ApiException.Invalid($"'{path}.role' is missing", $"{path}.role"), $"{path}.role");
        JsonElement content = Body.Find(message, "content") ?? throw ApiException.Invalid($"'{path}.content' is missing", $"{path}.content");
        return new ChatMessage(Role(role, $"{path}.role"), Content(content, $"{path}.content"));
    }

    private static ChatRole Role(string role, string path) => role switch
    {
        "system" or "developer" => ChatRole.System,
        "user" => ChatRole.User,
        "assistant" => ChatRole.Assistant,
        _ => throw ApiException.Invalid($"'{path}' is '{role}', but must be system, developer, user or assistant", path),
    };

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
        string type = Body.Text(Body.Find(part, "type") ?? throw ApiException.Invalid($"'{path}.type' is missing", $"{path}.type"), $"{path}.type");
        if (type != "text")
            throw ApiException.Invalid($"'{path}.type' is '{type}', but only 'text' is supported", $"{path}.type", "unsupported_value");
        return Body.Text(Body.Find(part, "text") ?? throw ApiException.Invalid($"'{path}.text' is missing", $"{path}.text"), $"{path}.text");
    }
}
