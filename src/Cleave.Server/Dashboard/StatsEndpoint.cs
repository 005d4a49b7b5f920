using System.Text.Json;
using Cleave.Server.Admin;
using Cleave.Server.Http;
using Cleave.Server.Observation;
using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Serving.Versions;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Dashboard;

/// <summary>All metrics, versions and names of modules as one JSON document, for the dashboard.</summary>
internal sealed class StatsEndpoint(IModuleHost host, VersionedHost? versions, ReleaseWatch? watch, MetricStore metrics, ServingAllocator? allocator, TimeProvider clock)
{
    public const string Path = AdminEndpoints.Prefix + "/stats";

    public async Task Show(HttpContext context)
    {
        using var document = new MemoryStream();
        using (var w = new Utf8JsonWriter(document))
        {
            w.WriteStartObject();
            w.WriteString("time", clock.GetUtcNow());
            w.WriteStartArray("models");
            foreach (string name in (host.CanRoute ? [ModuleRequest.Auto] : Enumerable.Empty<string>()).Concat(host.Modules.Select(m => m.Name)))
                w.WriteStringValue(name);
            w.WriteEndArray();
            w.WritePropertyName("versions");
            if (versions is not null)
                w.WriteRawValue(AdminJson.Of(versions.State, watch?.State));
            else
                w.WriteNullValue();
            w.WritePropertyName("allocation");
            if (allocator is not null)
                w.WriteRawValue(AllocationJson.Of(allocator.State));
            else
                w.WriteNullValue();
            w.WriteStartArray("metrics");
            metrics.Read(family => Write(w, family));
            w.WriteEndArray();
            w.WriteEndObject();
        }
        await JsonAnswer.Write(context.Response, 200, document.ToArray(), context.RequestAborted);
    }

    private static void Write(Utf8JsonWriter w, MetricFamily family)
    {
        w.WriteStartObject();
        w.WriteString("name", family.Instrument.Name);
        w.WriteStartArray("bounds");
        foreach (double bound in family.Bounds)
            w.WriteNumberValue(bound);
        w.WriteEndArray();
        w.WriteStartArray("series");
        foreach (MetricSeries series in family.Series.Values)
        {
            w.WriteStartObject();
            w.WriteStartObject("tags");
            foreach ((string name, string value) in series.Tags)
                w.WriteString(name, value);
            w.WriteEndObject();
            w.WriteNumber("value", series.Value);
            w.WriteStartArray("buckets");
            foreach (long count in series.Buckets)
                w.WriteNumberValue(count);
            w.WriteEndArray();
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }
}
