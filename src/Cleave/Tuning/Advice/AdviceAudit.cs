using System.Text.Json.Nodes;

namespace Cleave.Tuning.Advice;

/// <summary>What came of a study's advice.</summary>
/// <param name="Asked">Questions.</param>
/// <param name="Failed">Of them, those without a usable answer.</param>
/// <param name="Proposed">Parameter sets that fit the space.</param>
/// <param name="Repaired">Of them, those in which something was put right.</param>
/// <param name="Refused">Proposals that were not taken.</param>
/// <param name="Tried">Trials with advised parameters.</param>
/// <param name="Gains">Of them, those that improved on everything before, or on a part of the front.</param>
/// <param name="LastError">Why the last failed question failed, or null.</param>
public sealed record AdviceAudit(int Asked, int Failed, int Proposed, int Repaired, int Refused, int Tried, int Gains, string? LastError)
{
    public static AdviceAudit Of(StudyDefinition study, IReadOnlyList<AdviceExchange> exchanges, IReadOnlyList<Trial> trials)
    {
        ArgumentNullException.ThrowIfNull(exchanges);
        ArgumentNullException.ThrowIfNull(trials);
        var record = new AdviceRecord(study, exchanges, [.. trials.Where(t => t.Parameters is not null)]);
        return new AdviceAudit(exchanges.Count, exchanges.Count(e => e.Error is not null), exchanges.Sum(e => e.Proposals.Count),
            exchanges.Sum(e => e.Proposals.Count(p => p.Repairs.Count > 0)), exchanges.Sum(e => e.Refused.Count), record.Started, record.Gains, exchanges.LastOrDefault(e => e.Error is not null)?.Error);
    }

    /// <summary>One line for people.</summary>
    public override string ToString() => $"asked {Asked} times, {Failed} without use; {Proposed} proposals taken ({Repaired} put right), {Refused} refused; {Tried} tried, {Gains} of them gains"
        + (LastError is null ? "" : $"; last failure: {LastError}");

    public JsonObject ToJson() => new()
    {
        ["asked"] = Asked,
        ["failed"] = Failed,
        ["proposed"] = Proposed,
        ["repaired"] = Repaired,
        ["refused"] = Refused,
        ["tried"] = Tried,
        ["gains"] = Gains,
        ["last_error"] = LastError,
    };
}
