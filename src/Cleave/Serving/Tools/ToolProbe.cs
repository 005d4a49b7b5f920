using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Models.Sampling.Grammars;
using Cleave.Tokenizers.Templates;

namespace Cleave.Serving.Tools;

/// <summary>
/// Finds a template's form of calls: it is given a function with unlikely names and turns that call it, and what it writes around those
/// names is the form. Hermes' and Qwen's <c>&lt;tool_call&gt;{…}&lt;/tool_call&gt;</c>, Mistral's <c>[TOOL_CALLS] [{…}]</c> and Llama 3's bare
/// <c>{"name": …, "parameters": …}</c> are all found so.
/// </summary>
internal sealed class ToolProbe(ChatFormat chat)
{
    private const string Function = "probe_function", Other = "probe_other", Key = "probe_key", Value = "probe_value";

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16 };

    private readonly JsonArray _tools = [Tool(Function), Tool(Other)];

    /// <returns>A <see cref="ToolForm"/>, or why there is none in words.</returns>
    /// <exception cref="TemplateException">The template refuses a turn that calls one function.</exception>
    public object Form()
    {
        var user = new JsonObject { ["role"] = "user", ["content"] = "probe_question" };
        string begun = chat.Write([user.DeepClone()], tools: _tools);
        if (!begun.Contains(Function, StringComparison.Ordinal))
            return "the model's chat template has no tools";
        string one = chat.Write([user.DeepClone(), Turn(Function)], prompts: false, _tools);
        if (Find(one, Function, 0) is not { } first)
            return "the model's chat template writes calls of tools in a form that is not JSON with a name and arguments";
        if (!one.StartsWith(begun, StringComparison.Ordinal) || first.Start < begun.Length)
            return "the model's chat template begins an answer in another way than an answer that calls tools";
        string opening = one[begun.Length..first.Start];
        (string Between, Place Second)? pair = Pair(user);
        bool isList = opening.TrimEnd().EndsWith('[') && (pair is null || pair.Value.Between.Trim() == ",");
        if (isList)
            opening = opening.TrimEnd()[..^1];
        CallForm call = first.Form with { IsList = isList };
        if (isList || pair is null)
            return new ToolForm(opening, opening.Trim(), "", call, IsSingle: pair is null);
        // What stands before every call, and not only before the first.
        string between = pair.Value.Between;
        int common = 0;
        while (common < between.Length && common < opening.Length && between[^(common + 1)] == opening[^(common + 1)])
            common++;
        string marker = opening[^common..].Trim(), closing = between[..^common].Trim();
        return marker.Length > 0 ? new ToolForm(opening, marker, closing, call, IsSingle: false)
            : new ToolForm(opening, opening.Trim(), "", call, IsSingle: true);
    }

    // Two calls in one turn, and what the template writes between them; null where it writes one only.
    private (string Between, Place Second)? Pair(JsonObject user)
    {
        try
        {
            string two = chat.Write([user.DeepClone(), Turn(Function, Other)], prompts: false, _tools);
            return Find(two, Function, 0) is { } first && Find(two, Other, first.End) is { } second ? (two[first.End..second.Start], second) : null;
        }
        catch (TemplateException)
        {
            return null;
        }
    }

    private static JsonObject Tool(string name) => new()
    {
        ["type"] = "function",
        ["function"] = new JsonObject
        {
            ["name"] = name,
            ["description"] = "probe_description",
            ["parameters"] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject { [Key] = new JsonObject { ["type"] = "string", ["description"] = "probe_parameter" } },
                ["required"] = new JsonArray(Key),
            },
        },
    };

    private static JsonObject Turn(params string[] names) =>
        ToolForm.Turn(new ChatMessage(ChatRole.Assistant, "") { ToolCalls = [.. names.Select((n, i) => new ToolCall($"probe000{i}", n, $"{{\"{Key}\":\"{Value}\"}}"))] });

    // The last place where a call of the function is written.
    private static Place? Find(string text, string name, int from)
    {
        for (int at = text.LastIndexOf(name, StringComparison.Ordinal); at >= from; at = at == 0 ? -1 : text.LastIndexOf(name, at - 1, StringComparison.Ordinal))
        {
            for (int open = text.LastIndexOf('{', at); open >= from; open = open == 0 ? -1 : text.LastIndexOf('{', open - 1))
            {
                if (Read(text, open, name) is { } place)
                    return place;
            }
        }
        return null;
    }

    // The object that begins here, if it is one and calls the function.
    private static Place? Read(string text, int start, string name)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text[start..]);
        var reader = new Utf8JsonReader(utf8, isFinalBlock: false, new JsonReaderState(new JsonReaderOptions { MaxDepth = Strict.MaxDepth }));
        try
        {
            if (!JsonDocument.TryParseValue(ref reader, out JsonDocument? document))
                return null;
            using (document)
            {
                JsonProperty[] members = [.. document.RootElement.EnumerateObject()];
                string? named = members.Where(m => IsText(m.Value, name)).Select(m => m.Name).FirstOrDefault();
                string? arguments = members.Where(m => m.Value.ValueKind == JsonValueKind.Object && m.Value.TryGetProperty(Key, out JsonElement v) && IsText(v, Value)).Select(m => m.Name).FirstOrDefault();
                return named is null || arguments is null ? null
                    : new Place(start, start + Encoding.UTF8.GetCharCount(utf8, 0, (int)reader.BytesConsumed), new CallForm([.. members.Select(m => m.Name)], named, arguments, IsList: false));
            }
        }
        catch (JsonException)
        {
            return null; // a brace of something else
        }
    }

    private static bool IsText(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    private sealed record Place(int Start, int End, CallForm Form);
}
