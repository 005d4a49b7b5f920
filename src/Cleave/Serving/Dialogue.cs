using System.Text;

namespace Cleave.Serving;

/// <summary>A conversation in the plain form that generation tasks are trained on: one <c>user:</c> or <c>assistant:</c> line a turn.</summary>
public static class Dialogue
{
    /// <summary>The turns of user and assistant; what the system says is not part of the form.</summary>
    public static string Of(IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var text = new StringBuilder();
        foreach (ChatMessage message in messages.Where(m => m.Role != ChatRole.System))
        {
            if (text.Length > 0)
                text.Append('\n');
            text.Append(message.Role == ChatRole.User ? "user: " : "assistant: ").Append(message.Content);
        }
        return text.ToString();
    }
}
