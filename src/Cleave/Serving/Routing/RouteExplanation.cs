using System.Globalization;
using Cleave.Splitting.Releases;

namespace Cleave.Serving.Routing;

/// <summary>Why a release's answer came from where it did, in plain words.</summary>
public static class RouteExplanation
{
    /// <summary>One sentence a decision: the router's, then the module's.</summary>
    public static IReadOnlyList<string> Of(Answer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var sentences = new List<string> { Routed(answer) };
        if (answer.Decision is { Abstains: true } unsure)
            sentences.Add($"that is below the router's threshold of {Show(unsure.Threshold)}: the router abstains, and the monolith answers for '{answer.Task}'");
        else if (answer.ModuleConfidence is not { } confidence)
            sentences.Add($"'{answer.Task}' has no module of its own: the monolith answers for it");
        else if (answer.Escalated)
            sentences.Add($"the module is {Show(confidence)} sure of its answer, below its threshold of {Show(answer.Threshold)}: the monolith answers instead");
        else
            sentences.Add($"the module is {Show(confidence)} sure of its answer, {(answer.Threshold > 0 ? $"not below its threshold of {Show(answer.Threshold)}" : "and never hands over")}");
        return sentences;
    }

    private static string Routed(Answer answer)
    {
        if (answer.Decision is not { } decision)
            return $"the request names the task '{answer.Task}'";
        if (decision.Tasks.Count == 1)
            return $"'{answer.Task}' is the only task";
        const int Shown = 3;
        return $"the router is {Show(decision.Confidence)} sure of '{decision.Task}', before {string.Join(", ", decision.Tasks.Skip(1).Take(Shown).Select(t => $"'{t.Name}' ({Show(t.Confidence)})"))}";
    }

    private static string Show(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
