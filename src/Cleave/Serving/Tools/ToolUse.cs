using System.Text.Json;

namespace Cleave.Serving.Tools;

/// <summary>Whether an answer calls functions.</summary>
public enum ToolChoice
{
    /// <summary>No; the model is not told of any.</summary>
    None,

    /// <summary>As the model likes.</summary>
    Auto,

    /// <summary>At least one.</summary>
    Required,
}

/// <summary>A function that an answer may call.</summary>
/// <param name="Json">How the model's template is told of it: <c>{"type": "function", "function": {"name", "description"?, "parameters"?}}</c>.</param>
/// <param name="Parameters">The JSON Schema of its arguments, an object; null for a function without any.</param>
/// <param name="IsStrict">Whether a schema that cannot be followed is refused also where the model chooses.</param>
public sealed record ToolDefinition(string Name, JsonElement Json, JsonElement? Parameters, bool IsStrict);

/// <summary>What a request says of functions.</summary>
/// <param name="Tools">At least one.</param>
/// <param name="Only">The one that must be called, with <see cref="ToolChoice.Required"/>; null for any.</param>
/// <param name="MaySeveral">Whether one answer may call more than one.</param>
public sealed record ToolUse(IReadOnlyList<ToolDefinition> Tools, ToolChoice Choice, string? Only, bool MaySeveral);

/// <summary>A call that an answer made.</summary>
/// <param name="Id">What the function's answer refers to.</param>
/// <param name="Arguments">A JSON object, as the model wrote it.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);

/// <summary>A piece of a call while it is made.</summary>
/// <param name="Index">Of the call within the answer.</param>
/// <param name="Id">With the first piece of a call alone.</param>
/// <param name="Name">With the first piece of a call alone.</param>
/// <param name="Arguments">The next characters of the arguments; empty with the first piece.</param>
public sealed record ToolCallPiece(int Index, string? Id, string? Name, string Arguments);
