using System.Text.Json.Nodes;
using Cleave.Models;
using Cleave.Serving.Tools;
using Cleave.Tokenizers.Templates;

namespace Cleave.Serving;

/// <summary>
/// A conversation as a model reads it: written by the model's own chat template, or, for a model without one, in the plain
/// form of <see cref="Dialogue"/> with <c>assistant:</c> behind it, where a new line of the user ends the answer. An encoder–decoder
/// reads one message as it is, and several in the plain form.
/// </summary>
/// <param name="Ids">The prompt's tokens.</param>
/// <param name="IsEnd">Whether a token ends the answer.</param>
/// <param name="Stops">Texts that end the answer.</param>
public sealed record ChatPrompt(int[] Ids, Func<int, bool> IsEnd, IReadOnlyList<string> Stops)
{
    private const string NextTurn = "\nuser:";

    /// <exception cref="RequestException">The model's template refuses the conversation.</exception>
    /// <exception cref="TemplateException">The template ends in an error.</exception>
    /// <param name="tools">The functions that the model is told of; null for none.</param>
    /// <param name="opening">What the answer begins with, as the template writes it.</param>
    public static ChatPrompt Of(LanguageModel model, IReadOnlyList<ChatMessage> messages, IReadOnlyList<ToolDefinition>? tools = null, string opening = "", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(messages);
        if (model.Chat is not { } chat)
        {
            if (model.Transformer.Encoder is not null)
                return new ChatPrompt(LanguageModelHost.Prompt(model, messages is [var only] ? only.Content : Dialogue.Of(messages)), id => id == model.Tokenizer.EosId, []);
            return new ChatPrompt([.. LanguageModelHost.Start(model), .. model.Tokenizer.Encode(Dialogue.Of(messages) + "\nassistant:")],
                id => id == model.Tokenizer.EosId, [NextTurn]);
        }
        try
        {
            var turns = new JsonArray([.. messages.Select(m => (JsonNode)ToolForm.Turn(m))]);
            JsonArray? told = tools is null ? null : new JsonArray([.. tools.Select(t => JsonNode.Parse(t.Json.GetRawText()))]);
            return new ChatPrompt(chat.Encode(model.Tokenizer, turns, tools: told, opening: opening, cancellation: cancellation), chat.EndIds(model.Tokenizer).Contains, []);
        }
        catch (TemplateException e) when (e.IsRefusal)
        {
            throw new RequestException($"the model's chat template refuses the conversation: {e.Problem}", "messages");
        }
    }
}
