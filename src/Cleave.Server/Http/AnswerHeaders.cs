using System.Globalization;
using Cleave.Evaluation.Energy;
using Cleave.Serving;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>What answers say of themselves besides OpenAI's documents.</summary>
internal static class AnswerHeaders
{
    public const string Module = "x-cleave-module", Task = "x-cleave-task", Route = "x-cleave-route", Version = "x-cleave-version",
        Confidence = "x-cleave-confidence", Compute = "x-cleave-compute-ms", Queue = "x-cleave-queue-ms", Joules = "x-cleave-joules", Energy = "x-cleave-energy";

    /// <summary>Who answers; of several answers to one request, who gives the first.</summary>
    public static void SetChoice(HttpResponse response, IReadOnlyList<ModuleChoice> choices, string? version)
    {
        ModuleChoice choice = choices[0];
        // Names of modules come from project files: what HTTP does not allow in a header is escaped.
        response.Headers[Module] = Uri.EscapeDataString(choice.Module);
        response.Headers[Task] = Uri.EscapeDataString(choice.Task);
        response.Headers[Route] = NameOf(choice.Route);
        SetVersion(response, choices, version);
    }

    /// <summary>The one version that all answers are of. Removed where there is none, even if the request was admitted by one: other servers have answered, each by its own.</summary>
    /// <param name="version">The host's, where answers have none of their own.</param>
    public static void SetVersion(HttpResponse response, IEnumerable<ModuleChoice> choices, string? version)
    {
        if (choices.Select(c => c.Version ?? version).Distinct(StringComparer.Ordinal).ToArray() is [{ } only])
            response.Headers[Version] = only;
        else
            response.Headers.Remove(Version);
    }

    /// <summary>What several answers to one request took: the longest times, the energy of all.</summary>
    public static void SetCost(HttpResponse response, IReadOnlyList<ModuleResult> results)
    {
        StreamFacts facts = Facts(results);
        response.Headers[Compute] = Text(facts.ComputeMs);
        response.Headers[Queue] = Text(facts.QueueMs);
        if (facts.Confidence is { } confidence && results.Count == 1)
            response.Headers[Confidence] = confidence.ToString("0.0000", CultureInfo.InvariantCulture);
        if (facts is { Joules: { } joules, Energy: { } method })
            (response.Headers[Joules], response.Headers[Energy]) = (Text(joules), method);
    }

    /// <summary>How long it waited, and how long it was computed.</summary>
    public static void SetTimes(HttpResponse response, TimeSpan waited, TimeSpan computed) =>
        (response.Headers[Queue], response.Headers[Compute]) = (Text(Milliseconds(waited)), Text(Milliseconds(computed)));

    /// <summary>The same where headers are out already.</summary>
    public static StreamFacts Facts(IReadOnlyList<ModuleResult> results)
    {
        EnergyUse? energy = results.All(r => r.Energy is not null) ? EnergyUse.Sum(results.Select(r => r.Energy!.Value)) : null;
        return new StreamFacts(Milliseconds(results.Max(r => r.Compute)), Milliseconds(results.Max(r => r.Waited)), results[0].Confidence,
            energy is { } e ? Math.Round(e.Joules, 6) : null, energy?.Method);
    }

    public static string NameOf(Route route) => route switch
    {
        Serving.Route.Named => "named",
        Serving.Route.Router => "router",
        _ => "escalated",
    };

    private static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 3);

    private static string Text(double number) => number.ToString("0.######", CultureInfo.InvariantCulture);
}
