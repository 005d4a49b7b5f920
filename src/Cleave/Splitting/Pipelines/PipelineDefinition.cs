using System.Globalization;

namespace Cleave.Splitting.Pipelines;

/// <summary>Modules chained for one request: steps that read the input and each other's outputs, and the text that they come to.</summary>
/// <param name="Steps">In the order of the file; what a step reads decides when it runs.</param>
/// <param name="Output">The answer.</param>
public sealed record PipelineDefinition(string Name, IReadOnlyList<StepDefinition> Steps, StepTemplate Output)
{
    /// <summary>Of the project file; 0 elsewhere.</summary>
    public long Line { get; init; }

    /// <summary>More is no pipeline that anybody could follow.</summary>
    public const int MostSteps = 64;

    /// <summary>The step of a name, or null.</summary>
    public StepDefinition? Find(string name) => Steps.FirstOrDefault(s => s.Name == name);
}

/// <summary>One step: a module asked with a text, or without <see cref="Task"/> a text put together (a join).</summary>
public sealed record StepDefinition
{
    public required string Name { get; init; }

    /// <summary>Of the project file; 0 elsewhere.</summary>
    public long Line { get; init; }

    /// <summary>The task whose module answers; null for a join.</summary>
    public string? Task { get; init; }

    /// <summary>What the module reads, or what a join says.</summary>
    public StepTemplate Text { get; init; } = StepTemplate.OfInput;

    /// <summary>What an extracting module is asked about the text, or null.</summary>
    public StepTemplate? Question { get; init; }

    /// <summary>The module is asked about each part of the text by itself; null: about all of it.</summary>
    public ChunkRule? Each { get; init; }

    /// <summary>What stands between the outputs of the parts.</summary>
    public string Separator { get; init; } = "\n";

    /// <summary>The step is skipped unless this holds; null: it always runs.</summary>
    public StepCondition? When { get; init; }

    public FailureRule OnFailure { get; init; } = FailureRule.Fail;

    /// <summary>The step fails where it takes longer, waiting for its turn included; null for no limit.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>Every step (or <see cref="StepTemplate.Input"/>) that it reads or whose outcome decides whether it runs.</summary>
    public IEnumerable<string> Needs
    {
        get
        {
            IEnumerable<string> read = Text.References.Concat(Question?.References ?? []).Select(r => r.Step);
            return (When is null ? read : read.Append(When.Step)).Distinct(StringComparer.Ordinal);
        }
    }
}

/// <summary>A condition on a step's label and confidence; all that is said must hold, and nothing holds of a step that was skipped.</summary>
/// <param name="Is">One of these is the label (with <c>each</c>: of some part); empty for any.</param>
/// <param name="Not">None of these is.</param>
/// <param name="Above">The confidence is at least this.</param>
/// <param name="Below">The confidence is less than this.</param>
public sealed record StepCondition(string Step, IReadOnlyList<string> Is, IReadOnlyList<string> Not, double? Above, double? Below);

/// <summary>How a text is cut: into sentences, or into stretches of whole words.</summary>
/// <param name="Tokens">Most tokens of a stretch, as the module's tokenizer counts them; null for sentences.</param>
public sealed record ChunkRule(int? Tokens)
{
    public const string Form = "'sentences', or a number of tokens such as '64 tokens'";
    private const string Sentences = "sentences", Unit = " tokens";

    /// <summary>Null where the text is not of the <see cref="Form"/>.</summary>
    public static ChunkRule? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text == Sentences ? new ChunkRule((int?)null)
            : text.EndsWith(Unit, StringComparison.Ordinal) && int.TryParse(text[..^Unit.Length], NumberStyles.None, CultureInfo.InvariantCulture, out int tokens) && tokens > 0 ? new ChunkRule(tokens)
            : null;
    }

    public override string ToString() => Tokens is { } tokens ? tokens.ToString(CultureInfo.InvariantCulture) + Unit : Sentences;
}

/// <summary>What becomes of a request when a step fails.</summary>
/// <param name="Skips">The step counts as skipped.</param>
/// <param name="Default">The step's output instead; null without one.</param>
public sealed record FailureRule(bool Skips, string? Default)
{
    public const string Form = "'fail', 'skip' or 'default' and a text, such as 'default none'";
    private const string Prefix = "default ";

    /// <summary>The request fails too.</summary>
    public static FailureRule Fail { get; } = new(false, null);

    public bool Fails => !Skips && Default is null;

    /// <summary>Null where the text is not of the <see cref="Form"/>.</summary>
    public static FailureRule? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text switch
        {
            "fail" => Fail,
            "skip" => new FailureRule(true, null),
            _ => text.StartsWith(Prefix, StringComparison.Ordinal) ? new FailureRule(false, text[Prefix.Length..]) : null,
        };
    }

    public override string ToString() => Default is { } value ? Prefix + value : Skips ? "skip" : "fail";
}
