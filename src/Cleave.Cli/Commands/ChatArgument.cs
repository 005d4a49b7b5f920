using System.Text;
using Cleave.Json;
using Cleave.Serving;

namespace Cleave.Cli.Commands;

/// <summary>A conversation on the command line.</summary>
internal static class ChatArgument
{
    /// <summary>A JSON list of messages where the text begins with a bracket, or else one message of the user.</summary>
    /// <exception cref="CleaveException">The list is not one of messages.</exception>
    public static IReadOnlyList<ChatMessage> Read(string text)
    {
        if (!text.TrimStart().StartsWith('['))
            return [new ChatMessage(ChatRole.User, text)];
        ChatMessage[] messages = [.. JsonCursor.Parse(Encoding.UTF8.GetBytes(text), "--chat").Items().Select(m => new ChatMessage(Role(m["role"]), m["content"].Text()))];
        return messages.Length > 0 ? messages : throw new CleaveException("--chat: the list has no messages; give at least one of the user");
    }

    private static ChatRole Role(JsonCursor role) => role.Text() switch
    {
        "system" => ChatRole.System,
        "user" => ChatRole.User,
        "assistant" => ChatRole.Assistant,
        _ => throw role.Expected("system, user or assistant"),
    };
}
