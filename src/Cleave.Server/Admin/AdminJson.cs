using System.Text.Json;
using System.Text.Json.Serialization;
using Cleave.Serving.Versions;

namespace Cleave.Server.Admin;

internal sealed record VersionDocument(string Version, string Project, string Role, IReadOnlyList<VersionModule> Modules, int Running, long Requests, long Failures, double MeanComputeMs);

internal sealed record VersionModule(string Name, string Kind, bool? Certified, string? Certificate);

internal sealed record TrialDocument(string Version, string Mode, double? Percent, ComparisonDocument? Comparison);

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
        state.Trial is { } t ? new TrialDocument(t.Hash, t.Comparison is null ? "canary" : "shadow", t.Comparison is null ? t.Percent : null, Document(t.Comparison)) : null,
        Path.GetFileName(state.Loading), state.RollbackTo,
        watch is null ? null : new WatchDocument(watch.Path, watch.Arrival, watch.Last, watch.Outcome, watch.Reason, watch.Refusals));

    private static VersionDocument Document(VersionState v) => new(v.Hash, v.Project, v.Role.ToString().ToLowerInvariant(),
        [.. v.Modules.Select(m => new VersionModule(m.Name, Http.ModelsEndpoint.Kind(m.Kind), Proof(v, m.Name)?.Passed, Proof(v, m.Name)?.Sentence))],
        v.Running, v.Requests, v.Failures, Math.Round(v.MeanCompute.TotalMilliseconds, 3));

    private static ModuleProof? Proof(VersionState version, string module) => version.Proofs.FirstOrDefault(p => p.Module == module);

    private static ComparisonDocument? Document(ShadowComparison? c) => c is null ? null : new ComparisonDocument(c.Compared, c.Equal, c.Failed, c.Skipped,
        c.EqualByTask.OrderBy(t => t.Key, StringComparer.Ordinal).ToDictionary(t => t.Key, t => new TaskComparison(t.Value.Compared, t.Value.Equal)));
}
