using System.Text;
using System.Text.Json;
using Cleave.Json;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving.Tools;

/// <summary>The grammars of the calls that requests allow.</summary>
internal static class ToolGrammars
{
    private static readonly JsonElement NoArguments = JsonElement.Parse("""{"type":"object","properties":{},"additionalProperties":false}"""u8);

    /// <exception cref="RequestException">A schema cannot be followed, and has to be.</exception>
    public static Grammar Of(ToolForm form, ToolUse use, bool several, CancellationToken cancellation)
    {
        ToolDefinition[] tools = [.. use.Tools.Where(t => use.Only is null || t.Name == use.Only)];
        string key = string.Join('\n', [string.Join(' ', form.Call.Members), form.Call.Name, form.Call.Arguments, $"{form.Call.IsList} {several} {use.Choice}",
            .. tools.Select(t => $"{t.Name} {t.IsStrict} {t.Parameters?.GetRawText()}")]);
        try
        {
            return SchemaGrammars.Of("tools", key, () => Make(form.Call, use, tools, several, cancellation));
        }
        catch (CleaveException e) when (e is not RequestException)
        {
            throw new RequestException(e.Message, "tools", "unsupported_value");
        }
    }

    private static Grammar Make(CallForm form, ToolUse use, ToolDefinition[] tools, bool several, CancellationToken cancellation)
    {
        (string Name, JsonCursor? Arguments)[] functions = [.. tools.Select(t => (t.Name, Schema(t, use, cancellation)))];
        return Grammar.OfCalls("tools", form, functions, several, cancellation);
    }

    // Where the model chooses and nobody asked for more, a schema that cannot be followed leaves any object.
    private static JsonCursor? Schema(ToolDefinition tool, ToolUse use, CancellationToken cancellation)
    {
        JsonCursor schema = JsonCursor.Parse(Encoding.UTF8.GetBytes((tool.Parameters ?? NoArguments).GetRawText()), $"the parameters of {tool.Name}");
        if (tool.IsStrict || use.Choice == ToolChoice.Required)
            return schema;
        try
        {
            _ = Grammar.OfJsonSchema(schema, cancellation);
            return schema;
        }
        catch (CleaveException)
        {
            return null;
        }
    }
}
