using Cleave.Models.Sampling.Grammars;
using Microsoft.Extensions.AI;

namespace Cleave.Serving.Extensions;

/// <summary>Messages and options of .NET's chat interface as a request for a host; nothing is silently ignored.</summary>
internal static class ChatRequests
{
    public static ModuleRequest Of(IModuleHost host, IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(messages);
        options ??= new ChatOptions();
        Refuse(options.TopK is not null, "TopK");
        Refuse(options.FrequencyPenalty is not (null or 0), "FrequencyPenalty");
        Refuse(options.PresencePenalty is not (null or 0), "PresencePenalty");
        Refuse(options.Tools is { Count: > 0 }, "Tools");
        List<ChatMessage> turns = [.. messages.Select(m => new ChatMessage(RoleOf(m.Role), TextOf(m)))];
        if (!string.IsNullOrEmpty(options.Instructions))
            turns.Insert(0, new ChatMessage(ChatRole.System, options.Instructions));
        if (!turns.Exists(t => t.Role == ChatRole.User))
            throw new RequestException("the conversation has no message of the user", "messages");
        return new ModuleRequest
        {
            Module = CleaveChatClient.ModuleOf(host, options.ModelId),
            Messages = turns,
            MaxTokens = options.MaxOutputTokens,
            Temperature = options.Temperature,
            TopP = options.TopP,
            Seed = options.Seed is { } seed ? unchecked((ulong)seed) : null,
            Stop = [.. options.StopSequences ?? []],
            Grammar = GrammarOf(options.ResponseFormat, cancellation),
        };
    }

    private static Grammar? GrammarOf(ChatResponseFormat? format, CancellationToken cancellation)
    {
        if (format is not ChatResponseFormatJson json)
            return null;
        if (json.Schema is not { } schema)
            return Grammar.JsonObject;
        try
        {
            return SchemaGrammars.Of(schema, "ResponseFormat.Schema", cancellation);
        }
        catch (CleaveException e)
        {
            throw new RequestException(e.Message, "ResponseFormat", "unsupported_value");
        }
    }

    private static void Refuse(bool isSet, string option)
    {
        if (isSet)
            throw new RequestException($"the option {option} is not supported", option, "unsupported_parameter");
    }

    private static ChatRole RoleOf(Microsoft.Extensions.AI.ChatRole role) =>
        role == Microsoft.Extensions.AI.ChatRole.System ? ChatRole.System
        : role == Microsoft.Extensions.AI.ChatRole.User ? ChatRole.User
        : role == Microsoft.Extensions.AI.ChatRole.Assistant ? ChatRole.Assistant
        : throw new RequestException($"the role '{role}' is not supported; there are system, user and assistant", "messages");

    private static string TextOf(Microsoft.Extensions.AI.ChatMessage message) => string.Concat(message.Contents.Select(c => c is TextContent text ? text.Text
        : throw new RequestException($"content of the kind {c.GetType().Name} is not supported; only text is", "messages")));
}
