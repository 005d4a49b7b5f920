using System.Text.Json;
using System.Text.Json.Serialization;
using Cleave.Serving.Feedback;
using Cleave.Serving.Versions;

namespace Cleave.Server.Admin;

internal sealed record VersionDocument(string Version, string Project, string Role, IReadOnlyList<VersionModule> Modules, int Running, long Requests, long Failures, double MeanComputeMs);

internal sealed record VersionModule(string Name, string Kind, bool? Certified, string? Certificate);

internal sealed record TrialDocument(string Version, string Mode, double? Percent, ComparisonDocument? Comparison, LearnedDocument? Learned);

internal sealed record LearnedDocument(string Verdict, double MostPercent, double Risk, long Judged, long Tried, double? Extra, double Low, double High);

internal sealed record ComparisonDocument(long Compared, long Equal, long Failed, long Skipped, IReadOnlyDictionary<string, TaskComparison> Tasks);

internal sealed record TaskComparison(long Compared, long Equal);

internal sealed record VersionsDocument(IReadOnlyList<VersionDocument> Versions, TrialDocument? Trial, string? Loading, string? RollbackTo, WatchDocument? Watch);

internal sealed record WatchDocument(string Path, string Arrival, string? Last, string? Outcome, string? Reason, long Refusals);

/// <summary>What administrators are answered.</summary>
[JsonSerializable(typeof(VersionsDocument))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class AdminJson : JsonSerializerContext
{
    public static byte[] Of(VersionsState state, WatchState? watch) => JsonSerializer.SerializeToUtf8Bytes(Document(state, watch), Default.VersionsDocument);

    private static VersionsDocument Document(VersionsState state, WatchState? watch) => new([.. state.Versions.Select(Document)],
        state.Trial is { } t ? new TrialDocument(t.Hash, t.Comparison is not null ? "shadow" : t.Learned is not null ? "learn" : "canary", t.Comparison is null ? Math.Round(t.Percent, 3) : null, Document(t.Comparison), Document(t.Learned)) : null,
        Path.GetFileName(state.Loading), state.RollbackTo,
        watch is null ? null : new WatchDocument(watch.Path, watch.Arrival, watch.Last, watch.Outcome, watch.Reason, watch.Refusals));

    private static VersionDocument Document(VersionState v) => new(v.Hash, v.Project, v.Role.ToString().ToLowerInvariant(),
        [.. v.Modules.Select(m => new VersionModule(m.Name, Http.ModelsEndpoint.Kind(m.Kind), Proof(v, m.Name)?.Passed, Proof(v, m.Name)?.Sentence))],
        v.Running, v.Requests, v.Failures, Math.Round(v.MeanCompute.TotalMilliseconds, 3));

    private static ModuleProof? Proof(VersionState version, string module) => version.Proofs.FirstOrDefault(p => p.Module == module);

    /// <summary>As documents and logs call it.</summary>
    public static string NameOf(TrialVerdict verdict) => verdict switch
    {
        TrialVerdict.AsGood => "as good",
        TrialVerdict.Better => "better",
        TrialVerdict.Worse => "worse",
        _ => "open",
    };

    private static LearnedDocument? Document(BanditState? b) => b is null ? null
        : new LearnedDocument(NameOf(b.Verdict), 100 * b.Most, b.Risk, b.Judged, b.Tried, b.Extra is { } extra ? Math.Round(extra, 6) : null, Math.Round(b.Low, 6), Math.Round(b.High, 6));

    private static ComparisonDocument? Document(ShadowComparison? c) => c is null ? null : new ComparisonDocument(c.Compared, c.Equal, c.Failed, c.Skipped,
        c.EqualByTask.OrderBy(t => t.Key, StringComparer.Ordinal).ToDictionary(t => t.Key, t => new TaskComparison(t.Value.Compared, t.Value.Equal)));
}
