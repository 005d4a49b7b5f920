using System.Diagnostics.Metrics;
using Cleave.Server.Admin;
using Cleave.Serving.Allocation;

namespace Cleave.Server.Observation;

/// <summary>How processor and memory are shared, as metrics.</summary>
internal static class AllocationMetrics
{
    public static void Observe(Meter meter, ServingAllocator allocator)
    {
        meter.CreateObservableCounter("cleave.module.compute", () => allocator.Computed.Select(c => Of(c.CoreSeconds, c.Module)), "s", "Core seconds that a module has computed.");
        meter.CreateObservableGauge("cleave.module.memory", () => allocator.State.Load.Modules.SelectMany(m => new[]
        {
            Of(m.IsResident ? m.WeightBytes : 0, m.Name, "kind", "weights"), Of(m.HeldRoom, m.Name, "kind", "keys_values"),
        }), "By", "Memory of a module: its weights while they are there, and what is set aside for keys and values.");
        meter.CreateObservableGauge("cleave.module.share", () => allocator.State.Load.Modules.Select(m => Of(m.Share, m.Name)), null, "Of the processor, what a module has while all are busy.");
        meter.CreateObservableGauge("cleave.module.waiting", () => allocator.State.Load.Modules.Select(m => Of(m.Waiting, m.Name)), "{request}", "Requests that wait for a place in a module's batch, on average over ten seconds.");
        meter.CreateObservableCounter("cleave.module.evictions", () => allocator.State.Evictions, null, "Modules that had to make room in memory.");
        meter.CreateObservableGauge("cleave.bottleneck", () =>
        {
            Bottleneck found = allocator.State.Bottleneck;
            return new Measurement<int>(1, new("kind", AllocationJson.NameOf(found.Kind)), new("module", found.Module ?? ""));
        }, null, "1 for what holds the server up.");
    }

    private static Measurement<T> Of<T>(T value, string module) where T : struct => new(value, new KeyValuePair<string, object?>("module", module));

    private static Measurement<T> Of<T>(T value, string module, string key, string kind) where T : struct => new(value, new("module", module), new(key, kind));
}
