namespace Cleave.Data;

/// <summary>What a task asks for.</summary>
public enum TaskKind
{
    /// <summary>One label for a text.</summary>
    Classify,

    /// <summary>A text in answer to a text.</summary>
    Generate,

    /// <summary>Stretches of the text itself.</summary>
    Extract,

    /// <summary>Plain text, to be predicted token by token.</summary>
    LanguageModel,
}

/// <summary>A labelled stretch of a text, in UTF-16 units; <paramref name="End"/> is exclusive.</summary>
public readonly record struct TextSpan(int Start, int End, string Label);

/// <summary>One item of a task. Which fields are set depends on the task's <see cref="TaskKind"/>.</summary>
public sealed record Example
{
    public required string Text { get; init; }

    /// <summary>What is asked about the text (<see cref="TaskKind.Extract"/>), or null.</summary>
    public string? Question { get; init; }

    /// <summary>The class (<see cref="TaskKind.Classify"/>).</summary>
    public string? Label { get; init; }

    /// <summary>The text to write (<see cref="TaskKind.Generate"/>), or the exact answer, empty where there is none
    /// (<see cref="TaskKind.Extract"/> with answers).</summary>
    public string? Target { get; init; }

    /// <summary>A worse answer than <see cref="Target"/>, where preferences are learnt; else null.</summary>
    public string? Rejected { get; init; }

    /// <summary>What to find (<see cref="TaskKind.Extract"/>), ordered by start, not overlapping.</summary>
    public IReadOnlyList<TextSpan> Spans { get; init; } = [];

    /// <summary>Where the item comes from, <c>file:line</c>.</summary>
    public string Source { get; init; } = "";
}
