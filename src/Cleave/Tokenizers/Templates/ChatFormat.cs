using System.Text;
using System.Text.Json.Nodes;

namespace Cleave.Tokenizers.Templates;

/// <summary>A model's chat template with the names of its control tokens, as <c>tokenizer_config.json</c> holds them.</summary>
/// <param name="SpecialTokens">By role: <c>bos_token</c>, <c>eos_token</c> and others; templates know them by these names.</param>
public sealed record ChatFormat(ChatTemplate Template, IReadOnlyDictionary<string, string> SpecialTokens)
{
    // A noncharacter that no text should hold: it stands inside of names of control tokens that are only text.
    private const char Guard = '\uFDD0';

    /// <summary>The conversation as the template writes it.</summary>
    /// <param name="messages">Objects with <c>role</c> and <c>content</c>.</param>
    /// <param name="prompts">Whether the assistant's next turn is begun.</param>
    /// <exception cref="TemplateException">The template refuses the conversation or ends in an error.</exception>
    public string Write(JsonArray messages, bool prompts = true, JsonArray? tools = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var variables = new JsonObject { ["messages"] = messages.DeepClone(), ["add_generation_prompt"] = prompts };
        if (tools is not null)
            variables["tools"] = tools.DeepClone();
        foreach ((string role, string token) in SpecialTokens)
            variables[role] = token;
        return Template.Render(variables, cancellation: cancellation);
    }

    /// <summary>
    /// The conversation's tokens. Control tokens come from the template alone: their names in what somebody said are text.
    /// </summary>
    /// <inheritdoc cref="Write"/>
    /// <param name="opening">What the assistant's next turn begins with, control tokens included.</param>
    public int[] Encode(ITokenizer tokenizer, JsonArray messages, bool prompts = true, JsonArray? tools = null, string opening = "", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(messages);
        var guarded = (JsonArray)Guarded(messages, tokenizer.SpecialTokens)!;
        var guardedTools = (JsonArray?)Guarded(tools, tokenizer.SpecialTokens);
        string text = Write(guarded, prompts, guardedTools, cancellation) + opening;
        var ids = new List<int>();
        int from = 0;
        for (int at = text.IndexOf(Guard); at >= 0; at = text.IndexOf(Guard, from))
        {
            // The name's first character is before the guard; what follows the guard cannot make it a name again.
            ids.AddRange(tokenizer.Encode(text[from..at], parseSpecial: true));
            from = at + 1;
        }
        ids.AddRange(tokenizer.Encode(text[from..], parseSpecial: true));
        return [.. ids];
    }

    /// <summary>
    /// The tokens that end the assistant's turn: the tokenizer's end of text, the one that the configuration names, and the
    /// one that the template writes behind what an assistant said.
    /// </summary>
    public IReadOnlySet<int> EndIds(ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var ids = new HashSet<int>();
        if (tokenizer.EosId is { } eos)
            ids.Add(eos);
        if (SpecialTokens.TryGetValue("eos_token", out string? name) && tokenizer.IdOf(name) is { } named)
            ids.Add(named);
        if (AfterAssistant() is { } after && tokenizer.SpecialTokens.Where(t => after.StartsWith(t, StringComparison.Ordinal)).MaxBy(t => t.Length) is { } end)
            ids.Add(tokenizer.IdOf(end)!.Value);
        return ids;
    }

    private string? AfterAssistant()
    {
        const string Said = "said-by-the-assistant";
        var messages = new JsonArray(
            new JsonObject { ["role"] = "user", ["content"] = "user" },
            new JsonObject { ["role"] = "assistant", ["content"] = Said });
        try
        {
            string text = Write(messages, prompts: false);
            int at = text.LastIndexOf(Said, StringComparison.Ordinal);
            return at < 0 ? null : text[(at + Said.Length)..].TrimStart();
        }
        catch (TemplateException)
        {
            return null; // a template for other conversations: the named tokens must do
        }
    }

    private static JsonNode? Guarded(JsonNode? node, IReadOnlyList<string> names) => node switch
    {
        JsonArray array => new JsonArray([.. array.Select(item => Guarded(item, names))]),
        JsonObject entries => new JsonObject(entries.Select(e => KeyValuePair.Create(Guarded(e.Key, names), Guarded(e.Value, names)))),
        JsonValue value when value.TryGetValue(out string? text) => Guarded(text, names),
        _ => node?.DeepClone(),
    };

    private static string Guarded(string text, IReadOnlyList<string> names)
    {
        text = text.Replace(Guard, '\uFFFD');
        if (!names.Any(n => text.Contains(n, StringComparison.Ordinal)))
            return text;
        var guarded = new StringBuilder(text.Length + 8);
        for (int i = 0; i < text.Length; i++)
        {
            guarded.Append(text[i]);
            if (names.Any(n => string.CompareOrdinal(text, i, n, 0, n.Length) == 0))
                guarded.Append(Guard);
        }
        return guarded.ToString();
    }
}
