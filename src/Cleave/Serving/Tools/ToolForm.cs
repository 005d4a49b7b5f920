using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Cleave.Models;
using Cleave.Models.Sampling.Grammars;
using Cleave.Tokenizers.Templates;

namespace Cleave.Serving.Tools;

/// <summary>
/// How a model writes calls of functions. It is found out by asking its chat template to write some (<see cref="ToolProbe"/>): so it is
/// what the model was shown in training, whatever the model is called.
/// </summary>
/// <param name="Opening">What the template writes between the beginning of the assistant's turn and the first call; possibly empty.</param>
/// <param name="Marker">The part of it that stands before every call, or before the list of calls; empty where nothing does.</param>
/// <param name="Closing">What stands behind a call; possibly empty.</param>
/// <param name="Call">The JSON object that is a call.</param>
/// <param name="IsSingle">Whether an answer can hold one call only.</param>
public sealed record ToolForm(string Opening, string Marker, string Closing, CallForm Call, bool IsSingle)
{
    private static readonly ConditionalWeakTable<ChatTemplate, object> Found = [];

    /// <summary>The character that a call, or a list of calls, begins with.</summary>
    public char First => Call.IsList ? '[' : '{';

    /// <summary>Of a model's template; looked for once.</summary>
    /// <exception cref="RequestException">The model has no template, its template has no functions, or writes calls in a form that is not understood.</exception>
    public static ToolForm Of(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Chat is not { } chat)
            throw Refused("the model has no chat template, and so no form for tools");
        object found = Found.GetValue(chat.Template, _ =>
        {
            try
            {
                return new ToolProbe(chat).Form();
            }
            catch (TemplateException e)
            {
                return $"the model's chat template does not write calls of tools: {e.Problem}";
            }
        });
        return found as ToolForm ?? throw Refused((string)found);
    }

    /// <summary>A conversation's turn as templates know it, by the conventions of Hugging Face's <c>apply_chat_template</c>.</summary>
    public static JsonObject Turn(ChatMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var turn = new JsonObject { ["role"] = NameOf(message.Role), ["content"] = message.Content };
        if (message.ToolCalls.Count > 0)
        {
            turn["tool_calls"] = new JsonArray([.. message.ToolCalls.Select(c => (JsonNode)new JsonObject
            {
                ["id"] = c.Id,
                ["type"] = "function",
                ["function"] = new JsonObject { ["name"] = c.Name, ["arguments"] = JsonNode.Parse(c.Arguments) },
            })]);
        }
        if (message.AnswerTo is { } call)
        {
            turn["tool_call_id"] = call.Id;
            turn["name"] = call.Name;
        }
        return turn;
    }

    internal static RequestException Refused(string why) => new(why, "tools", "unsupported_value");

    private static string NameOf(ChatRole role) => role switch
    {
        ChatRole.System => "system",
        ChatRole.User => "user",
        ChatRole.Tool => "tool",
        _ => "assistant",
    };
}
