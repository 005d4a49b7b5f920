using Cleave.Data;
using Cleave.Serving.Feedback;
using Cleave.Serving.Tools;

namespace Cleave.Serving;

/// <summary>What is known about a module that can be asked.</summary>
/// <param name="Name">What requests call it.</param>
/// <param name="Created">When it was made.</param>
/// <param name="ContextLength">Most tokens of a request and its answer together; null where there is no limit.</param>
public sealed record ServedModule(string Name, TaskKind Kind, DateTimeOffset Created, int? ContextLength)
{
    /// <summary>Whether several modules answer together; <see cref="Kind"/> is then what the answer is like.</summary>
    public bool IsPipeline { get; init; }
}

/// <summary>How a request came to its module.</summary>
public enum Route
{
    /// <summary>The request named it.</summary>
    Named,

    /// <summary>The router chose it.</summary>
    Router,

    /// <summary>A module, or the router, was too unsure, and the monolith answered in its place.</summary>
    Escalated,
}

/// <param name="Module">What answers: a module, or the monolith.</param>
/// <param name="Task">What the request was taken for.</param>
public sealed record ModuleChoice(string Module, string Task, Route Route)
{
    /// <summary>The version that answers, by its hash; null where there is only one.</summary>
    public string? Version { get; init; }

    /// <summary>How the version was drawn, where one is on trial whose share follows judgements; else null.</summary>
    public TrialDraw? Draw { get; init; }
}

/// <summary>Who speaks in a conversation.</summary>
public enum ChatRole
{
    System,
    User,
    Assistant,
    Tool,
}

/// <summary>A turn of a conversation.</summary>
/// <param name="Content">The words; of a tool, what the function gave.</param>
public sealed record ChatMessage(ChatRole Role, string Content)
{
    /// <summary>The calls that an assistant's turn made.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>The call that a tool's turn answers.</summary>
    public ToolCall? AnswerTo { get; init; }
}
