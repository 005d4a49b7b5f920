using Cleave.Data;

namespace Cleave.Splitting.Pipelines;

/// <summary>What a template refers to: a step's output, or of one that extracts the words found under one label.</summary>
/// <param name="Step">A step's name, or <see cref="StepTemplate.Input"/>.</param>
/// <param name="Label">Null for the whole output.</param>
public sealed record StepReference(string Step, string? Label);

/// <summary>A literal stretch of a template, or a reference: one of the two is null.</summary>
public sealed record TemplatePart(string? Literal, StepReference? Reference);

/// <summary>
/// A text over a pipeline's input and its steps' outputs: <c>{input}</c>, <c>{step}</c>, <c>{step.label}</c>;
/// <c>{{</c> and <c>}}</c> are braces.
/// </summary>
public sealed class StepTemplate
{
    /// <summary>What the pipeline was given.</summary>
    public const string Input = "input";

    private StepTemplate(string source, IReadOnlyList<TemplatePart> parts) => (Source, Parts) = (source, parts);

    /// <summary>What was parsed.</summary>
    public string Source { get; }

    public IReadOnlyList<TemplatePart> Parts { get; }

    /// <summary>What it refers to, in order, repetitions included.</summary>
    public IEnumerable<StepReference> References => Parts.Select(p => p.Reference).OfType<StepReference>();

    /// <summary>The reference that is all of the template, or null.</summary>
    public StepReference? Only => Parts is [{ Reference: { } only }] ? only : null;

    /// <summary>The input as it is.</summary>
    public static StepTemplate OfInput { get; } = TryParse($"{{{Input}}}")!;

    /// <summary>Stands for one that could not be parsed, so that everything else is still checked.</summary>
    internal static StepTemplate Malformed { get; } = TryParse("")!;

    /// <summary>Null where a brace is not closed, not opened, or empty.</summary>
    public static StepTemplate? TryParse(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Braces.Split(source) is { } parts ? new StepTemplate(source, [.. parts.Select(p => p.IsName ? new TemplatePart(null, Reference(p.Text)) : new TemplatePart(p.Text, null))]) : null;
    }

    /// <summary>The text, given the text of each reference.</summary>
    public string Render(Func<StepReference, string> text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return string.Concat(Parts.Select(p => p.Literal ?? text(p.Reference!)));
    }

    // Names of steps have no dots; those of labels may.
    private static StepReference Reference(string name) => name.Split('.', 2) is [var step, var label] ? new StepReference(step, label) : new StepReference(name, null);
}
