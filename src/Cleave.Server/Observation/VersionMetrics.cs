using System.Diagnostics.Metrics;
using Cleave.Serving.Versions;

namespace Cleave.Server.Observation;

/// <summary>The versions in memory as metrics.</summary>
internal static class VersionMetrics
{
    public static void Observe(Meter meter, VersionedHost host, ReleaseWatch? watch)
    {
        if (watch is not null)
            meter.CreateObservableCounter("cleave.watch.refusals", () => watch.State.Refusals, "{release}", "New releases that were found and could not be used.");
        meter.CreateObservableGauge("cleave.version.info", () => host.State.Versions.Select(v =>
            new Measurement<int>(1, new("version", v.Hash[..12]), new("role", v.Role.ToString().ToLowerInvariant()))), null, "1 for each version in memory, with what it does.");
        meter.CreateObservableGauge("cleave.trial.share", () => host.State.Trial is { Comparison: null } t
            ? new[] { new Measurement<double>(t.Percent / 100, new KeyValuePair<string, object?>("version", t.Hash[..12])) } : [], "1", "Share of the requests that the version on trial answers.");
        meter.CreateObservableGauge("cleave.shadow.answers", () => host.State.Trial?.Comparison is { } c
            ? new[] { Of("equal", c.Equal), Of("different", c.Compared - c.Equal), Of("failed", c.Failed), Of("skipped", c.Skipped) } : [],
            "{request}", "Answers of the shadow that runs now, by how they compare with those that were given.");
    }

    private static Measurement<long> Of(string outcome, long count) => new(count, new KeyValuePair<string, object?>("outcome", outcome));
}
