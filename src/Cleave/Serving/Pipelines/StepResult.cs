using Cleave.Data;

namespace Cleave.Serving.Pipelines;

/// <summary>What became of a step.</summary>
public enum StepState
{
    /// <summary>Its module answered, or its text was put together.</summary>
    Done,

    /// <summary>Its condition did not hold, there was nothing to read, or it failed and may be skipped.</summary>
    Skipped,

    /// <summary>It failed, and its default stands in.</summary>
    Default,
}

/// <summary>One step of an answer.</summary>
/// <param name="Task">The task asked; null for a join.</param>
/// <param name="Kind">What that task gives; null for a join.</param>
/// <param name="Module">What answered: the task's module or the monolith; null where none did.</param>
/// <param name="Output">The label, the text, or the spans as JSON; of several parts one behind the other; empty where it was skipped.</param>
/// <param name="Confidence">The lowest of its parts; null where there is none.</param>
/// <param name="Time">From its beginning to its end, waiting included.</param>
/// <param name="Parts">How many parts of the text its module was asked about.</param>
/// <param name="Reason">Why it was skipped, or how it failed; null where it is done.</param>
public sealed record StepResult(string Step, string? Task, TaskKind? Kind, string? Module, StepState State, string Output, double? Confidence, TimeSpan Time, int Parts, string? Reason);
