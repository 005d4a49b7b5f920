using Cleave.Splitting.Pipelines;

namespace Cleave.Serving.Pipelines;

/// <summary>What later steps see of a step.</summary>
/// <param name="Answers">The modules' answers, one a part of the text; empty for a join and where nothing was asked.</param>
/// <param name="Spans">What was found, located in the step's text; null where its module does not extract or did not answer.</param>
internal sealed record StepOutcome(StepResult Result, IReadOnlyList<ModuleResult> Answers, IReadOnlyList<FoundSpan>? Spans)
{
    private const string BetweenWords = ", ";

    /// <summary>What a template shows: the output; of spans the words, of one label where one is given.</summary>
    public string Text(string? label) => Spans is null ? Result.Output
        : string.Join(BetweenWords, Spans.Where(s => label is null || s.Label == label).Select(s => s.Text));

    public bool Meets(StepCondition condition)
    {
        if (Result.State == StepState.Skipped)
            return false;
        string[] labels = Result.State == StepState.Default ? [Result.Output] : [.. Answers.Select(a => a.Text)];
        return (condition.Is.Count == 0 || labels.Any(l => condition.Is.Contains(l, StringComparer.Ordinal)))
            && !labels.Any(l => condition.Not.Contains(l, StringComparer.Ordinal))
            && (condition.Above is not { } above || Result.Confidence >= above)
            && (condition.Below is not { } below || Result.Confidence < below);
    }
}
